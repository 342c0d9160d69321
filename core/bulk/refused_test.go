package bulk_test

import (
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/llmagg/llmagg/core/bulk"

	"github.com/stretchr/testify/require"
)

func TestWhatWouldLoseRowsOrBoundNothingIsRefused(t *testing.T) {
	wall, a := begin(t, "")
	folder := t.TempDir()
	in := prompts(t, folder, 10)
	before, err := os.ReadFile(in)
	require.NoError(t, err)
	_, err = run(a, in, in, bulk.Options{})
	require.ErrorContains(t, err, "is the input")
	_, err = run(a, in, folder, bulk.Options{})
	require.ErrorContains(t, err, "is a folder")
	out := filepath.Join(folder, "answers.jsonl")
	for says, o := range map[string]bulk.Options{
		"the ledger is a URL, which is for Python's": {Ledger: "valkey://:hunter2@h"},
		"Options.MaxCost is NaN":                     {MaxCost: math.NaN()}, "Options.StopAfterErrors is NaN": {StopAfterErrors: math.NaN()},
		"Options.MaxCost is -1": {MaxCost: -1}, "Options.Window is -1": {Window: -1},
	} {
		_, err = run(a, in, out, o)
		require.ErrorContains(t, err, says)
		require.NotContains(t, err.Error(), "hunter2")
	}
	after, err := os.ReadFile(in)
	require.NoError(t, err)
	require.Equal(t, before, after)
	require.Zero(t, wall.Seen().Totals.Requests)
}

func TestAKeyInThePlaceOfAPathIsNotShown(t *testing.T) {
	_, a := begin(t, "")
	in := prompts(t, t.TempDir(), 1)
	t.Chdir(t.TempDir())
	const key = "sk-proj-abcdefghijklmnop"
	require.NoError(t, os.Mkdir(key, 0o700))
	for name, err := range map[string]error{
		"a folder as the output":   second(run(a, in, key, bulk.Options{})),
		"no folder for the output": second(run(a, in, key+"/no/such", bulk.Options{})),
		"a folder as the ledger":   second(run(a, in, "answers.jsonl", bulk.Options{Ledger: key})),
		"no such input":            second(run(a, key+".jsonl", "answers.jsonl", bulk.Options{})),
	} {
		require.ErrorContains(t, err, "not shown", name)
		require.NotContains(t, err.Error(), key, name)
	}
}
