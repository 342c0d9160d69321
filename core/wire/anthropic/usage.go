package anthropic

import (
	"encoding/json"
	"unicode/utf8"

	"github.com/llmagg/llmagg/core/internal/jsontext"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/wire"
)

// usage collects what an answer says of its tokens (API reference, "Usage"): in
// a stream the later numbers replace the earlier ones, and those that a later
// event leaves out still hold. Fields without a place in OpenAI's shape stay
// under Anthropic's names.
type usage struct {
	counts wire.Counts
	rest   llm.Extra
}

func (u *usage) add(raw json.RawMessage) {
	r := jsontext.Reader{Data: raw, Most: jsontext.MaxDepth, Dirty: !utf8.Valid(raw)}
	for more := r.Object(); more; more = r.NextField() {
		switch string(r.Key) {
		case "input_tokens":
			replace(&u.counts.Input, &r)
		case "output_tokens":
			replace(&u.counts.Output, &r)
		case "output_tokens_details":
			for more := r.Object(); more; more = r.NextField() {
				if string(r.Key) == "thinking_tokens" {
					replace(&u.counts.Thinking, &r)
				} else {
					r.Skip()
				}
			}
		default:
			key := string(r.Key)
			value := r.Raw()
			wire.Rest(&u.rest, key, value)
			u.cache(key, value)
		}
	}
}

// cache reads a number of the cache.
func (u *usage) cache(key string, value []byte) {
	r := jsontext.Reader{Data: value, Most: jsontext.MaxDepth}
	switch key {
	case "cache_read_input_tokens":
		replace(&u.counts.Read, &r)
	case "cache_creation_input_tokens":
		replace(&u.counts.Written, &r)
	case "cache_creation":
		for more := r.Object(); more; more = r.NextField() {
			switch string(r.Key) {
			case "ephemeral_5m_input_tokens":
				replace(&u.counts.Written5m, &r)
			case "ephemeral_1h_input_tokens":
				replace(&u.counts.Written1h, &r)
			default:
				r.Skip()
			}
		}
	}
}

// replace reads a number, unless something else stands there.
func replace(to **int, r *jsontext.Reader) {
	if n := wire.Tokens(r); n != nil && (*n > 0 || *to == nil) { // gateways write 0 for what they told before
		*to = n
	}
}

// usage is the sum in OpenAI's shape; nil if nothing is known.
func (u *usage) usage() *llm.Usage { return u.counts.Usage(u.rest) }
