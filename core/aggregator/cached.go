package aggregator

import (
	"context"
	"errors"

	"github.com/llmagg/llmagg/core/cache"
	"github.com/llmagg/llmagg/core/client"
	"github.com/llmagg/llmagg/core/internal/routing"
	"github.com/llmagg/llmagg/core/llm"
)

// cacheOf is the cache of a call, nil if it has none.
func (a *Aggregator) cacheOf(p *llm.Payload) (*cache.Cache, error) {
	o := &p.Options
	if o.Cache == llm.CacheOff || a.options.Cache == nil && o.CacheName == "" {
		return nil, o.Cache.Check()
	}
	if o.CacheName == "" {
		return a.options.Cache, o.Cache.Check()
	}
	if a.options.CacheNamed != nil {
		if c := a.options.CacheNamed(o.CacheName); c != nil {
			return c, o.Cache.Check()
		}
	}
	return nil, llm.Errorf(llm.InvalidArgument, "option \"cache_name\" names %q, and no cache has this name", o.CacheName)
}

// cachedCall is a call that has a cache.
type cachedCall struct {
	*routeLoop // without routes: it holds the call's number, deadline and end
	cache      *cache.Cache
	key        cache.Key
	routes     []*client.Client // in the order of the list
}

// beginCached begins a call that has a cache, or that was refused. leave must
// be called once.
func (a *Aggregator) beginCached(ctx context.Context, c *cache.Cache, refused error, routes []*client.Client, p *llm.Payload) (*cachedCall, error) {
	if refused == nil {
		refused = p.Refused()
	}
	if refused == nil && routes == nil {
		routes, refused = a.routes(p.Model)
	}
	if refused != nil {
		return nil, refused
	}
	names := make([]string, len(routes))
	for i, r := range routes {
		names[i] = r.Asks()
	}
	w, err := a.begin(ctx, nil, p)
	if err != nil {
		return nil, err
	}
	return &cachedCall{routeLoop: w, cache: c, key: cache.KeyOf(p, names), routes: routes}, nil
}

// accept is what the call's options say of a kept answer: one that they refuse
// is of no use to this call.
func (w *cachedCall) accept() func(*llm.Response) bool {
	accepts := w.call.Payload.Options.Accepts
	if accepts == nil {
		return nil // an empty answer is never kept
	}
	return func(r *llm.Response) (accepted bool) {
		_ = w.routes[0].Rescue("accept function", func() { accepted = accepts(r) == nil })
		return accepted
	}
}

// mark notes that the call's answer comes from the cache.
func (w *cachedCall) mark(answer *cache.Answer) {
	w.routes[0].Lookup(answer.How, w.call.ID)
	w.call.Cached(answer.How, answer.Currency)
}

// cachedChat is ask with a cache before it.
func (a *Aggregator) cachedChat(ctx context.Context, c *cache.Cache, refused error, routes []*client.Client, p *llm.Payload) (*llm.Response, error) {
	w, err := a.beginCached(ctx, c, refused, routes, p)
	if err != nil {
		return nil, err
	}
	defer w.leave()
	within := w.scope.Context()
	answer, err := c.Chat(within, w.key, p.Options.Cache == llm.CacheRefresh, w.accept(), func() (*llm.Response, error) {
		w.routes[0].Lookup(llm.CacheMiss, 0)
		return a.ask(within, routes, p)
	})
	if errors.Is(err, cache.ErrEnded) {
		return nil, w.ended(w.scope.Ended())
	}
	if err != nil {
		return nil, err
	}
	if answer.How != "" {
		w.mark(answer)
		w.call.Complete(answer.Response)
	}
	return answer.Response, nil
}

// cachedStream is open with a cache before it. A stream does not wait for
// another call: two of them at the same time ask twice.
func (a *Aggregator) cachedStream(ctx context.Context, c *cache.Cache, refused error, routes []*client.Client, p *llm.Payload) (*client.Stream, error) {
	w, err := a.beginCached(ctx, c, refused, routes, p)
	if err != nil {
		return nil, err
	}
	if p.Options.Cache == llm.CacheRefresh {
		c.Miss()
	} else if answer := c.Get(w.scope.Context(), w.key, w.accept()); answer != nil {
		w.mark(answer)
		return client.Replay(w.scope, routing.StreamOptions{Call: w.call, Ended: w.leave}, w.routes[0], answer.Response), nil
	}
	w.routes[0].Lookup(llm.CacheMiss, 0)
	w.leave()
	return a.open(ctx, routes, p, false, func(r *llm.Response) { c.Put(ctx, w.key, r) })
}
