package bulk_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/llmagg/llmagg/core/bulk"
)

// A row that cannot be asked is a result that says so, in plain words.
func TestRowsThatAreNone(t *testing.T) {
	wall, a := begin(t, "")
	folder := t.TempDir()
	in, out := filepath.Join(folder, "rows.jsonl"), filepath.Join(folder, "answers.jsonl")
	require.NoError(t, os.WriteFile(in, []byte("not json\n[1]\n{\"prompt\": 3}\n{\"promt\": \"hi\"}\n{\"messages\": \"hi\"}\n\"cut\n"), 0o600))
	_, err := run(a, in, out, bulk.Options{})
	require.NoError(t, err)
	said := results(t, out)
	for i, says := range []string{"line 1 is not valid JSON: invalid character", "line 2 is no row; expected a text", "line 3 is no row; expected a text",
		`line 4 has no "prompt", "messages" or "body"`, `"messages" of line 5 are no list of messages`, "line 6 is not valid JSON: "} {
		require.Contains(t, said[i].Error.Message, says)
		require.NotContains(t, said[i].Error.Message, "bigger context")
	}
	_, err = bulk.Run(t.Context(), a, bulk.Rows(func(yield func(bulk.Row) bool) { yield(bulk.Row{}) }), bulk.WriteJSONL(in+".out"), bulk.Options{})
	require.NoError(t, err)
	require.Equal(t, "row 0 has no Request", results(t, in+".out")[0].Error.Message)
	source, err := bulk.ReadJSONL(filepath.Join(folder, "missing.jsonl"))
	require.Error(t, err)
	require.NoError(t, source.Close())
	require.Zero(t, wall.Seen().Totals.Requests)
}
