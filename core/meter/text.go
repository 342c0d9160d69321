package meter

import (
	"strconv"
	"strings"

	"github.com/llmagg/llmagg/core/llm"
)

const counter, gauge, histo = "counter", "gauge", "histogram"

// families are those of the page; draw knows them by their places.
var families = [...]struct{ name, kind, help string }{
	{"llmagg_attempts_total", counter, "Attempts by outcome: OK or the code of the failure."},
	{"llmagg_retries_total", counter, "Retries on the route."},
	{"llmagg_failovers_total", counter, "Calls and streams that left the route for another one."},
	{"llmagg_hedges_total", counter, "Calls that asked a second route because this one was slow."},
	{"llmagg_tokens_total", counter, "Tokens by type; input holds cached_input, output holds reasoning."},
	{"llmagg_unpriced_tokens_total", counter, "Tokens whose cost is not known."},
	{"llmagg_cost_total", counter, "Known cost of attempts, failed attempts included."},
	{"llmagg_attempt_duration_seconds", histo, "Duration of attempts that answered."},
	{"llmagg_first_token_seconds", histo, "Time to the first token of attempts that streamed."},
	{"llmagg_cache_total", counter, "Calls with a cache and this first route, by result: hit, joined or miss."},
	{"llmagg_in_flight", gauge, "Attempts in flight."},
	{"llmagg_waiting", gauge, "Calls that wait for the route's concurrency limit or rate."},
	{"llmagg_circuit", gauge, "The circuit breaker: 0 closed, 1 half-open, 2 open."},
	{"llmagg_blocked_seconds", gauge, "Until the route may be asked again; 0 if it may be asked now."},
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
	for i := range families {
		f := &families[i]
		p.buf = append(p.buf, "# HELP "+f.name+" "+f.help+"\n# TYPE "+f.name+" "+f.kind+"\n"...)
		for j := range reports {
			if r := &reports[j]; r.Totals != nil {
				p.labels = f.name + labels[j]
				p.draw(i, r, r.Totals)
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

// The families of more than one series a route, by their places in families.
const (
	attempts   = 0
	tokens     = 4
	cost       = 6
	duration   = 7
	firstToken = 8
	kept       = 9
)

// draw writes the series of one route in one family.
func (p *page) draw(family int, r *llm.RouteReport, t *llm.Totals) {
	switch family {
	case attempts:
		for _, code := range outcomes {
			name := code.String()
			if n := t.Attempts[name]; n > 0 || code == llm.OK {
				p.sample("outcome", name, float64(n))
			}
		}
	case tokens:
		for i, n := range [...]uint64{t.Tokens.Input, t.Tokens.Output, t.Tokens.CachedInput, t.Tokens.Reasoning} {
			p.sample("type", [...]string{"input", "output", "cached_input", "reasoning"}[i], float64(n))
		}
	case cost:
		if t.Cost != nil {
			p.sample("currency", t.Cost.Currency, t.Cost.Amount)
		}
	case duration:
		p.histogram(families[family].name, &t.Duration)
	case firstToken:
		p.histogram(families[family].name, &t.FirstToken)
	case kept:
		for _, how := range lookups {
			if t.Cache != nil {
				p.sample("result", how, float64(t.Cache[how]))
			}
		}
	default:
		p.sample("", "", [len(families)]float64{1: float64(t.Retries), 2: float64(t.Failovers), 3: float64(t.Hedges), 5: float64(t.Tokens.Unpriced),
			10: float64(r.InFlight), 11: float64(r.Waiting), 12: Circuit(r), 13: max(r.BlockedFor, r.ReopensIn).Seconds()}[family])
	}
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

// Circuit is the state of a route's circuit breaker as a number: 0 closed, 1
// half-open, 2 open.
func Circuit(r *llm.RouteReport) float64 {
	switch r.Circuit {
	case "open":
		return 2
	case "half_open":
		return 1
	}
	return 0
}
