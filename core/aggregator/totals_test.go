package aggregator_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/llmagg/llmagg/core/llm"
	"github.com/stretchr/testify/require"
)

// The totals of a route begin with its first report, and tell what became of
// its calls: attempts by outcome, retries, failovers, tokens, cost, durations.
func TestTotalsCountWhatCallsDid(t *testing.T) {
	w := build(t, map[string]string{"a": `[{"status":503}]`, "b": `[]`}, `,"max_retries":1,"price":{"input":1000000,"output":1000000}`)
	ask := func(stream bool) {
		r := &llm.Request{Messages: []llm.Message{{Role: llm.RoleUser, Content: "hi"}}, Stream: stream}
		_, err := w.Chat(context.Background(), r)
		require.NoError(t, err)
	}
	ask(false)
	before := w.manager.Report()
	require.Empty(t, before[0].Totals.Attempts, "nobody had asked")
	require.Positive(t, before[0].Totals.Since)
	ask(false)
	ask(true)
	reports := w.manager.Report()
	a, b := reports[0].Totals, reports[1].Totals
	require.Equal(t, before[0].Totals.Since, a.Since)
	require.Equal(t, map[string]uint64{"UNAVAILABLE": 2}, a.Attempts)
	require.Equal(t, uint64(2), a.Failovers)
	require.Zero(t, a.Duration.Count())
	require.Equal(t, map[string]uint64{"OK": 2}, b.Attempts)
	require.Equal(t, uint64(2), b.Duration.Count())
	require.Equal(t, uint64(1), b.FirstToken.Count())
	require.Positive(t, b.Tokens.Input)
	require.Equal(t, &llm.TotalSpent{Amount: float64(b.Tokens.Input + b.Tokens.Output), Currency: "USD"}, b.Cost, "one dollar a token")
	require.Zero(t, b.Tokens.Unpriced)
}

func TestRetriesAreCounted(t *testing.T) {
	w := build(t, map[string]string{"a": `[{"status":503},{"status":503},{}]`}, `,"max_retries":3`)
	w.manager.Report()
	_, err := w.Chat(context.Background(), &llm.Request{Messages: []llm.Message{{Role: llm.RoleUser, Content: "hi"}}})
	require.NoError(t, err)
	a := w.manager.Report()[0].Totals
	require.Equal(t, uint64(2), a.Retries)
	require.Equal(t, map[string]uint64{"OK": 1, "UNAVAILABLE": 2}, a.Attempts)
}

// Whatever names users send, the series are those of the configured routes.
func TestMadeUpNamesMakeNoSeries(t *testing.T) {
	w := build(t, map[string]string{"a": `[]`, "b": `[]`}, "")
	ask := func(model string) {
		_, _ = w.Chat(context.Background(), &llm.Request{Model: model, Messages: []llm.Message{{Role: llm.RoleUser, Content: "sk-secret-key"}}})
	}
	series := func() int { return strings.Count(string(w.manager.Metrics()), "\n") }
	w.manager.Report()
	ask("a")
	ask("b")
	want := series()
	for i := range 10_000 {
		ask(fmt.Sprintf("made-up-%d", i))
	}
	page := string(w.manager.Metrics())
	require.Equal(t, want, series())
	require.NotContains(t, page, "made-up")
	require.NotContains(t, page, "secret")
}
