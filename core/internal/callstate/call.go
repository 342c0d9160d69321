// Package callstate is what belongs to one call and to none of its routes: a
// [Call], with the trail of its attempts and the waits that it may still make,
// and the [Scope] that its turns on the routes are made under. core/client and
// core/aggregator share it. It imports core/llm.
package callstate

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/llmagg/llmagg/core/internal/alarm"
	"github.com/llmagg/llmagg/core/llm"
)

var callIDs atomic.Uint64

// Call is the state that all attempts of one call share, on all its routes. It
// is safe for concurrent use.
type Call struct {
	// ID numbers the calls of a process, from 1.
	ID uint64
	// Payload is the request.
	Payload *llm.Payload

	// Bytes is the size of what a call sends that is no chat.
	Bytes int

	// Model is the upstream's name that a call on one client asks for; "" for
	// the configured one.
	Model string

	// Collects says that the call's stream is accumulated for a caller who gets
	// the whole answer.
	Collects bool

	cached, currency string // see Cached

	mu       sync.Mutex     // guards what follows
	attempts []*llm.Attempt // in the order of their start; guards the attempts, too
	one      [1]*llm.Attempt
	first    []llm.Attempt // the first entry that was made, which is all of most trails
	partial  string        // the longest text that a broken stream left
	waited   time.Duration // the sum of waits that servers named (R4), the one under way included
	carried  Waits         // that led to no attempt yet
}

// NextID is the number of a new call.
func NextID() uint64 { return callIDs.Add(1) }

// Begun is the memory of a call and its scope, which may be part of a larger
// piece: each object of a call costs its share of a collection.
type Begun struct {
	Call
	Scope
}

// Begin starts a call in memory that nothing has used: its scope ends at the
// call's deadline, if it has one.
func (b *Begun) Begin(ctx context.Context, p *llm.Payload) (*Call, *Scope) {
	if p.Options.MaxCost != nil {
		own := *p
		own.Options.BoundCost()
		p = &own
	}
	b.ID, b.Payload, b.outer = NextID(), p, ctx
	if d := p.Options.Deadline; d > 0 {
		b.outer, b.stop = alarm.WithTimeout(ctx, d,
			llm.Errorf(llm.Timeout, "the call's deadline of %v passed", llm.Seconds(d)))
	}
	return &b.Call, &b.Scope
}

// Attempts lists the attempts so far; the caller owns the copy.
func (c *Call) Attempts() []llm.Attempt {
	c.mu.Lock()
	defer c.mu.Unlock()
	list := make([]llm.Attempt, len(c.attempts))
	for i, a := range c.attempts {
		list[i] = *a
	}
	return list
}

// Complete gives an answer the call's number, the trail so far, and what it
// cost.
func (c *Call) Complete(r *llm.Response) { c.complete(r, c.Attempts()) }

// Finish is Complete for a call whose attempts have all ended: a trail of one
// is not copied, but becomes the answer's.
func (c *Call) Finish(r *llm.Response) {
	c.mu.Lock()
	trail := c.first
	if len(c.attempts) != 1 || c.attempts[0] != &trail[0] {
		trail = nil
	}
	c.mu.Unlock()
	if trail == nil {
		trail = c.Attempts()
	}
	c.complete(r, trail)
}

func (c *Call) complete(r *llm.Response, trail []llm.Attempt) {
	r.CallID = c.ID
	r.Attempts = trail
	r.Cost = llm.TotalCost(r.Attempts)
	if c.cached != "" {
		r.Cache, r.Cost = c.cached, &llm.Cost{Currency: c.currency, Source: llm.CostOfCache}
	}
}

// Cached notes that the answer comes from a cache, as [llm.Response].Cache
// says, and that its costs had that currency. The call is nobody else's yet.
func (c *Call) Cached(how, currency string) { c.cached, c.currency = how, currency }

// JudgesStreams tells whether the call's options look at a streamed answer when
// it is whole.
func (c *Call) JudgesStreams() bool {
	o := &c.Payload.Options
	return o.Accepts != nil || c.Collects && o.Accept == llm.AcceptNonempty
}

// Partial is the longest text of a broken stream.
func (c *Call) Partial() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.partial
}

