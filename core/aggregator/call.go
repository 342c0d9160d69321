package aggregator

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync/atomic"

	"github.com/llmagg/llmagg/core/client"
	"github.com/llmagg/llmagg/core/llm"
)

// walk is one call's way over its routes. The goroutine that makes the call
// owns it; hedging hands single turns to others and waits for them.
type walk struct {
	call  *client.Call
	turns []*client.Turn
	given []atomic.Bool // routes that the call has given up: it never returns to one
	last  *llm.Error
}

func newWalk(call *client.Call, routes []*client.Client) *walk {
	w := &walk{call: call, given: make([]atomic.Bool, len(routes))}
	for i, c := range routes {
		w.turns = append(w.turns, c.Turn(call, func() bool { return w.others(i) }))
	}
	return w
}

// others tells whether a usable route other than the i-th is left.
func (w *walk) others(i int) bool {
	for j, t := range w.turns {
		if j != i && !w.given[j].Load() && t.Usable() {
			return true
		}
	}
	return false
}

// next is the first usable route that has not been given up, -1 for none.
func (w *walk) next() int {
	return slices.IndexFunc(w.turns, func(t *client.Turn) bool { return !w.given[w.index(t)].Load() && t.Usable() })
}

func (w *walk) index(t *client.Turn) int { return slices.Index(w.turns, t) }

// nextForced picks, when no route is usable, the one to be forced (B4): one
// that may be forced now before one whose server asked to wait, then by the
// order of forced tries. -1 when every route has been given up.
func (w *walk) nextForced() int {
	best := -1
	for i, t := range w.turns {
		if w.given[i].Load() || !t.Client().Available() {
			continue
		}
		if best < 0 || w.forceBefore(t.Client(), w.turns[best].Client()) {
			best = i
		}
	}
	return best
}

func (w *walk) forceBefore(a, b *client.Client) bool {
	waitA, waitB := a.NamedWait(), b.NamedWait()
	if waitA == 0 && waitB == 0 {
		return a.ForceBefore(b)
	}
	return waitA < waitB
}

// run asks the routes one after the other until ask succeeds or the call ends.
func (w *walk) run(ctx context.Context, ask func(t *client.Turn, forced bool) *llm.Error) *llm.Error {
	for {
		if ended := client.Ended(ctx); ended != nil {
			return w.ended(ended)
		}
		i, forced := w.next(), false
		if i < 0 {
			i, forced = w.nextForced(), true
		}
		if i < 0 {
			return w.allFailed()
		}
		made := w.turns[i].Made()
		err := ask(w.turns[i], forced)
		if err == nil {
			return nil
		}
		if ended := client.Ended(ctx); ended != nil && err.Code != ended.Code {
			return w.ended(ended) // D5: whatever else happened in that moment
		} else if ended != nil || !err.Code.NextRoute(w.call.Payload.Options) {
			return w.ended(err)
		}
		if forced && errors.Is(err, client.ErrElsewhere) {
			continue
		}
		if err.Code == llm.CircuitOpen && !forced && w.turns[i].Made() == made && w.turns[i].Client().Available() {
			// It closed before the call was let in, and was not asked: if
			// nothing else is left, it may still be forced.
			w.remember(err)
			continue
		}
		w.giveUp(i, err)
	}
}

func (w *walk) giveUp(i int, err *llm.Error) {
	w.given[i].Store(true)
	w.remember(err)
	if j := w.next(); j >= 0 {
		w.turns[i].Client().Tell(llm.Observation{Kind: llm.Failover, Call: w.call.ID,
			To: w.turns[j].Client().Route(), Code: err.Code, Message: err.Message})
	}
}

// remember keeps the failure that says most: one of a route that was asked
// before one of a route that was closed.
func (w *walk) remember(err *llm.Error) {
	if w.last == nil || err.Code != llm.CircuitOpen || w.last.Code == llm.CircuitOpen {
		w.last = err
	}
}

// ended completes an error that ends the call as itself.
func (w *walk) ended(err *llm.Error) *llm.Error { return w.call.Fail(err) }

// allFailed is ALL_FAILED with every attempt and the last failure as cause.
func (w *walk) allFailed() *llm.Error {
	e := llm.Errorf(llm.AllFailed, "no route is left of %d", len(w.turns))
	if w.last != nil {
		e.Message += "; the last failure was " + w.last.Code.String() + " at " + w.last.Provider + "/" + w.last.Model + ": " + w.last.Message
		e.Cause = w.last
		e.RetryAfter, e.HasRetryAfter = w.last.RetryAfter, w.last.HasRetryAfter
	} else {
		e.Message += ": the application has switched them off"
	}
	return w.call.Fail(e)
}

// begin starts a call under the aggregator's life. leave must be called once,
// after cancel.
func (a *Aggregator) begin(ctx context.Context, routes []*client.Client, p *llm.Payload) (call *client.Call, inner context.Context, cancel context.CancelCauseFunc, leave func(), err error) {
	if len(routes) == 0 {
		return nil, nil, nil, nil, errNoRoutes
	}
	a.mu.Lock()
	if a.closed {
		a.mu.Unlock()
		return nil, nil, nil, nil, closedError()
	}
	a.calls.Add(1)
	a.mu.Unlock()
	release := hold(routes)
	call, inner, cancel = client.Begin(ctx, a.withDefaults(p))
	stop := context.AfterFunc(a.life, func() { cancel(closedError()) })
	return call, inner, cancel, func() { stop(); release(); a.calls.Done() }, nil
}

