package client

import (
	"github.com/llmagg/llmagg/core/breaker"
	"github.com/llmagg/llmagg/core/internal/callstate"
	"github.com/llmagg/llmagg/core/internal/routing"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/observe"
	"github.com/llmagg/llmagg/core/rate"
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
	return other("makes no embeddings", func(a *attempt) (*llm.Usage, error) {
		e.Vectors, e.Usage = nil, nil
		err := a.upstream.Embed(a.ctx, &a.x, e)
		return e.Usage, err
	})
}

func (r *route) Ranks(k *wire.Ranking) *routing.Wanted {
	return other("ranks no documents", func(a *attempt) (*llm.Usage, error) {
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
