// Package examples_test builds and runs the examples as a user would.
package examples_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/llmagg/llmagg/core/faultwall"
	"github.com/stretchr/testify/require"
)

var bin string // where the built examples stand

func TestMain(m *testing.M) { os.Exit(build(m)) }

func build(m *testing.M) int {
	dir, err := os.MkdirTemp("", "llmagg-examples-")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	bin = dir
	if out, err := exec.Command("go", "build", "-o", dir+string(filepath.Separator), "./...").CombinedOutput(); err != nil {
		panic("the examples do not build: " + string(out))
	}
	return m.Run()
}

// run starts an example without the keys of whoever runs the tests, but with
// env, and returns what it printed.
func run(t *testing.T, name string, env ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(bin, name))
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "OPENAI_") {
			cmd.Env = append(cmd.Env, v)
		}
	}
	cmd.Env = append(cmd.Env, env...)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	return string(out)
}

const withoutKey = "OPENAI_API_KEY is not set: asking a local test server at http://127.0.0.1:"

func TestExamplesRunWithoutAKey(t *testing.T) {
	for name, says := range map[string][]string{
		"chat":   {withoutKey, "Hello from gpt-4o-mini.\n", "openai/gpt-4o-mini: OK (HTTP 200)"},
		"stream": {withoutKey, "Streams arrive word by word.\n(first token after "},
		"failover": {withoutKey, "Hello from gpt-4o-mini.\n", "1. openai/no-such-model: MODEL_NOT_FOUND (HTTP 404)",
			"2. openai/gpt-4o-mini: OK (HTTP 200)", "health: map[openai:map[gpt-4o-mini:true no-such-model:true]]"},
		"custom_backend": {withoutKey, "When are you open? - From nine to five.\n", "What is a breaker? - Hello from gpt-4o-mini.\n"},
	} {
		t.Run(name, func(t *testing.T) {
			out := run(t, name)
			for _, s := range says {
				require.Contains(t, out, s)
			}
		})
	}
}

func TestExamplesUseTheKeyAndTheAddressOfTheEnvironment(t *testing.T) {
	for _, name := range []string{"chat", "stream", "failover", "custom_backend"} {
		t.Run(name, func(t *testing.T) {
			wall, err := faultwall.Start(faultwall.Script{RequireKey: "sk-mine"}, faultwall.Options{})
			require.NoError(t, err)
			t.Cleanup(wall.Close)
			out := run(t, name, "OPENAI_API_KEY=sk-mine", "OPENAI_BASE_URL="+wall.BaseURL())
			require.Contains(t, out, "Hello from ")
			require.NotContains(t, out, "local test server")
			require.NotContains(t, out, "sk-mine")
			require.NotEmpty(t, wall.Seen().Requests)
		})
	}
}

// Examples are read as a whole: one task each, on one page.
func TestExamplesAreShort(t *testing.T) {
	files, err := filepath.Glob("*/*.go")
	require.NoError(t, err)
	require.Len(t, files, 4)
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		require.LessOrEqual(t, strings.Count(string(text), "\n"), 60, file)
	}
}
