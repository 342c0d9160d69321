package aggregator

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"github.com/llmagg/llmagg/core/client"
	"github.com/llmagg/llmagg/core/internal/callstate"
	"github.com/llmagg/llmagg/core/internal/routing"
	"github.com/llmagg/llmagg/core/llm"
)

// complete is the payload with the aggregator's own call options where the call
// has none. The caller keeps p as it is.
func (a *Aggregator) complete(p *llm.Payload) *llm.Payload {
	o := p.Options
	a.fill(p, &o)
	o.ExtraBody = p.Lacking(a.options.Call.ExtraBody)
	return p.WithOptions(o)
}

// own is the payload of a request that a caller gives: complete without a copy.
func (a *Aggregator) own(r *llm.Request) (*llm.Payload, error) {
	p, err := r.Payload()
	if err != nil {
		return nil, err
	}
	if len(a.options.Call.ExtraBody) > 0 {
		return a.complete(p), nil
	}
	a.fill(p, &p.Options)
	return p, nil
}

// fill sets what the options of a call for p leave open to the aggregator's.
func (a *Aggregator) fill(p *llm.Payload, o *llm.CallOptions) {
	d := &a.options.Call
	if o.Decided&llm.DecideUsage == 0 && !p.RefusesUsage() && (d.IncludeUsage || d.Decided&llm.DecideUsage == 0) {
		o.IncludeUsage = true // S5: the aggregator's own streams
	}
	o.Bare = false
	if b := a.manager.Budget(); b != nil {
		o.WithBudgets(b)
	}
	if a.unset {
		return
	}
	o.WithBudgets(d.Budgets...)
	o.MaxRetries = cmp.Or(o.MaxRetries, d.MaxRetries)
	o.Deadline = cmp.Or(o.Deadline, d.Deadline)
	o.Timeout = cmp.Or(o.Timeout, d.Timeout)
	o.OnInterrupt = cmp.Or(o.OnInterrupt, d.OnInterrupt)
	o.Strategy = cmp.Or(o.Strategy, d.Strategy)
	o.Rules = cmp.Or(o.Rules, d.Rules)
	o.MaxCost = cmp.Or(o.MaxCost, d.MaxCost)
	o.Accept = cmp.Or(o.Accept, d.Accept)
	if o.Accepts == nil {
		o.Accepts = d.Accepts
	}
	o.Session = cmp.Or(o.Session, d.Session)
	o.Cache = cmp.Or(o.Cache, d.Cache)
	o.CacheName = cmp.Or(o.CacheName, d.CacheName)
	o.Unsupported = cmp.Or(o.Unsupported, d.Unsupported)
	o.HedgeAfter = cmp.Or(o.HedgeAfter, d.HedgeAfter)
	o.Window = cmp.Or(o.Window, d.Window)
	if len(d.Headers) > 0 {
		headers := maps.Clone(d.Headers)
		maps.Copy(headers, o.Headers)
		o.Headers = headers
	}
	o.StopOnBadRequest = o.StopOnBadRequest || o.Decided&llm.DecideBadRequest == 0 && d.StopOnBadRequest
	o.Bulk = o.Bulk || o.Decided&llm.DecideBulk == 0 && d.Bulk
	o.FailoverOnContentFilter = o.FailoverOnContentFilter || o.Decided&llm.DecideContentFilter == 0 && d.FailoverOnContentFilter
}

// ChatRoutes is ChatPayload over the given routes instead of the manager's.
func (a *Aggregator) ChatRoutes(ctx context.Context, routes []*client.Client, p *llm.Payload) (*llm.Response, error) {
	if len(routes) == 0 {
		return nil, errNoRoutes
	}
	return a.chat(ctx, routes, a.complete(p))
}

// chat makes a call for a whole answer. Without routes the request says which.
func (a *Aggregator) chat(ctx context.Context, routes []*client.Client, p *llm.Payload) (*llm.Response, error) {
	if a.wrong != nil {
		return nil, a.wrong
	}
	if c, err := a.cacheOf(p); c != nil || err != nil {
		return a.cachedChat(ctx, c, err, routes, p)
	}
	return a.ask(ctx, routes, p)
}

