package client

import (
	"cmp"
	"time"

	"github.com/llmagg/llmagg/core/breaker"
	"github.com/llmagg/llmagg/core/failure"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/meter"
	"github.com/llmagg/llmagg/core/observe"
)

// routed is e with the route's name; e itself does not change.
func (c *Client) routed(e *llm.Error) *llm.Error {
	if e == nil || e.Provider != "" {
		return e
	}
	copied := *e
	copied.Provider, copied.Model = c.cfg.Provider, c.cfg.Name
	return &copied
}

// Usable reports whether the route would admit a call now.
func (c *Client) Usable() bool { return c.breaker.Usable() }

func (c *Client) observers() *observe.Observers { return c.watch.Load() }

// tell completes an observation with the route and the time and sends it to the
// client's observers.
func (c *Client) tell(v observe.Observation) {
	if m := c.meter.Load(); m != nil {
		c.count(m, &v)
	}
	if c.observers().Active() {
		v.Time, v.Provider, v.Model = time.Now(), c.cfg.Provider, c.cfg.Name
		c.observers().Tell(v, func(p any) { c.logPanic("observer", p) })
	}
}

// count counts an observation of what becomes of calls on the route.
func (c *Client) count(m *meter.Route, v *observe.Observation) {
	switch v.Kind {
	case observe.RetryScheduled:
		m.Retry()
	case observe.Restarted:
		if v.To == c.Route() {
			m.Retry()
			return
		}
		m.Failover()
	case observe.Failover:
		m.Failover()
	case observe.Hedged:
		m.Hedge()
	}
}

// Lookup counts a call that begins at the route and what its cache came to, and
// tells observers if that was an answer.
func (c *Client) Lookup(how string, call uint64) {
	if m := c.meter.Load(); m != nil {
		m.Lookup(how)
	}
	if how != llm.CacheMiss {
		c.tell(observe.Observation{Kind: observe.Cached, State: how, Call: call})
	}
}

// StartTotals begins to count the route's totals, if nobody has before.
func (c *Client) StartTotals() {
	if c.meter.Load() == nil {
		c.meter.CompareAndSwap(nil, meter.New())
	}
}

func (c *Client) circuitChanged(from, to breaker.State) {
	c.tell(observe.Observation{Kind: observe.BreakerChanged, From: string(from), State: string(to)})
	if l := c.options.Logger; l != nil {
		l.Warn("circuit changed", "provider", c.cfg.Provider, "model", c.cfg.Name, "from", string(from), "to", string(to))
	}
}

// note keeps the outcome of an attempt for health reports.
func (c *Client) note(e *llm.Error, a *llm.Attempt, call uint64, now time.Time) {
	if l := c.options.Logger; l != nil && e != nil {
		l.Warn("attempt failed", "provider", a.Provider, "model", a.Model, "code", e.Code.String(),
			"error_owner", e.Owner(), "call", call, "wait", a.Wait, "status", a.Status, "duration", a.Duration, "error", e.Message)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.paced(e, a, now)
	if e != nil {
		if !failure.CallerLeft(e.Code) {
			c.health.lastError, c.health.lastErrorAt = e, now
		}
		return
	}
	c.health.lastSuccess = now
	latency := a.Duration
	if a.FirstToken > 0 {
		latency = a.FirstToken
	}
	c.health.latency = cmp.Or(c.health.latency, latency)
	c.health.latency += (latency - c.health.latency) / 8
}

func (c *Client) lastError() (*llm.Error, time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.health.lastError, c.health.lastErrorAt
}

// Report returns the state of the route; it sends no request. The route's
// totals are counted from its first report on.
func (c *Client) Report() llm.RouteReport {
	c.StartTotals()
	s := c.breaker.Snapshot()
	now := time.Now()
	limited := c.rate.Report()
	r := llm.RouteReport{Provider: c.cfg.Provider, Model: c.cfg.Name, Available: s.On, Usable: c.breaker.Usable(),
		Circuit: string(s.State), InFlight: c.slots.InFlight(), Waiting: c.slots.Waiting() + limited.Waiting,
		Limit: c.slots.Size(), RateUsed: limited.Used, Binding: limited.Binding, Keys: c.reportKeys(now), Totals: c.meter.Load().Totals()}
	if r.Binding == "" && c.slots.Waiting() > 0 {
		r.Binding = llm.BindingConcurrency
	}
	if !s.BlockedUntil.IsZero() {
		r.BlockedFor = max(s.BlockedUntil.Sub(now), 0)
	}
	if !s.OpenUntil.IsZero() {
		r.ReopensIn = max(s.OpenUntil.Sub(now), 0)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	r.LastError, r.LastErrorAt = c.health.lastError, c.health.lastErrorAt
	r.LastSuccess, r.Latency = c.health.lastSuccess, c.health.latency
	r.PricesOf = c.cfg.Price.Date
	return r
}
