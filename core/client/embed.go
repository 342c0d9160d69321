package client

import (
	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/wire"
)

// EmbedLimits is how many texts the route's vendor takes in one request for
// vectors, and how many bytes of them; false where it makes none.
func (c *Client) EmbedLimits() (texts, bytes int, makes bool) {
	if c.upstream == nil {
		return 0, 0, false
	}
	f, makes := c.upstream.Format.(wire.Embedder)
	if !makes {
		return 0, 0, false
	}
	texts, bytes = f.EmbedLimits(c.upstream.Model)
	if n := int(c.embed.Load()); n > 0 {
		texts = min(texts, n)
	}
	return texts, bytes, true
}

// LimitEmbedTexts has the route know how many texts its server takes, which has
// refused more.
func (c *Client) LimitEmbedTexts(texts int) { c.embed.Store(int64(texts)) }

// embed asks for vectors. Routes whose answers the application gives make
// none.
func (a *attempt) embed(e *wire.Embedding) (err error) {
	c := a.turn.client
	if c.upstream == nil {
		return wire.Unsupported("the client of %s, which the application wrote, makes no embeddings", c.Route())
	}
	e.Vectors, e.Usage = nil, nil
	defer a.rescue(&err)
	return a.upstream.Embed(a.ctx, &a.x, e)
}

// rerank asks for the ranking of documents, likewise.
func (a *attempt) rerank(r *wire.Ranking) (err error) {
	c := a.turn.client
	if c.upstream == nil {
		return wire.Unsupported("the client of %s, which the application wrote, ranks no documents", c.Route())
	}
	r.Response = llm.RerankResponse{}
	defer a.rescue(&err)
	return a.upstream.Rerank(a.ctx, &a.x, r)
}
