package bedrock

import (
	"github.com/llmagg/llmagg/core/internal/jsontext"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/wire"
)

// usageIn is an answer's usage, which comes next, in OpenAI's shape, where
// prompt_tokens holds the cache's too (API reference, "TokenUsage": inputTokens
// is without them); nil if nothing is known. What has no place there stays
// under Bedrock's name.
func usageIn(r *jsontext.Reader) *llm.Usage {
	var c wire.Counts
	var rest llm.Extra
	for more := r.Object(); more; more = r.NextField() {
		switch string(r.Key) {
		case "inputTokens":
			c.Input = wire.Tokens(r)
		case "outputTokens":
			c.Output = wire.Tokens(r)
		case "totalTokens":
		default:
			key := string(r.Key)
			value := r.Raw()
			wire.Rest(&rest, key, value)
			cached := jsontext.Reader{Data: value, Most: jsontext.MaxDepth}
			switch key {
			case "cacheReadInputTokens":
				c.Read = wire.Tokens(&cached)
			case "cacheWriteInputTokens":
				c.Written = wire.Tokens(&cached)
			case "cacheDetails":
				for more := cached.Array(); more; more = cached.NextItem() {
					writtenIn(&cached, &c)
				}
			}
		}
	}
	return c.Usage(rest)
}

// writtenIn reads what was written to the cache for one time.
func writtenIn(r *jsontext.Reader, c *wire.Counts) {
	ttl, n := "", (*int)(nil)
	for more := r.Object(); more; more = r.NextField() {
		switch string(r.Key) {
		case "ttl":
			ttl = r.Text()
		case "inputTokens":
			n = wire.Tokens(r)
		}
	}
	switch ttl {
	case "5m":
		c.Written5m = n
	case "1h":
		c.Written1h = n
	}
}
