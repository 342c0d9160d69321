package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// What became of a mutant. Only caught is good.
const (
	caught   = "caught"
	survived = "SURVIVED"
	unbuilt  = "DOES NOT COMPILE"
	hung     = "HANGS"
	crashed  = "CRASHES"
	notRun   = "CASE NOT RUN"
)

const (
	buildPatience = 5 * time.Minute
	runPatience   = 35 * time.Second // of one mutant's cases; a case takes a few seconds
)

// result is one line of the table.
type result struct {
	what    string // caught, …
	details string // the first failure of the case, or the compiler's words
	took    time.Duration
}

// workshop makes and runs mutants. folder is a temporary one.
type workshop struct{ root, folder string }

// try compiles the mutant and runs its cases.
func (w *workshop) try(ctx context.Context, m *mutation) (r result) {
	begun := time.Now()
	defer func() { r.took = time.Since(begun) }()
	text, err := m.apply(w.root)
	if err != nil {
		return result{what: unbuilt, details: err.Error()}
	}
	binary, err := w.build(ctx, m.File, text)
	if err != nil {
		return result{what: unbuilt, details: err.Error()}
	}
	return w.run(ctx, binary, m.Cases)
}

// build compiles the contract tests with text in place of file; file may be
// empty: the core as it is.
func (w *workshop) build(ctx context.Context, file string, text []byte) (binary string, err error) {
	ctx, stop := context.WithTimeout(ctx, buildPatience)
	defer stop()
	binary = filepath.Join(w.folder, "contract.test")
	arguments := []string{"test", "-c", "-ldflags=-s -w", "-o", binary}
	if file != "" {
		overlay, err := w.overlay(file, text)
		if err != nil {
			return "", err
		}
		arguments = append(arguments, "-overlay", overlay)
	}
	compile := exec.CommandContext(ctx, "go", append(arguments, "./tests/contract")...)
	compile.Dir = w.root
	compile.WaitDelay = time.Second
	if output, err := compile.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w: %s", err, output)
	}
	return binary, nil
}

// overlay writes the mutated file and the document that tells the compiler to
// read it instead of the original.
func (w *workshop) overlay(file string, text []byte) (path string, err error) {
	original, err := filepath.Abs(filepath.Join(w.root, filepath.FromSlash(file)))
	if err != nil {
		return "", err
	}
	mutated := filepath.Join(w.folder, "mutated.go")
	if err := os.WriteFile(mutated, text, 0o600); err != nil {
		return "", err
	}
	document, err := json.Marshal(map[string]map[string]string{"Replace": {original: mutated}})
	if err != nil {
		return "", err
	}
	path = filepath.Join(w.folder, "overlay.json")
	return path, os.WriteFile(path, document, 0o600)
}

// run takes the cases through the Go door. They are caught if every one fails.
func (w *workshop) run(ctx context.Context, binary string, cases []string) result {
	ctx, stop := context.WithTimeout(ctx, runPatience)
	defer stop()
	test := exec.CommandContext(ctx, binary, "-test.v", "-test.run", "^TestContract$/^go$/^("+strings.Join(cases, "|")+")$")
	test.Dir = filepath.Join(w.root, "tests", "contract")
	test.Env = append(os.Environ(), "LLMAGG_CONTRACT_DOORS=go", "LLMAGG_CONTRACT_VERBOSE=")
	test.WaitDelay = time.Second
	output, err := test.CombinedOutput()
	return judge(string(output), cases, ctx.Err(), err)
}

// judge reads what the test binary said: ctx is set when it was killed, exit when it failed.
func judge(output string, cases []string, ctx, exit error) result {
	if ctx != nil {
		return result{what: hung, details: lastLine(output)}
	}
	if strings.Contains(output, "\npanic: ") || strings.Contains(output, "\nfatal error: ") {
		return result{what: crashed, details: lastLine(output)}
	}
	r := result{what: caught, details: firstFailure(output)}
	for _, name := range cases {
		switch verdict(output, name) {
		case "FAIL":
		case "PASS":
			return result{what: survived, details: name + " passes"}
		default:
			return result{what: notRun, details: fmt.Sprint(name, ": ", exit)}
		}
	}
	return r
}

// verdict is PASS, FAIL or SKIP for a case, empty if it was not run.
func verdict(output, name string) string {
	m := regexp.MustCompile(`(?m)^\s*--- (\w+): TestContract/go/` + regexp.QuoteMeta(name) + ` `).FindStringSubmatch(output)
	if m == nil {
		return ""
	}
	return m[1]
}

var failure = regexp.MustCompile(`(?m)^\s*contract_test\.go:\d+: (.*)$`)

func firstFailure(output string) string {
	if m := failure.FindStringSubmatch(output); m != nil {
		return m[1]
	}
	return ""
}

func lastLine(output string) string {
	lines := strings.Split(strings.TrimSpace(output), "\n")
	return lines[len(lines)-1]
}
