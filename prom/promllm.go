// Package promllm draws the totals of routes for Prometheus's Go client:
//
//	prometheus.MustRegister(promllm.Collector(llm.Core().Manager()))
//
// Counting begins with the collector. Names and labels are those of
// [manager.Manager.Metrics], which needs no module but the core. It is a module
// of its own, so that the core pulls in no client of Prometheus.
package promllm

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/manager"
	"github.com/llmagg/llmagg/core/meter"
)

// Collector draws the routes of m, also those that are registered later.
func Collector(m *manager.Manager) prometheus.Collector {
	m.Report() // counting begins
	return &collector{m}
}

type collector struct{ manager *manager.Manager }

func describe(name, help string, more ...string) *prometheus.Desc {
	return prometheus.NewDesc("llmagg_"+name, help, append([]string{"provider", "model"}, more...), nil)
}

var (
	attempts   = describe("attempts_total", "Attempts by outcome: OK or the code of the failure.", "outcome")
	tokens     = describe("tokens_total", "Tokens by type; input holds cached_input, output holds reasoning.", "type")
	cost       = describe("cost_total", "Known cost of attempts, failed attempts included.", "currency")
	kept       = describe("cache_total", "Calls with a cache and this first route, by result: hit, joined or miss.", "result")
	duration   = describe("attempt_duration_seconds", "Duration of attempts that answered.")
	firstToken = describe("first_token_seconds", "Time to the first token of attempts that streamed.")
)

// plain are the families of one series a route.
var plain = []struct {
	desc  *prometheus.Desc
	kind  prometheus.ValueType
	value func(r *llm.RouteReport) float64
}{
	{describe("retries_total", "Retries on the route."), prometheus.CounterValue,
		func(r *llm.RouteReport) float64 { return float64(r.Totals.Retries) }},
	{describe("failovers_total", "Calls and streams that left the route for another one."), prometheus.CounterValue,
		func(r *llm.RouteReport) float64 { return float64(r.Totals.Failovers) }},
	{describe("hedges_total", "Calls that asked a second route because this one was slow."), prometheus.CounterValue,
		func(r *llm.RouteReport) float64 { return float64(r.Totals.Hedges) }},
	{describe("unpriced_tokens_total", "Tokens whose cost is not known."), prometheus.CounterValue,
		func(r *llm.RouteReport) float64 { return float64(r.Totals.Tokens.Unpriced) }},
	{describe("in_flight", "Attempts in flight."), prometheus.GaugeValue,
		func(r *llm.RouteReport) float64 { return float64(r.InFlight) }},
	{describe("waiting", "Calls that wait for the route's concurrency limit or rate."), prometheus.GaugeValue,
		func(r *llm.RouteReport) float64 { return float64(r.Waiting) }},
	{describe("circuit", "The circuit breaker: 0 closed, 1 half-open, 2 open."), prometheus.GaugeValue, meter.Circuit},
	{describe("blocked_seconds", "Until the route may be asked again; 0 if it may be asked now."), prometheus.GaugeValue,
		func(r *llm.RouteReport) float64 { return max(r.BlockedFor, r.ReopensIn).Seconds() }},
}

// Describe sends the descriptions of all families.
func (c *collector) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{attempts, tokens, cost, kept, duration, firstToken} {
		to <- d
	}
	for _, p := range plain {
		to <- p.desc
	}
}

// Collect sends the metrics of each route.
func (c *collector) Collect(to chan<- prometheus.Metric) {
	reports := c.manager.Report()
	for i := range reports {
		collect(&reports[i], to)
	}
}

func collect(r *llm.RouteReport, to chan<- prometheus.Metric) {
	t := r.Totals
	send := func(d *prometheus.Desc, kind prometheus.ValueType, value float64, more ...string) {
		to <- prometheus.MustNewConstMetric(d, kind, value, append([]string{r.Provider, r.Model}, more...)...)
	}
	if t.Attempts["OK"] == 0 {
		send(attempts, prometheus.CounterValue, 0, "OK")
	}
	for outcome, n := range t.Attempts {
		send(attempts, prometheus.CounterValue, float64(n), outcome)
	}
	for sort, n := range map[string]uint64{"input": t.Tokens.Input, "output": t.Tokens.Output, "cached_input": t.Tokens.CachedInput, "reasoning": t.Tokens.Reasoning} {
		send(tokens, prometheus.CounterValue, float64(n), sort)
	}
	if t.Cost != nil {
		send(cost, prometheus.CounterValue, t.Cost.Amount, t.Cost.Currency)
	}
	if t.Cache != nil {
		for _, how := range []string{llm.CacheHit, llm.CacheJoined, llm.CacheMiss} {
			send(kept, prometheus.CounterValue, float64(t.Cache[how]), how)
		}
	}
	for _, p := range plain {
		send(p.desc, p.kind, p.value(r))
	}
	for d, h := range map[*prometheus.Desc]*llm.Histogram{duration: &t.Duration, firstToken: &t.FirstToken} {
		bounds, sum := map[float64]uint64{}, uint64(0)
		for i, n := range h.Buckets[:llm.HistogramBuckets-1] {
			sum += n
			bounds[llm.HistogramBound(i).Seconds()] = sum
		}
		to <- prometheus.MustNewConstHistogram(d, h.Count(), h.Sum, bounds, r.Provider, r.Model)
	}
}