// NotePartial keeps text if it is the longest so far.
func (c *Call) NotePartial(text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(text) > len(c.partial) {
		c.partial = text
	}
}

// Attempt is an empty entry, which [Call.Start] adds to the trail. Until then
// it is the caller's.
func (c *Call) Attempt() *llm.Attempt {
	entry := make([]llm.Attempt, 1)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.first == nil {
		c.first = entry
	}
	return &entry[0]
}

// Start adds an attempt to the trail, with the waits before it: those that were
// carried, then w. From now on only [Call.End] changes it.
func (c *Call) Start(a *llm.Attempt, w Waits) {
	c.mu.Lock()
	defer c.mu.Unlock()
	w = c.carried.And(w.For, w.What)
	a.Wait, a.WaitedFor, c.carried = w.For, w.What, Waits{}
	if c.attempts == nil {
		c.attempts = c.one[:0]
	}
	c.attempts = append(c.attempts, a)
}

// End notes in the trail how the attempt a ended.
func (c *Call) End(a, ended *llm.Attempt) {
	c.mu.Lock()
	defer c.mu.Unlock()
	*a = *ended
}

// Reserve tells whether a named wait of d is allowed on the last usable route:
// the deadline leaves room for it, or, without a deadline, the sum of the waits
// that servers named stays within timeout (R4). What is reserved and not
// waited is given back.
func (c *Call) Reserve(s *Scope, d, timeout time.Duration) bool {
	if deadline, ok := s.Deadline(); ok {
		return time.Until(deadline) > d
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.waited+d > timeout {
		return false
	}
	c.waited += d
	return true
}

// GiveBack takes d off the sum of named waits: it was reserved and not waited.
func (c *Call) GiveBack(s *Scope, d time.Duration) {
	if _, ok := s.Deadline(); ok || d <= 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waited = max(c.waited-d, 0)
}

// Fail returns err with the call's number, the list of attempts and the longest
// partial text.
func (c *Call) Fail(err *llm.Error) *llm.Error {
	failed := err.With(c.Attempts(), c.Partial())
	failed.CallID = c.ID
	return failed
}

// Ended says why ctx is over: CLOSED, the call's deadline, or the caller's
// cancellation. It is nil before.
func Ended(ctx context.Context) *llm.Error {
	if ctx.Err() == nil {
		return nil
	}
	return endedBy(context.Cause(ctx))
}

func endedBy(cause error) *llm.Error {
	if e, ok := cause.(*llm.Error); ok {
		return e
	}
	if cause == context.DeadlineExceeded {
		return &llm.Error{Code: llm.Timeout, Message: "the deadline of the caller's context passed", Cause: cause}
	}
	return &llm.Error{Code: llm.Canceled, Message: "the caller cancelled the call", Cause: cause}
}

// What a call waits for before an attempt, in the words of the trail.
const (
	ForBackoff = "backoff"           // the pause before a retry (R3)
	ForServer  = "retry-after"       // the pause that the server asked for (R4)
	ForSlot    = "concurrency limit" // a free slot of max_concurrent_calls (C2)
	ForRate    = "rate"              // requests or tokens of the route's rate (C4)
	ForOther   = "half-open trial"   // another call's attempt on an open route (B4)
)

// ErrElsewhere is the cause of a CIRCUIT_OPEN that ends the wait for a route
// because another route has become usable. The call may still return to the
// route.
var ErrElsewhere = errors.New("another route has become usable")

// Waits is what a call waited for before an attempt, and how long in all.
type Waits struct {
	For  time.Duration
	What string
}

// And adds a wait. What took less than a millisecond was none.
func (w Waits) And(d time.Duration, what string) Waits {
	switch {
	case d <= time.Millisecond:
		return w
	case w.What == "":
		return Waits{w.For + d, what}
	case !strings.Contains(w.What, what):
		what = w.What + ", " + what
	default:
		what = w.What
	}
	return Waits{w.For + d, what}
}

// Carry keeps a wait that led to no attempt for the trail's next one: a place
// that did not come, a trial that failed.
func (c *Call) Carry(d time.Duration, what string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.carried = c.carried.And(d, what)
}
