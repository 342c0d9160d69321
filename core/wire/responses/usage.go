package responses

import (
	"bytes"
	"encoding/json"

	"github.com/llmagg/llmagg/core/internal/jsontext"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/wire"
)

// usageOf is a usage in the shape of chat completions: input_tokens holds what
// was cached, output_tokens the thoughts, as their counterparts do. nil if
// nothing is known.
func usageOf(raw json.RawMessage) *llm.Usage {
	r := wire.AnswerReader(raw)
	if len(raw) == 0 || r.Next() != '{' {
		return nil
	}
	w := jsontext.Writer{Buf: make([]byte, 0, len(raw)+64)}
	o := w.Object()
	known := false
	for more := r.Object(); more; more = r.NextField() {
		name := string(r.Key)
		if to := chatName(name); to != "" && !bytes.Contains(raw, []byte(`"`+to+`"`)) {
			name = to
		}
		if value := wire.Span(&r); value != nil {
			if r.Odd || r.Dirty {
				value = r.Keep(value)
			}
			known = true
			o.Foreign(name, value)
		}
	}
	o.End()
	if r.Err != nil || !known {
		return nil
	}
	return llm.ReadUsage(w.Buf)
}

// chatName is what chat completions call a number of tokens.
func chatName(name string) string {
	switch name {
	case "input_tokens":
		return "prompt_tokens"
	case "output_tokens":
		return "completion_tokens"
	case "input_tokens_details":
		return "prompt_tokens_details"
	case "output_tokens_details":
		return "completion_tokens_details"
	}
	return ""
}
