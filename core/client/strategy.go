package client

import (
	"time"

	"github.com/llmagg/llmagg/core/failure"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/strategy"
)

// Weight is the route's configured share under the strategy weighted.
func (c *Client) Weight() float64 { return c.cfg.Weight }

// Load is the share of the route's places that are taken or waited for.
func (c *Client) Load() float64 {
	return float64(c.slots.InFlight()+c.slots.Waiting()) / float64(c.slots.Size())
}

// ContextWindow is the configured number of tokens that the model takes, 0 if
// it is not known.
func (c *Client) ContextWindow() int { return c.cfg.ContextWindow }

// Expected is what a call of about this size costs by the configured prices.
func (c *Client) Expected(input, output int) (amount float64, known bool) {
	return c.cfg.Price.Expected(input, output)
}

// RateUsed is the share of the route's rate limits that is used, that of the
// tightest; 0 where no limit is known.
func (c *Client) RateUsed() float64 {
	if !c.rate.Active() {
		return 0
	}
	return c.rate.Report().Used
}

// Paced calls f with the route's measured latency, under its lock. It is
// measured from the first time on.
func (c *Client) Paced(f func(*strategy.Pace)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pacing = true
	f(&c.pace)
}

// paced enters an attempt that ended with e, or with an answer. c.mu is held.
func (c *Client) paced(e *llm.Error, a *llm.Attempt, now time.Time) {
	if !c.pacing {
		return
	}
	took := a.Duration
	if e == nil {
		if a.Stream {
			took = a.FirstToken
		}
	} else {
		switch failure.BreakerEffect(e.Code) {
		case failure.Counts, failure.Blocks:
			took = max(took, c.cfg.Timeout) // a route that fails at once is not fast
		default:
			return
		}
	}
	if took > 0 {
		c.pace.Note(a.Stream, took, now)
	}
}
