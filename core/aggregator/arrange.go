package aggregator

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/llmagg/llmagg/core/client"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/strategy"
)

// arranged are the routes in the order in which the call asks them: routes
// itself where it is that of the list. A stream may have another order than a
// whole answer.
func (a *Aggregator) arranged(ctx context.Context, routes []*client.Client, p *llm.Payload, stream bool) ([]*client.Client, error) {
	o := &p.Options
	if o.MaxCost != nil || slices.ContainsFunc(o.Budgets, (*llm.Budget).OfCall) {
		if err := tellsCost(routes); err != nil {
			return nil, err
		}
	}
	if len(routes) < 2 {
		return routes, o.Strategy.Check()
	}
	if a.options.Order != nil {
		var order []int
		if failed := routes[0].Rescue("order", func() { order = a.options.Order(ctx, routes, p) }); failed != nil {
			return nil, failed
		}
		return inOrder(routes, order)
	}
	if o.Routing != nil && o.Routing.Order != nil {
		return inOrder(routes, o.Routing.Order)
	}
	if o.Strategy == "" || o.Strategy == llm.StrategyOrder {
		return routes, nil
	}
	if err := o.Strategy.Check(); err != nil {
		return nil, err
	}
	groups := a.groupsFor(p)
	if n := 0; groups != nil {
		for _, size := range groups {
			n += size
		}
		if n != len(routes) { // only some of the routes make embeddings, or the catalog has just changed
			groups = nil
		}
	}
	return inOrder(routes, strategy.Arrange(strategy.Call{Strategy: o.Strategy, Session: o.Session, Stream: stream, Bytes: len(p.JSON()), Now: time.Now()}, routes, groups))
}

// inOrder are the routes at the places that order names, then the others.
func inOrder(routes []*client.Client, order []int) ([]*client.Client, error) {
	arranged := make([]*client.Client, 0, len(routes))
	taken := make([]bool, len(routes))
	for _, at := range order {
		if at < 0 || at >= len(routes) {
			return nil, llm.Errorf(llm.InvalidArgument, "the order of the routes names place %d; expected 0 to %d", at, len(routes)-1)
		}
		if !taken[at] {
			taken[at] = true
			arranged = append(arranged, routes[at])
		}
	}
	for i, c := range routes {
		if !taken[i] {
			arranged = append(arranged, c)
		}
	}
	return arranged, nil
}

// groupsFor are the sizes of the groups of a call's routes.
func (a *Aggregator) groupsFor(p *llm.Payload) []int {
	if p.Options.Routing != nil {
		return p.Options.Routing.Groups
	}
	if known := a.known.Load(); known != nil && p.Model == "" && len(a.options.Groups) > 0 {
		known.mu.Lock()
		defer known.mu.Unlock()
		return known.groups
	}
	return nil
}

// groupsOf turns the sizes of groups of names into those of groups of routes.
// A name that nobody has counts for nothing, a route for its first group.
func (x *index) groupsOf(models []string, sizes []int) []int {
	groups := make([]int, 0, len(sizes))
	taken := make(map[int]bool, len(x.catalog))
	for _, n := range sizes {
		n = min(max(n, 0), len(models))
		before := len(taken)
		for _, name := range models[:n] {
			for _, at := range x.find(name) {
				taken[at] = true
			}
		}
		models = models[n:]
		if len(taken) > before {
			groups = append(groups, len(taken)-before)
		}
	}
	return slices.Clip(groups)
}

// bytesOfToken is more than the bytes of nearly every token: a request that is
// too long by this measure is too long.
const bytesOfToken = 6

// findSmall marks the routes whose configured window the request probably does
// not fit. It costs nothing where no window is configured.
func (w *routeLoop) findSmall(p *llm.Payload) {
	least := -1
	for i := range w.candidates {
		c := &w.candidates[i]
		window := c.client.ContextWindow()
		if window == 0 {
			continue
		}
		if least < 0 {
			least = leastTokens(p)
		}
		c.small = least > window
	}
}

// leastTokens is how many tokens the request has at least, together with the
// answer that it asks for. It is 0 for images and sound, whose tokens nobody
// can tell from the bytes.
func leastTokens(p *llm.Payload) int {
	if p.Mentions(";base64,") || p.Mentions(`"input_audio"`) {
		return 0
	}
	return len(p.JSON())/bytesOfToken + p.AnswerTokens()
}

// leaveSmaller gives up routes after the request did not fit the window of the
// i-th: those whose window is known and no larger.
func (w *routeLoop) leaveSmaller(i int) {
	window := w.candidates[i].client.ContextWindow()
	for j := range w.candidates {
		c := &w.candidates[j]
		if other := c.client.ContextWindow(); other > 0 && other <= window {
			c.given.Store(true)
		}
	}
}

// CanKeepCost is INVALID_ARGUMENT if no bound of money can be kept for calls
// with this model ("" is the aggregator's own choice), since nobody would tell
// what any of its routes has cost.
func (a *Aggregator) CanKeepCost(model string) error {
	routes, err := a.routes(model)
	if err != nil {
		return nil // the call says it
	}
	return tellsCost(routes)
}

// tellsCost refuses a max_cost that none of the routes can keep. One that some
// can keep goes on, and the others say so once they have answered.
func tellsCost(routes []*client.Client) error {
	names := make([]string, 0, len(routes))
	for _, c := range routes {
		if c.TellsCost() {
			return nil
		}
		names = append(names, c.Route())
	}
	if len(names) == 0 {
		return nil // said elsewhere
	}
	return llm.Errorf(llm.InvalidArgument, "max_cost cannot be kept: no price is known of %s; %s", strings.Join(names, ", "), llm.AdviceOnPrices)
}
