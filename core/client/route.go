package client

import (
	"time"

	"github.com/llmagg/llmagg/core/breaker"
	"github.com/llmagg/llmagg/core/failure"
	"github.com/llmagg/llmagg/core/internal/callstate"
	"github.com/llmagg/llmagg/core/internal/routing"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/observe"
	"github.com/llmagg/llmagg/core/rate"
	"github.com/llmagg/llmagg/core/strategy"
	"github.com/llmagg/llmagg/core/wire"
)

// Machinery is the client as calls over several routes use it. It is for
// core/aggregator.
func (c *Client) Machinery() routing.Route { return (*route)(c) }

// route is a client's [routing.Route].
type route Client

func (r *route) Turn(call *callstate.Call, others routing.Others, place int) routing.Turn {
	return (*Client)(r).turn(call, others, place)
}

func (r *route) Breaker() *breaker.Breaker { return r.breaker }

func (r *route) Rate() *rate.Limiter { return r.rate }

func (r *route) Tell(v observe.Observation) { (*Client)(r).tell(v) }

func (r *route) Vectors(e *wire.Embedding) *routing.Wanted {
	return other("makes no embeddings"+wire.Embedders, func(a *attempt) (*llm.Usage, error) {
		e.Vectors, e.Usage = nil, nil
		err := a.upstream.Embed(a.ctx, &a.x, e)
		return e.Usage, err
	})
}

func (r *route) Ranks(k *wire.Ranking) *routing.Wanted {
	return other("ranks no documents"+wire.Rankers, func(a *attempt) (*llm.Usage, error) {
		k.Response = llm.RerankResponse{}
		err := a.upstream.Rerank(a.ctx, &a.x, k)
		return k.Response.Usage, err
	})
}

// other is what a call wants that is no chat. Routes whose answers the
// application gives have none; lacks says so.
func other(lacks string, ask func(a *attempt) (*llm.Usage, error)) *routing.Wanted {
	return &routing.Wanted{Other: func(of any) (usage *llm.Usage, err error) {
		a := of.(*attempt)
		if c := a.turn.client; c.upstream == nil {
			return nil, wire.Unsupported("the client of %s, which the application wrote, %s", c.Route(), lacks)
		}
		defer a.rescue(&err)
		return ask(a)
	}}
}

func (c *Client) turn(call *callstate.Call, others routing.Others, place int) *turn {
	return &turn{client: c, call: call, others: others, place: place}
}

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
