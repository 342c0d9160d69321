// Package strategy orders routes: at random by weight, by measured latency, by
// how busy they are, or the same for all calls of a session. Whether a route
// may be asked at all is not decided here.
// It imports core/llm for the strategies' names.
package strategy

import (
	"math"
	"math/rand/v2"
	"sort"
	"time"

	"github.com/llmagg/llmagg/core/llm"
)

// Route is what strategies know of a route.
type Route interface {
	// Route is its name.
	Route() string
	// Weight is its share under the strategy weighted.
	Weight() float64
	// Load is the share of its places that are taken or waited for.
	Load() float64
	// RateUsed is the share of its rate limits that is used.
	RateUsed() float64
	// Expected is what a call of about this size costs there.
	Expected(input, output int) (amount float64, known bool)
	// Paced calls f with its measured latency, which f owns until it returns.
	Paced(f func(*Pace))
}

// Call is what strategies know of a call.
type Call struct {
	Strategy llm.Strategy
	Session  string
	Stream   bool
	Bytes    int // of the request
	Now      time.Time
}

// ranks is the table of strategies: how each ranks a route. The lowest rank
// comes first.
var ranks = map[llm.Strategy]func(c *Call, r Route) float64{
	llm.StrategyWeighted:  weighted,
	llm.StrategyLatency:   expected,
	llm.StrategyLeastBusy: func(_ *Call, r Route) float64 { return r.Load() + 1e-9*rand.Float64() }, // draws among routes that are equally busy
	llm.StrategyCost:      cost,
	llm.StrategyUsage:     func(_ *Call, r Route) float64 { return r.RateUsed() + 1e-9*rand.Float64() }, // that have used as much of their limits
}

// ranked is a route with its rank.
type ranked struct {
	Route
	place int
	rank  float64
}

// Arrange returns the places of routes in the order in which the call asks
// them. groups are the sizes of consecutive groups, which keep their order;
// routes beyond them are one group more.
func Arrange[R Route](c Call, routes []R, groups []int) []int {
	order := make([]int, 0, len(routes))
	all := make([]ranked, len(routes))
	for i, r := range routes {
		all[i] = ranked{Route: r, place: i}
	}
	for len(all) > 0 {
		n := len(all)
		if len(groups) > 0 {
			n, groups = min(groups[0], n), groups[1:]
		}
		group := all[:n]
		all = all[n:]
		rank(&c, group)
		for i := range group {
			order = append(order, group[i].place)
		}
	}
	return order
}

func rank(c *Call, group []ranked) {
	by := ranks[c.Strategy]
	if by == nil || len(group) < 2 {
		return
	}
	if c.Session != "" {
		by = sticky
	}
	for i := range group {
		group[i].rank = by(c, group[i].Route)
	}
	if c.Strategy == llm.StrategyLatency && c.Session == "" {
		mix(group)
	}
	sort.Stable(byRank(group))
	if c.Strategy == llm.StrategyLatency {
		group[0].Paced(func(p *Pace) { p.look(c.Stream, c.Now) })
	}
}

type byRank []ranked

func (r byRank) Len() int           { return len(r) }
func (r byRank) Less(i, j int) bool { return r[i].rank < r[j].rank }
func (r byRank) Swap(i, j int)      { r[i], r[j] = r[j], r[i] }

// weighted draws without putting back, each time by the weights of the routes
// that are left (Efraimidis and Spirakis): whatever is passed over, the others
// keep their shares.
func weighted(_ *Call, r Route) float64 {
	return -math.Log(1-rand.Float64()) / r.Weight() // rand.ExpFloat64 has 3 KB of tables
}

// sticky is weighted with a draw that depends on the session and the route
// only (rendezvous hashing): a route that comes or goes moves no session but
// its own.
func sticky(c *Call, r Route) float64 {
	return -math.Log(draw(c.Session, r.Route())) / r.Weight()
}

// draw is a number in (0, 1) that depends on the texts only.
func draw(session, route string) float64 {
	h := uint64(14695981039346656037) // FNV-1a, then the last step of splitmix64, since FNV alone spreads short texts badly
	for _, text := range [...]string{session, "\x00", route} {
		for i := range len(text) {
			h = (h ^ uint64(text[i])) * 1099511628211
		}
	}
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
	h = (h ^ h>>27) * 0x94d049bb133111eb
	h ^= h >> 31
	return (float64(h>>11) + 0.5) / (1 << 53)
}

const (
	bytesOfToken = 4
	usualOutput  = 300 // tokens of an answer, for comparisons
)

// cost draws among routes of the same price. Routes without one come last.
func cost(c *Call, r Route) float64 {
	amount, known := r.Expected(c.Bytes/bytesOfToken, usualOutput)
	if !known {
		amount = 1e300
	}
	return (amount + 1e-15) * (1 + 1e-9*rand.Float64())
}

// expected is the route's expected latency.
func expected(c *Call, r Route) (seconds float64) {
	r.Paced(func(p *Pace) { seconds = p.expected(c.Stream, c.Now) })
	return seconds
}

// alike is how much slower than the fastest a route may be to share its calls.
const alike = 1.2

// mix draws among the routes that are about as fast as the fastest.
func mix(group []ranked) {
	best := math.Inf(1)
	for i := range group {
		best = min(best, group[i].rank)
	}
	for i := range group {
		if group[i].rank <= best*alike {
			group[i].rank = best * rand.Float64()
		}
	}
}

const (
	// memory is how old a measure is when the next weighs as much as all before.
	memory = 10 * time.Second
	// leastShare is what a measure weighs at least, however soon it follows.
	leastShare = 1.0 / 8
	// halving is the time in which the expectation of a route that is not asked
	// halves: sooner or later even the slowest is looked at again, and the slower
	// it was, the later.
	halving = 30 * time.Second
	// unknown is the expectation of a route that another call is measuring for
	// the first time, in seconds: more than any measure.
	unknown = 1e9
)

// Pace is the measured latency of a route: an average in which old measures
// fade. The zero value knows nothing. Its owner guards it.
type Pace struct {
	first, whole average // to a stream's first token; to a whole answer
}

type average struct {
	seconds float64
	at      time.Time // of the last measure; zero before the first
	looked  time.Time // when a call of this sort last chose the route
}

// Note enters a measure: how long a stream's first token or a whole answer
// took. A failure is entered as the time that it may cost.
func (p *Pace) Note(stream bool, took time.Duration, now time.Time) {
	a := p.of(stream)
	share := 1.0
	if !a.at.IsZero() {
		age := max(now.Sub(a.at), 0).Seconds()
		share = max(age/(age+memory.Seconds()), leastShare)
	}
	a.seconds += (took.Seconds() - a.seconds) * share
	a.at = now
}

func (p *Pace) of(stream bool) *average {
	if stream {
		return &p.first
	}
	return &p.whole
}

// look notes that a call has chosen the route: until its measure is there,
// others of its sort do not follow it out of curiosity.
func (p *Pace) look(stream bool, now time.Time) { p.of(stream).looked = now }

// expected is the expected latency in seconds. It falls with the time since the
// route was chosen or measured: 0 for a route that nobody has looked at.
func (p *Pace) expected(stream bool, now time.Time) float64 {
	a := p.of(stream)
	since := a.at
	if a.looked.After(since) {
		since = a.looked
	}
	if since.IsZero() {
		return 0
	}
	seconds := a.seconds
	if a.at.IsZero() {
		seconds = unknown
	}
	return seconds * math.Exp2(-max(now.Sub(since), 0).Seconds()/halving.Seconds())
}
