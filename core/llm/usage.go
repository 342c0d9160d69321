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
func (u *Usage) UnmarshalJSON(data []byte) error { return decode(data, u.read) }

func (u *Usage) write(s *stream) {
	o := startObject(s)
	o.field("prompt_tokens").WriteInt(u.PromptTokens)
	o.field("completion_tokens").WriteInt(u.CompletionTokens)
	o.field("total_tokens").WriteInt(u.TotalTokens)
	o.raw("prompt_tokens_details", u.PromptTokensDetails)
	o.raw("completion_tokens_details", u.CompletionTokensDetails)
	o.extra(u.Extra)
	o.end()
}

func (u *Usage) read(it *iterator) {
	readFields(it, func(it *iterator, key string) {
		switch key {
		case "prompt_tokens":
			u.PromptTokens = readInt(it)
		case "completion_tokens":
			u.CompletionTokens = readInt(it)
		case "total_tokens":
			u.TotalTokens = readInt(it)
		case "prompt_tokens_details":
			u.PromptTokensDetails = readRaw(it)
		case "completion_tokens_details":
			u.CompletionTokensDetails = readRaw(it)
		default:
			u.Extra.read(it, key)
		}
	})
	if u.TotalTokens == 0 {
		u.TotalTokens = u.PromptTokens + u.CompletionTokens
	}
}

// readUsage reads a usage that may be null; nil then.
func readUsage(it *iterator) *Usage {
	raw := readRaw(it)
	if len(raw) == 0 || raw[0] != '{' {
		return nil
	}
	u := &Usage{}
	if u.UnmarshalJSON(raw) != nil {
		return nil
	}
	return u
}
