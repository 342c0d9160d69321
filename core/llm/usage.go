package llm

import "encoding/json"

// Usage counts tokens. A missing usage is zeros. The details are passed
// through as the provider sent them.
type Usage struct {
	PromptTokens            int
	CompletionTokens        int
	TotalTokens             int
	PromptTokensDetails     json.RawMessage
	CompletionTokensDetails json.RawMessage
	Extra                   Extra
}

// MarshalJSON writes the usage.
func (u Usage) MarshalJSON() ([]byte, error) { return encode(nil, u.write) }

// UnmarshalJSON reads a usage leniently.
func (u *Usage) UnmarshalJSON(data []byte) error {
	r := newReader(data)
	u.read(&r)
	return r.end()
}

func (u *Usage) write(w *writer) {
	o := w.object()
	o.field("prompt_tokens").int(u.PromptTokens)
	o.field("completion_tokens").int(u.CompletionTokens)
	o.field("total_tokens").int(u.TotalTokens)
	o.raw("prompt_tokens_details", u.PromptTokensDetails)
	o.raw("completion_tokens_details", u.CompletionTokensDetails)
	o.rest(u.Extra)
	o.end()
}

func (u *Usage) read(r *reader) {
	for more := r.object(); more; more = r.nextField() {
		switch string(r.key) {
		case "prompt_tokens":
			u.PromptTokens = r.integer()
		case "completion_tokens":
			u.CompletionTokens = r.integer()
		case "total_tokens":
			u.TotalTokens = r.integer()
		case "prompt_tokens_details":
			u.PromptTokensDetails = r.raw()
		case "completion_tokens_details":
			u.CompletionTokensDetails = r.raw()
		default:
			r.extra(&u.Extra)
		}
	}
	if u.TotalTokens == 0 {
		u.TotalTokens = u.PromptTokens + u.CompletionTokens
	}
}

// usage reads a usage; nil if something else stands there.
func (r *reader) usage() *Usage {
	if r.next() != '{' {
		r.skip()
		return nil
	}
	u := &Usage{}
	u.read(r)
	return u
}
