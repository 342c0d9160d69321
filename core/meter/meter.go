// Package meter counts what a route does: attempts by outcome, tokens, cost,
// durations. A [Route] is a fixed block of atomics, so that counting takes no
// lock and no memory, whatever calls ask for; a client has one from its first
// report on. [Text] draws reports as Prometheus reads them.
//
// It imports llm only.
package meter

import (
	"math"
	"math/bits"
	"sync/atomic"
	"time"

	"github.com/llmagg/llmagg/core/llm"
)

// Route is the counts of one route. It is safe for concurrent use.
type Route struct {
	_                          [0]func() // is not compared
	since                      float64
	attempts                   [len(outcomes)]atomic.Uint64
	retries, failovers, hedges atomic.Uint64
	cache                      [len(lookups)]atomic.Uint64

	input, output, cached, reasoning, unpriced atomic.Uint64
	cost                                       atomic.Uint64 // the bits of a float64
	currency                                   atomic.Pointer[string]

	duration, firstToken histogram
}

// outcomes are those that attempts are counted by, the most frequent first.
// [outcome] says which of them a code counts as.
var outcomes = [...]llm.Code{llm.OK, llm.RateLimit, llm.Timeout, llm.Unavailable, llm.StreamInterrupted, llm.BadResponse, llm.BadRequest,
	llm.Authentication, llm.Quota, llm.ModelNotFound, llm.ContextLength, llm.ContentFilter, llm.Unsupported, llm.Canceled, llm.Internal}

// lookups are what a cache came to, in the order of their counts.
var lookups = [...]string{llm.CacheHit, llm.CacheJoined, llm.CacheMiss}

// outcome is where in outcomes an attempt is counted that ended with c.
func outcome(c llm.Code) int {
	switch c {
	case llm.Closed:
		c = llm.Canceled
	case llm.InvalidArgument:
		c = llm.BadRequest
	}
	for i, known := range outcomes {
		if known == c {
			return i
		}
	}
	return len(outcomes) - 1
}

// New makes a block; counting begins.
func New() *Route { return &Route{since: float64(time.Now().UnixMicro()) / 1e6} }

// Attempt counts an attempt that has ended.
func (r *Route) Attempt(a *llm.Attempt) {
	r.attempts[outcome(a.Code)].Add(1)
	if a.Code == llm.OK {
		r.duration.add(a.Duration)
	}
	if a.FirstToken > 0 {
		r.firstToken.add(a.FirstToken)
	}
	if a.Usage != nil {
		r.usage(a.Usage, a.Cost)
	}
}

func (r *Route) usage(u *llm.Usage, cost *llm.Cost) {
	t := u.Tokens()
	in, out := count(t.Input), count(t.Output)
	r.input.Add(in)
	r.output.Add(out)
	if n := count(t.Cached); n > 0 {
		r.cached.Add(n)
	}
	if n := count(t.Reasoning); n > 0 {
		r.reasoning.Add(n)
	}
	if cost == nil || !r.pay(cost) {
		r.unpriced.Add(in + out)
	}
}

func count(n *int) uint64 {
	if n == nil || *n < 0 {
		return 0
	}
	return uint64(*n)
}

// pay adds a cost, unless it is in another currency than the costs before it.
func (r *Route) pay(c *llm.Cost) bool {
	currency := r.currency.Load()
	if currency == nil {
		known := c.Currency
		r.currency.CompareAndSwap(nil, &known)
		currency = r.currency.Load()
	}
	if *currency != c.Currency {
		return false
	}
	for {
		old := r.cost.Load()
		if r.cost.CompareAndSwap(old, math.Float64bits(math.Float64frombits(old)+c.Amount)) {
			return true
		}
	}
}

// Retry counts a retry on the route.
func (r *Route) Retry() { r.retries.Add(1) }

// Failover counts a call or stream that leaves the route for another one.
func (r *Route) Failover() { r.failovers.Add(1) }

// Hedge counts a call that asks a second route.
func (r *Route) Hedge() { r.hedges.Add(1) }

// Lookup counts a call with a cache: one of lookups.
func (r *Route) Lookup(how string) {
	for i, known := range lookups {
		if known == how {
			r.cache[i].Add(1)
		}
	}
}

// Totals reads the counts. Calls that end meanwhile may be in some of them and
// not yet in others.
func (r *Route) Totals() *llm.Totals {
	t := &llm.Totals{Since: r.since, Attempts: map[string]uint64{}, Retries: r.retries.Load(), Failovers: r.failovers.Load(), Hedges: r.hedges.Load(),
		Tokens:   llm.TokenTotals{Input: r.input.Load(), Output: r.output.Load(), CachedInput: r.cached.Load(), Reasoning: r.reasoning.Load(), Unpriced: r.unpriced.Load()},
		Duration: r.duration.read(), FirstToken: r.firstToken.read()}
	if currency := r.currency.Load(); currency != nil {
		t.Cost = &llm.TotalSpent{Amount: math.Float64frombits(r.cost.Load()), Currency: *currency}
	}
	for i := range r.cache {
		if n := r.cache[i].Load(); n > 0 {
			if t.Cache == nil {
				t.Cache = map[string]uint64{}
			}
			t.Cache[lookups[i]] = n
		}
	}
	for i := range r.attempts {
		if n := r.attempts[i].Load(); n > 0 {
			t.Attempts[outcomes[i].String()] = n
		}
	}
	return t
}

// histogram is an [llm.Histogram] that is counted in.
type histogram struct {
	sum     atomic.Int64
	buckets [llm.HistogramBuckets]atomic.Uint64
}

func (h *histogram) add(d time.Duration) {
	h.sum.Add(int64(d))
	i := bits.Len64(uint64(max(d-1, 0) / llm.HistogramBound(0)))
	h.buckets[min(i, llm.HistogramBuckets-1)].Add(1)
}

func (h *histogram) read() llm.Histogram {
	read := llm.Histogram{Sum: time.Duration(h.sum.Load()).Seconds(), Buckets: make([]uint64, len(h.buckets))}
	for i := range h.buckets {
		read.Buckets[i] = h.buckets[i].Load()
	}
	return read
}
