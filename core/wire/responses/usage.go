package responses

import (
	"encoding/json"

	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/wire"
)

// usageOf is a usage in the shape of chat completions: input_tokens holds what
// was cached, output_tokens the thoughts, as their counterparts do. nil if
// nothing is known.
func usageOf(raw json.RawMessage) *llm.Usage {
	if len(raw) == 0 {
		return nil
	}
	renamed := object(nil, raw, func(dst []byte, _ string, value []byte) []byte { return append(dst, value...) })
	fields := llm.Extra{}
	if llm.JSON.Unmarshal(renamed, &fields) != nil {
		return nil
	}
	known := false
	for from, to := range map[string]string{"input_tokens": "prompt_tokens", "output_tokens": "completion_tokens",
		"input_tokens_details": "prompt_tokens_details", "output_tokens_details": "completion_tokens_details"} {
		if value, ok := fields[from]; ok && !wire.IsThere(fields[to]) {
			fields[to] = value
			delete(fields, from)
		}
	}
	for _, value := range fields {
		known = known || wire.IsThere(value)
	}
	written, err := llm.JSON.Marshal(fields)
	u := &llm.Usage{}
	if err != nil || !known || u.UnmarshalJSON(written) != nil {
		return nil
	}
	return u
}
