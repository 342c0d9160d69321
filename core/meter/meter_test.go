package meter

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/llmagg/llmagg/core/llm"
)

func usage(t testing.TB, text string) *llm.Usage {
	var u llm.Usage
	require.NoError(t, u.UnmarshalJSON([]byte(text)))
	return &u
}

// routes are reports with each kind of count in them.
func routes(t testing.TB) []llm.RouteReport {
	busy := New()
	busy.Attempt(&llm.Attempt{Duration: 1500 * time.Millisecond, FirstToken: 20 * time.Millisecond, Stream: true,
		Usage: usage(t, `{"prompt_tokens":100,"completion_tokens":40,"total_tokens":140,"prompt_tokens_details":{"cached_tokens":60},"completion_tokens_details":{"reasoning_tokens":30}}`),
		Cost:  &llm.Cost{Amount: 0.25, Currency: "USD"}})
	busy.Attempt(&llm.Attempt{Duration: time.Hour, Usage: usage(t, `{"prompt_tokens":7,"completion_tokens":1,"total_tokens":8}`)})
	busy.Attempt(&llm.Attempt{Code: llm.RateLimit, Duration: time.Second})
	busy.Attempt(&llm.Attempt{Code: llm.Closed})
	busy.Attempt(&llm.Attempt{Code: llm.InvalidArgument})
	busy.Attempt(&llm.Attempt{Code: llm.NotInitialized}) // as only a client of the application may say
	busy.Retry()
	busy.Failover()
	busy.Failover()
	busy.Hedge()
	for _, how := range []string{llm.CacheHit, llm.CacheHit, llm.CacheMiss} {
		busy.Lookup(how)
	}
	return []llm.RouteReport{
		{Provider: "openai", Model: "gpt-4o", Circuit: "open", ReopensIn: 1500 * time.Millisecond, InFlight: 3, Waiting: 2, Totals: busy.Totals()},
		{Provider: "own", Model: "a\\b\"c\nd\xff", Circuit: "closed", Totals: New().Totals()},
		{Provider: "not", Model: "counted"},
	}
}

func TestTextIsTheGoldenPage(t *testing.T) {
	page := string(Text(routes(t)))
	const golden = "testdata/metrics.txt"
	if os.Getenv("LLMAGG_UPDATE") != "" {
		require.NoError(t, os.WriteFile(golden, []byte(page), 0o644))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	require.Equal(t, string(want), page)
}

// What Debian's promtool says of the page; `make check-deep` installs it.
func TestPromtoolLikesThePage(t *testing.T) {
	tool, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("promtool is not installed (Debian's package prometheus)")
	}
	cmd := exec.Command(tool, "check", "metrics")
	cmd.Stdin = strings.NewReader(string(Text(routes(t))))
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Empty(t, string(out))
}

func TestASeriesForEachRouteIsBounded(t *testing.T) {
	r := New()
	for code := -100; code <= 0; code++ { // all that a client of the application may return
		r.Attempt(&llm.Attempt{Code: llm.Code(code), FirstToken: 1, Usage: usage(t, `{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}`),
			Cost: &llm.Cost{Amount: 1, Currency: fmt.Sprintf("C%02d", -code)}})
	}
	series := 0
	for _, line := range strings.Split(string(Text([]llm.RouteReport{{Provider: "p", Model: "m", Totals: r.Totals()}})), "\n") {
		if line != "" && line[0] != '#' {
			series++
		}
	}
	require.LessOrEqual(t, series, 60)
}

func TestBucketsHoldWhatTheirBoundsSay(t *testing.T) {
	for i := range llm.HistogramBuckets {
		var h histogram
		bound := llm.HistogramBound(i)
		h.add(bound)
		h.add(bound + 1)
		read := h.read()
		require.Equal(t, uint64(2), read.Count())
		require.InDelta(t, (2*bound + 1).Seconds(), read.Sum, 1e-9)
		if i == llm.HistogramBuckets-1 {
			require.Equal(t, uint64(2), read.Buckets[i], "the last has no bound")
			continue
		}
		require.Equal(t, []uint64{1, 1}, read.Buckets[i:i+2], "%v", bound)
	}
	var h histogram
	h.add(0)
	require.Equal(t, uint64(1), h.read().Buckets[0])
}

// A cost in a second currency is not added to that of the first: its tokens
// have no known cost.
func TestCurrenciesAreNotMixed(t *testing.T) {
	r := New()
	u := usage(t, `{"prompt_tokens":3,"completion_tokens":4,"total_tokens":7}`)
	r.Attempt(&llm.Attempt{Usage: u, Cost: &llm.Cost{Amount: 2, Currency: "EUR"}})
	r.Attempt(&llm.Attempt{Usage: u, Cost: &llm.Cost{Amount: 5, Currency: "USD"}})
	r.Attempt(&llm.Attempt{Usage: u})
	got := r.Totals()
	require.Equal(t, &llm.TotalSpent{Amount: 2, Currency: "EUR"}, got.Cost)
	require.Equal(t, uint64(14), got.Tokens.Unpriced)
	require.Equal(t, uint64(9), got.Tokens.Input)
}

func TestCountingTakesNoMemory(t *testing.T) {
	r := New()
	a := &llm.Attempt{Duration: time.Second, Usage: usage(t, `{"prompt_tokens":3,"completion_tokens":4,"total_tokens":7}`), Cost: &llm.Cost{Amount: 2, Currency: "EUR"}}
	r.Attempt(a)
	require.Zero(t, testing.AllocsPerRun(100, func() { r.Attempt(a) }))
}

func BenchmarkAttempt(b *testing.B) {
	r := New()
	a := &llm.Attempt{Duration: time.Second, Usage: usage(b, `{"prompt_tokens":3,"completion_tokens":4,"total_tokens":7}`), Cost: &llm.Cost{Amount: 2, Currency: "EUR"}}
	b.ReportAllocs()
	for b.Loop() {
		r.Attempt(a)
	}
}

func BenchmarkText100Routes(b *testing.B) {
	reports := make([]llm.RouteReport, 100)
	for i := range reports {
		reports[i] = routes(b)[0]
	}
	for b.Loop() {
		Text(reports)
	}
}
