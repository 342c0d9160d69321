package bulk_test

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/llmagg/llmagg/core/aggregator"
	"github.com/llmagg/llmagg/core/bulk"
	"github.com/llmagg/llmagg/core/config"
	"github.com/llmagg/llmagg/core/faultwall"

	"github.com/stretchr/testify/require"
)

// configured is an aggregator whose configuration has the key "bulk", at a wall
// that refuses each request.
func configured(t *testing.T, key string) *aggregator.Aggregator {
	t.Helper()
	wall, err := faultwall.Start(faultwall.Script{}, faultwall.Options{MaxRequests: 20000})
	require.NoError(t, err)
	t.Cleanup(wall.Close)
	wall.Script("gpt-a", faultwall.Step{Status: 400})
	text := configFor(wall.BaseURL(), `, "price": {"input": 1000, "output": 1000}`)
	a, end, err := ask(strings.TrimSuffix(text, "}") + `, "bulk": ` + key + `}`)
	require.NoError(t, err)
	t.Cleanup(end)
	return a
}

func TestWhatARunDoesNotSayTheConfigurationSays(t *testing.T) {
	folder := t.TempDir()
	in := prompts(t, folder, 40)
	job := func(key string, o bulk.Options) bulk.Report {
		out := filepath.Join(t.TempDir(), "answers.jsonl")
		o.Window = 1
		report, err := run(configured(t, key), in, out, o)
		require.NoError(t, err)
		return report
	}
	require.Equal(t, 1, job(`{"errors": "stop"}`, bulk.Options{}).Errors)
	require.Equal(t, 3, job(`{"stop_after_errors": 3}`, bulk.Options{}).Errors)
	require.Equal(t, 1, job(`{"errors": "stop", "stop_after_errors": 3}`, bulk.Options{}).Errors)
	require.Equal(t, 2, job(`{"errors": "stop"}`, bulk.Options{StopAfterErrors: 2}).Errors)
	require.Equal(t, 40, job(`{"stop_after_errors": 3}`, bulk.Options{StopAfterErrors: math.Inf(1)}).Rows)
	require.Equal(t, 40, job(`{"batch_api": "auto"}`, bulk.Options{}).Rows)
}

func TestACapAndALedgerOfTheConfiguration(t *testing.T) {
	folder := t.TempDir()
	in, out, ledger := prompts(t, folder, 40), filepath.Join(folder, "answers.jsonl"), filepath.Join(folder, "l.jsonl")
	wall, _ := begin(t, "")
	text := strings.TrimSuffix(configFor(wall.BaseURL(), `, "price": {"input": 1000, "output": 1000}`), "}")
	a, end, err := ask(text + `, "bulk": {"max_cost": 0.1, "ledger": "` + ledger + `"}}`)
	require.NoError(t, err)
	t.Cleanup(end)
	report, err := run(a, in, out, bulk.Options{Window: 1})
	require.NoError(t, err)
	require.Equal(t, bulk.StoppedByMaxCost, report.Stopped)
	require.FileExists(t, ledger)
	report, err = run(a, in, out, bulk.Options{Window: 1, MaxCost: math.Inf(1), Resume: true})
	require.NoError(t, err)
	require.Equal(t, 40, report.Answered)
	require.NoFileExists(t, out+".ledger.jsonl")

	configs, err := config.Parse([]byte(text+"}"), config.Options{})
	require.NoError(t, err)
	require.NoError(t, a.Initialize(context.Background(), configs))
	require.Zero(t, a.Bulk(), "another configuration says nothing")
	_, err = run(a, in, out, bulk.Options{})
	require.NoError(t, err)
	require.FileExists(t, out+".ledger.jsonl")
}

func TestWhatOnlyPythonCanDoIsRefused(t *testing.T) {
	folder := t.TempDir()
	in, out := prompts(t, folder, 1), filepath.Join(folder, "answers.jsonl")
	_, err := run(configured(t, `{"batch_api": "always"}`), in, out, bulk.Options{})
	require.ErrorContains(t, err, `"batch_api": "always"`)
	_, err = run(configured(t, `{"ledger": "sqlite"}`), in, out, bulk.Options{})
	require.ErrorContains(t, err, `"ledger": "sqlite"`)
	require.NoFileExists(t, out+".ledger.jsonl")
	_, err = run(configured(t, `{"ledger": "sqlite"}`), in, out, bulk.Options{Ledger: filepath.Join(folder, "l.jsonl")})
	require.NoError(t, err)
	_, err = os.Stat(out)
	require.NoError(t, err)
}
