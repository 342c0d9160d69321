package bulk_test

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/llmagg/llmagg/core/bulk"

	"github.com/stretchr/testify/require"
)

// A row far from the others, of a spoilt ledger, takes no memory for those
// between.
func TestARowFarFromTheOthers(t *testing.T) {
	wall, a := begin(t, `, "price": {"input": 1, "output": 1}`)
	folder := t.TempDir()
	in, out := prompts(t, folder, 10), filepath.Join(folder, "answers.jsonl")
	_, err := run(a, in, out, bulk.Options{})
	require.NoError(t, err)
	path := out + ".ledger.jsonl"
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	lines := strings.SplitAfter(string(data), "\n")
	far := strings.Replace(lines[1], `"result":{"n":`, `"result":{"n":1677721`, 1)
	require.NotEqual(t, lines[1], far)
	require.NoError(t, os.WriteFile(path, append(data, far...), 0o600))

	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	report, err := run(a, in, out, bulk.Options{Resume: true, MaxCost: 1000000})
	runtime.ReadMemStats(&after)
	require.NoError(t, err)
	require.Equal(t, 10, report.Rows)
	require.Zero(t, report.Asked)
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(64<<20))
	require.Equal(t, 10, wall.Seen().Totals.Requests)
}