// hold keeps routes open for a call that may come to them, though their
// provider be replaced meanwhile.
func hold(routes []*client.Client) (release func()) {
	held := make([]*client.Client, 0, len(routes))
	for _, c := range routes {
		if c.Hold() {
			held = append(held, c)
		}
	}
	return func() {
		for _, c := range held {
			c.Release()
		}
	}
}

// resolved finds the routes of a call and holds them. A route that was closed
// between look-up and hold has been replaced, so it is looked up again, unless
// the closed one is what is registered.
func (a *Aggregator) resolved(p *llm.Payload) (routes []*client.Client, release func(), err error) {
	for {
		if routes, err = a.routes(p); err != nil {
			return nil, nil, err
		}
		release = hold(routes)
		now, err := a.routes(p)
		if err != nil || slices.Equal(now, routes) {
			return routes, release, nil
		}
		release()
	}
}

// withDefaults fills in the aggregator's own call options.
func (a *Aggregator) withDefaults(p *llm.Payload) *llm.Payload {
	d, o := a.options.Call, p.Options
	if o.MaxRetries == 0 {
		o.MaxRetries = d.MaxRetries
	}
	if o.Deadline == 0 {
		o.Deadline = d.Deadline
	}
	if o.Timeout == 0 {
		o.Timeout = d.Timeout
	}
	if o.OnInterrupt == "" {
		o.OnInterrupt = d.OnInterrupt
	}
	if o.HedgeAfter == 0 {
		o.HedgeAfter = d.HedgeAfter
	}
	if o.Window == 0 {
		o.Window = d.Window
	}
	if len(d.Headers) > 0 {
		headers := maps.Clone(d.Headers)
		maps.Copy(headers, o.Headers)
		o.Headers = headers
	}
	o.StopOnBadRequest = o.StopOnBadRequest || d.StopOnBadRequest
	o.FailoverOnContentFilter = o.FailoverOnContentFilter || d.FailoverOnContentFilter
	o.IncludeUsage = true // S5: the aggregator's own streams
	o.Bare = false
	return p.WithOptions(o)
}

// ChatRoutes is ChatPayload over the given routes instead of the manager's.
func (a *Aggregator) ChatRoutes(ctx context.Context, routes []*client.Client, p *llm.Payload) (*llm.Response, error) {
	if p.Stream {
		s, err := a.stream(ctx, routes, p, true)
		if err != nil {
			return nil, err
		}
		return s.Collect()
	}
	call, ctx, cancel, leave, err := a.begin(ctx, routes, p)
	if err != nil {
		return nil, err
	}
	defer leave()
	defer cancel(nil)
	w := newWalk(call, routes)
	var r *llm.Response
	e := w.run(ctx, func(t *client.Turn, forced bool) (err *llm.Error) {
		if forced {
			r, err = t.ForceChat(ctx)
		} else {
			r, err = t.Chat(ctx)
		}
		return err
	})
	if e != nil {
		return nil, e
	}
	r.Attempts = call.Attempts()
	return r, nil
}

// StreamRoutes is StreamPayload over the given routes.
func (a *Aggregator) StreamRoutes(ctx context.Context, routes []*client.Client, p *llm.Payload) (*client.Stream, error) {
	return a.stream(ctx, routes, p, false)
}

func (a *Aggregator) stream(ctx context.Context, routes []*client.Client, p *llm.Payload, restart bool) (*client.Stream, error) {
	call, ctx, cancel, leave, err := a.begin(ctx, routes, p)
	if err != nil {
		return nil, err
	}
	w := newWalk(call, routes)
	return client.NewStream(ctx, client.StreamOptions{Call: call, Cancel: cancel, Ended: leave, Restart: restart}, &opener{walk: w, hedges: &a.hedges})
}

// opener opens the streams of one call; it implements [client.Opener].
type opener struct {
	walk   *walk
	hedges *hedgeBudget
}

func (o *opener) Open(ctx context.Context) (*client.Opened, *llm.Error) {
	o.hedges.call()
	var opened *client.Opened
	err := o.walk.run(ctx, func(t *client.Turn, forced bool) (err *llm.Error) {
		switch after := o.walk.call.Payload.Options.HedgeAfter; {
		case forced:
			opened, err = t.ForceOpen(ctx)
		case after > 0:
			opened, err = o.hedged(ctx, t, after)
		default:
			opened, err = t.Open(ctx)
		}
		return err
	})
	return opened, err
}

// Reopen gives up the route that broke off and begins the answer again on the
// next usable one, or on the same where no other is left (S8).
func (o *opener) Reopen(ctx context.Context, failed *client.Opened, reason *llm.Error) (*client.Opened, *llm.Error) {
	w := o.walk
	i := w.index(failed.Turn())
	if !reason.Code.NextRoute(w.call.Payload.Options) {
		return nil, w.ended(reason) // E3
	}
	w.remember(reason)
	if !w.others(i) {
		opened, err := failed.Turn().Again(ctx, reason)
		if err == nil {
			return opened, nil
		}
		if client.Ended(ctx) != nil || !err.Code.NextRoute(w.call.Payload.Options) {
			return nil, w.ended(err)
		}
		reason = err
	}
	w.giveUp(i, reason)
	return o.Open(ctx)
}
