package bulk_test

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/llmagg/llmagg/core/aggregator"
	"github.com/llmagg/llmagg/core/bulk"
	"github.com/llmagg/llmagg/core/faultwall"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/stretchr/testify/require"
)

// quota is a wall of 600 000 tokens a minute, a tenth of them there at the
// start; an answer of 420 tokens takes half a second.
func quota(t *testing.T, told bool, config string) (*faultwall.Wall, *aggregator.Aggregator) {
	t.Helper()
	wall, err := faultwall.Start(faultwall.MustScript(fmt.Sprintf(`{"models": {"gpt-a": {"steps": [{"usage": {"prompt_tokens": 20, "completion_tokens": 400, "total_tokens": 420},
		"delay_headers_s": 0.5}], "after": "loop", "quota": {"tpm": 600000, "level": 0.1, "headers": %v}}}}`, told)), faultwall.Options{MaxRequests: 20000})
	require.NoError(t, err)
	t.Cleanup(wall.Close)
	a, end, err := ask(fmt.Sprintf(`{"openai": {"models": {"gpt-a": {"api_key": "k-123456789", "base_url": %q%s}}}}`, wall.BaseURL(), config))
	require.NoError(t, err)
	t.Cleanup(end)
	return wall, a
}

// A run has as many rows under way as the server takes where nobody has said
// how many, and leaves the route as it was.
func TestAutoIsTheDefaultOfARun(t *testing.T) {
	for _, told := range []bool{true, false} {
		t.Run(fmt.Sprintf("told: %v", told), func(t *testing.T) {
			t.Parallel()
			wall, a := quota(t, told, "")
			folder := t.TempDir()
			report, err := run(a, prompts(t, folder, 300), filepath.Join(folder, "answers.jsonl"), bulk.Options{})
			require.NoError(t, err)
			for _, r := range results(t, filepath.Join(folder, "answers.jsonl")) {
				require.Nil(t, r.Error, "%v", r.Error)
			}
			require.Equal(t, 300, report.Answered)
			seen := wall.Seen()
			refused := 0
			for _, r := range seen.Requests {
				if r.Status == 429 {
					refused++
				}
			}
			t.Logf("300 rows in %.1f s, %d refused, %d at once", report.Took.Seconds(), refused, seen.Models["gpt-a"].MaxSimultaneous)
			require.Greater(t, seen.Models["gpt-a"].MaxSimultaneous, 20, "more than the ten that are the default elsewhere")
			require.Equal(t, 10, a.Report()[0].Limit)
		})
	}
}

// A number that was set stays.
func TestANumberOfCallsThatWasSetStays(t *testing.T) {
	wall, a := quota(t, true, `, "max_concurrent_calls": 10`)
	folder := t.TempDir()
	_, err := run(a, prompts(t, folder, 40), filepath.Join(folder, "answers.jsonl"), bulk.Options{})
	require.NoError(t, err)
	require.Equal(t, 10, wall.Seen().Models["gpt-a"].MaxSimultaneous)
}

// Two runs at once, and other calls of the process, share a route; it has its
// ten calls again when the last run has ended.
func TestTwoRunsAndOtherCallsAtOnce(t *testing.T) {
	wall, err := faultwall.Start(faultwall.Script{}, faultwall.Options{MaxRequests: 20000})
	require.NoError(t, err)
	t.Cleanup(wall.Close)
	wall.Script("gpt-a", faultwall.Step{DelayHeadersS: 0.05})
	a, end, err := ask(fmt.Sprintf(`{"openai": {"models": {"gpt-a": {"api_key": "k-123456789", "base_url": %q}}}}`, wall.BaseURL()))
	require.NoError(t, err)
	t.Cleanup(end)
	folder := t.TempDir()
	in := prompts(t, folder, 200)
	chats := func(n int) {
		var all sync.WaitGroup
		for range n {
			all.Go(func() {
				_, err := a.Chat(context.Background(), &llm.Request{Messages: []llm.Message{{Role: llm.RoleUser, Content: "hello"}}})
				if err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
	}
	var runs sync.WaitGroup
	for _, name := range []string{"a.jsonl", "b.jsonl"} {
		runs.Go(func() {
			if _, err := run(a, in, filepath.Join(folder, name), bulk.Options{}); err != nil {
				t.Error(err)
			}
		})
	}
	chats(50)
	runs.Wait()
	require.Greater(t, wall.Seen().Models["gpt-a"].MaxSimultaneous, 20)
	require.Equal(t, 10, a.Report()[0].Limit)
	require.NoError(t, wall.SetScript(faultwall.MustScript(`{"models": {"gpt-b": {"steps": [{"delay_headers_s": 0.05}]}}}`)))
	chats(50)
	require.Equal(t, 10, a.Report()[0].Limit)
}

// "bulk": false of an aggregator holds for the rows of its runs; a row's own
// option counts for more.
func TestAnAggregatorMayRefuseAuto(t *testing.T) {
	wall, asked := quota(t, true, "")
	refusing := aggregator.New(asked.Manager(), aggregator.Options{Call: llm.CallOptions{Decided: llm.DecideBulk}})
	folder := t.TempDir()
	require.NoError(t, wall.SetScript(faultwall.MustScript(`{"default": {"steps": [{"delay_headers_s": 0.02}]}}`)))
	_, err := run(refusing, prompts(t, folder, 200), filepath.Join(folder, "a.jsonl"), bulk.Options{})
	require.NoError(t, err)
	require.Equal(t, 10, wall.Seen().Models["gpt-a"].MaxSimultaneous)

	rows := make([]bulk.Row, 200)
	for i := range rows {
		rows[i].Request = &llm.Request{Messages: []llm.Message{{Role: llm.RoleUser, Content: fmt.Sprint(i)}}}
		rows[i].Request.Options.Bulk = true
	}
	_, err = bulk.Run(context.Background(), refusing, bulk.Rows(slices.Values(rows)), bulk.WriteJSONL(filepath.Join(folder, "b.jsonl")), bulk.Options{})
	require.NoError(t, err)
	require.Greater(t, wall.Seen().Models["gpt-a"].MaxSimultaneous, 10)
}