// ask is chat without a cache.
func (a *Aggregator) ask(ctx context.Context, routes []*client.Client, p *llm.Payload) (*llm.Response, error) {
	if p.Stream {
		s, err := a.open(ctx, routes, p, true, nil)
		if err != nil {
			return nil, err
		}
		return s.Collect()
	}
	w, err := a.loop(ctx, routes, p, false)
	if err != nil {
		return nil, err
	}
	defer w.leave()
	answer := &w.wanted
	if e := w.run(answer); e != nil {
		return nil, e
	}
	w.call.Finish(answer.Response)
	return answer.Response, nil
}

// StreamRoutes is StreamPayload over the given routes.
func (a *Aggregator) StreamRoutes(ctx context.Context, routes []*client.Client, p *llm.Payload) (*client.Stream, error) {
	if len(routes) == 0 {
		return nil, errNoRoutes
	}
	return a.stream(ctx, routes, a.complete(p))
}

func (a *Aggregator) stream(ctx context.Context, routes []*client.Client, p *llm.Payload) (*client.Stream, error) {
	if a.wrong != nil {
		return nil, a.wrong
	}
	if c, err := a.cacheOf(p); c != nil || err != nil {
		return a.cachedStream(ctx, c, err, routes, p)
	}
	return a.open(ctx, routes, p, false, nil)
}

// open is stream without a cache; whole, if it is not nil, sees the whole
// answer.
func (a *Aggregator) open(ctx context.Context, routes []*client.Client, p *llm.Payload, restart bool, whole func(*llm.Response)) (*client.Stream, error) {
	w, err := a.loop(ctx, routes, p, true)
	if err != nil {
		return nil, err
	}
	a.manager.Hedges().Call()
	return client.NewStream(w.scope, routing.StreamOptions{Call: w.call, Ended: w.leave, Restart: restart, Whole: whole}, w)
}

// loop begins a call's loop over routes; without any, over those that the
// request is for. A route that was closed between look-up and hold has been
// replaced, so it is looked up again, unless the closed one is what is
// registered.
func (a *Aggregator) loop(ctx context.Context, routes []*client.Client, p *llm.Payload, stream bool) (*routeLoop, error) {
	if err := p.Refused(); err != nil {
		return nil, err
	}
	if routes != nil {
		return a.loopOver(ctx, routes, p, stream)
	}
	for {
		routes, err := a.routes(p.Model)
		if err != nil {
			return nil, err
		}
		w, err := a.loopOver(ctx, routes, p, stream)
		if err != nil || w.holdsAll() {
			return w, err
		}
		now, err := a.routes(p.Model)
		if err != nil || slices.Equal(now, routes) {
			return w, nil
		}
		w.leave()
	}
}

// loopOver begins a call's loop over routes, in the order in which the call
// asks them.
func (a *Aggregator) loopOver(ctx context.Context, routes []*client.Client, p *llm.Payload, stream bool) (*routeLoop, error) {
	routes, err := a.arranged(ctx, routes, p, stream)
	if err != nil {
		return nil, err
	}
	return a.begin(ctx, routes, p)
}

// Open implements [routing.Opener].
func (w *routeLoop) Open(*callstate.Scope) (routing.Opened, *llm.Error) {
	w.wanted = routing.Wanted{Stream: true}
	err := w.run(&w.wanted)
	return w.wanted.Opened, err
}

// Reopen leaves the route whose stream broke and starts the answer again on the
// next usable route, or on the same route if no other is usable (S8).
func (w *routeLoop) Reopen(scope *callstate.Scope, failed routing.Opened, reason *llm.Error) (routing.Opened, *llm.Error) {
	i := failed.Turn().Place()
	if w.ends(failed.Turn(), reason) {
		return nil, w.ended(reason) // E3
	}
	w.remember(reason)
	if !w.OthersLeft(i) {
		w.wanted = routing.Wanted{Stream: true}
		err := failed.Turn().Again(scope, &w.wanted, reason)
		if err == nil {
			return w.wanted.Opened, nil
		}
		if scope.Ended() != nil || w.ends(failed.Turn(), err) {
			return nil, w.ended(err)
		}
		reason = err
	}
	w.giveUp(i, reason)
	return w.Open(scope)
}
