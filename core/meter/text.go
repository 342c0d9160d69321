package meter

import (
	"strconv"
	"strings"

	"github.com/llmagg/llmagg/core/llm"
)

// The kinds of a [Family].
const Counter, Gauge, Histogram = "counter", "gauge", "histogram"

// Family is one metric of routes, as Prometheus knows it. Label is the label
// beside "provider" and "model", "" for none.
type Family struct{ Name, Kind, Label, Help string }

// Families are all metrics, in the order of the page.
var Families = [...]Family{
	{"llmagg_attempts_total", Counter, "outcome", "Attempts by outcome: OK or the code of the failure."},
	{"llmagg_retries_total", Counter, "", "Retries on the route."},
	{"llmagg_failovers_total", Counter, "", "Calls and streams that left the route for another one."},
	{"llmagg_hedges_total", Counter, "", "Calls that asked a second route because this one was slow."},
	{"llmagg_tokens_total", Counter, "type", "Tokens by type; input holds cached_input, output holds reasoning."},
	{"llmagg_unpriced_tokens_total", Counter, "", "Tokens whose cost is not known."},
	{"llmagg_cost_total", Counter, "currency", "Known cost of attempts, failed attempts included."},
	{"llmagg_attempt_duration_seconds", Histogram, "", "Duration of attempts that answered."},
	{"llmagg_first_token_seconds", Histogram, "", "Time to the first token of attempts that streamed."},
	{"llmagg_cache_total", Counter, "result", "Calls with a cache and this first route, by result: hit, joined or miss."},
	{"llmagg_in_flight", Gauge, "", "Attempts in flight."},
	{"llmagg_waiting", Gauge, "", "Calls that wait for the route's concurrency limit or rate."},
	{"llmagg_circuit", Gauge, "", "The circuit breaker: 0 closed, 1 half-open, 2 open."},
	{"llmagg_blocked_seconds", Gauge, "", "Until the route may be asked again; 0 if it may be asked now."},
}

// Times are the durations of a family that is a Histogram.
func (f *Family) Times(r *llm.RouteReport) *llm.Histogram {
	if f.Name == "llmagg_first_token_seconds" {
		return &r.Totals.FirstToken
	}
	return &r.Totals.Duration
}

// Series gives the numbers of a family that is none, each with its value of
// Label.
func (f *Family) Series(r *llm.RouteReport, give func(value string, n float64)) {
	t, n := r.Totals, 0.0
	switch f.Name {
	case "llmagg_attempts_total":
		for _, code := range outcomes {
			if n := t.Attempts[code.String()]; n > 0 || code == llm.OK {
				give(code.String(), float64(n))
			}
		}
		return
	case "llmagg_tokens_total":
		give("input", float64(t.Tokens.Input))
		give("output", float64(t.Tokens.Output))
		give("cached_input", float64(t.Tokens.CachedInput))
		give("reasoning", float64(t.Tokens.Reasoning))
		return
	case "llmagg_cost_total":
		if t.Cost != nil {
			give(t.Cost.Currency, t.Cost.Amount)
		}
		return
	case "llmagg_cache_total":
		for _, how := range lookups {
			if t.Cache != nil {
				give(how, float64(t.Cache[how]))
			}
		}
		return
	case "llmagg_retries_total":
		n = float64(t.Retries)
	case "llmagg_failovers_total":
		n = float64(t.Failovers)
	case "llmagg_hedges_total":
		n = float64(t.Hedges)
	case "llmagg_unpriced_tokens_total":
		n = float64(t.Tokens.Unpriced)
	case "llmagg_in_flight":
		n = float64(r.InFlight)
	case "llmagg_waiting":
		n = float64(r.Waiting)
	case "llmagg_circuit":
		n = map[string]float64{"half_open": 1, "open": 2}[r.Circuit]
	case "llmagg_blocked_seconds":
		n = max(r.BlockedFor, r.ReopensIn).Seconds()
	}
	give("", n)
}

// Text draws reports in Prometheus's text format 0.0.4. Its labels are the
// configured names of providers and models, and names of this library: nothing
// that a request or an answer holds.
func Text(reports []llm.RouteReport) []byte {
	p := page{buf: make([]byte, 0, 6144*(len(reports)+1))}
	labels := make([]string, len(reports))
	for i := range reports {
		labels[i] = `{provider="` + escaped(reports[i].Provider) + `",model="` + escaped(reports[i].Model) + `"`
	}
	for i := range Families {
		f := &Families[i]
		p.buf = append(p.buf, "# HELP "+f.Name+" "+f.Help+"\n# TYPE "+f.Name+" "+f.Kind+"\n"...)
		for j := range reports {
			r := &reports[j]
			switch p.labels = f.Name + labels[j]; {
			case r.Totals == nil:
			case f.Kind == Histogram:
				p.histogram(f.Name, f.Times(r))
			default:
				f.Series(r, func(value string, n float64) { p.sample(f.Label, value, n) })
			}
		}
	}
	return p.buf
}

var escapes = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)

func escaped(name string) string { return escapes.Replace(strings.ToValidUTF8(name, "\uFFFD")) }

// page is a page under way.
type page struct {
	buf    []byte
	labels string // the family's name and a route's labels
}

// sample writes one series of the route, with one more label unless its name is
// "".
func (p *page) sample(label, value string, v float64) {
	p.buf = append(p.buf, p.labels...)
	if label != "" {
		p.buf = append(p.buf, `,`+label+`="`+value+`"`...)
	}
	p.buf = append(p.buf, "} "...)
	p.buf = append(strconv.AppendFloat(p.buf, v, 'g', -1, 64), '\n')
}

func (p *page) histogram(family string, h *llm.Histogram) {
	labels, sum := p.labels[len(family):], uint64(0)
	p.labels = family + "_bucket" + labels
	for i, n := range h.Buckets {
		bound := "+Inf"
		if i < llm.HistogramBuckets-1 {
			bound = strconv.FormatFloat(llm.HistogramBound(i).Seconds(), 'g', -1, 64)
		}
		sum += n
		p.sample("le", bound, float64(sum))
	}
	p.labels = family + "_sum" + labels
	p.sample("", "", h.Sum)
	p.labels = family + "_count" + labels
	p.sample("", "", float64(sum))
}
