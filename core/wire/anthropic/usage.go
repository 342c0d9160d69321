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
				}
			}
		case "cache_read_input_tokens":
			u.cached(&r, "cache_read_input_tokens", &u.counts.Read)
		case "cache_creation_input_tokens":
			u.cached(&r, "cache_creation_input_tokens", &u.counts.Written)
		case "cache_creation":
			value := r.Raw()
			wire.Rest(&u.rest, "cache_creation", value)
			u.written(value)
		default:
			key := string(r.Key)
			wire.Rest(&u.rest, key, r.Raw())
		}
	}
}

// cached reads a number of the cache, which stays under its name, too.
func (u *usage) cached(r *jsontext.Reader, name string, to **int) {
	r.Next()
	from := r.Pos
	if replace(to, r); r.Err == nil && r.Data[from] != 'n' {
		wire.Rest(&u.rest, name, r.Keep(r.Data[from:r.Pos]))
	}
}

// written reads what was written to the cache, by how long it stays.
func (u *usage) written(value []byte) {
	r := jsontext.Reader{Data: value, Most: jsontext.MaxDepth}
	for more := r.Object(); more; more = r.NextField() {
		switch string(r.Key) {
		case "ephemeral_5m_input_tokens":
			replace(&u.counts.Written5m, &r)
		case "ephemeral_1h_input_tokens":
			replace(&u.counts.Written1h, &r)
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
