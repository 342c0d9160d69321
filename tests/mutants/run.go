package main

import (
	"cmp"
	"context"
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
	failing  = "FAILS UNMUTATED"
)

const runPatience = 35 * time.Second // of one mutant's cases; a case takes a few seconds

// result is one line of the table.
type result struct {
	what    string // caught, …
	details string // the first failure of the case, or the compiler's words
	took    time.Duration
}

// try runs the mutant's cases twice: with its switch thrown but the original
// text behind it, which must pass, and then with the mutation.
func (w *workshop) try(ctx context.Context, m *mutation) (r result) {
	begun := time.Now()
	defer func() { r.took = time.Since(begun) }()
	mutant, binary, err := m.Name, w.mutated, error(nil)
	if w.alone[m.Name] != nil {
		if binary, err = w.buildAlone(ctx, m); err != nil {
			return result{what: unbuilt, details: err.Error()}
		}
		defer os.Remove(binary)
		mutant = ""
	}
	if r := w.run(ctx, w.original, mutant, m.Cases); r.what != survived {
		return result{what: failing, details: cmp.Or(r.details, r.what)}
	}
	return w.run(ctx, binary, mutant, m.Cases)
}

// run takes the cases through the Go door, with the mutant's switch thrown.
// They are caught if every one fails, and survived if every one passes.
func (w *workshop) run(ctx context.Context, binary, mutant string, cases []string) result {
	ctx, stop := context.WithTimeout(ctx, runPatience)
	defer stop()
	test := exec.CommandContext(ctx, binary, "-test.v", "-test.run", "^TestContract$/^go$/^("+strings.Join(cases, "|")+")$")
	test.Dir = filepath.Join(w.root, "tests", "contract")
	test.Env = append(os.Environ(), "LLMAGG_CONTRACT_DOORS=go", "LLMAGG_CONTRACT_VERBOSE=", chosenMutant+"="+mutant)
	test.WaitDelay = time.Second
	output, err := test.CombinedOutput()
	return judge(string(output), cases, ctx.Err(), err)
}

// judge reads what the test binary said: ctx is set when it was killed, exit
// when it failed.
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
