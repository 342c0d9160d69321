package client

import "github.com/llmagg/llmagg/core/wire"

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
