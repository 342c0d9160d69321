package anthropic

import (
	"encoding/json"

	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/wire"
)

// counts are the numbers of tokens that answers name; each may be missing.
// Input is without what the cache gave or took (API reference, "Usage").
type counts struct {
	Input   *float64 `json:"input_tokens"`
	Output  *float64 `json:"output_tokens"`
	Read    *float64 `json:"cache_read_input_tokens"`
	Written *float64 `json:"cache_creation_input_tokens"`
	ByTime  struct {
		Minutes *float64 `json:"ephemeral_5m_input_tokens"`
		Hour    *float64 `json:"ephemeral_1h_input_tokens"`
	} `json:"cache_creation"`
	OutputDetails struct {
		Thinking *float64 `json:"thinking_tokens"`
	} `json:"output_tokens_details"`
}

// usage collects what an answer says of its tokens: in a stream the later
// numbers replace the earlier ones, and those that a later event leaves out
// still hold.
type usage struct{ fields llm.Extra }

func (u *usage) add(raw json.RawMessage) {
	var fields llm.Extra
	if !wire.IsThere(raw) || llm.JSON.Unmarshal(raw, &fields) != nil {
		return
	}
	if u.fields == nil {
		u.fields = llm.Extra{}
	}
	for name, value := range fields {
		if wire.IsThere(value) {
			u.fields[name] = value
		}
	}
}

// usage is the sum in OpenAI's shape, where prompt_tokens holds the cache's
// too; nil if nothing is known. What has no place there stays under Anthropic's
// name.
func (u *usage) usage() *llm.Usage {
	raw, err := llm.JSON.Marshal(u.fields)
	var c counts
	if len(u.fields) == 0 || err != nil || llm.JSON.Unmarshal(raw, &c) != nil || c.Input == nil && c.Output == nil {
		return nil
	}
	known := llm.Extra{}
	number := func(name string, n float64) {
		known[name], _ = llm.JSON.Marshal(int(n)) // a number can always be written
	}
	if c.Input != nil {
		number("prompt_tokens", *c.Input+wire.OrZero(c.Read)+wire.OrZero(c.Written))
	}
	if c.Output != nil {
		number("completion_tokens", *c.Output)
	}
	in := llm.InputDetails{Cached: wire.Count(c.Read), Written: wire.Count(c.Written), Written5m: wire.Count(c.ByTime.Minutes), Written1h: wire.Count(c.ByTime.Hour)}
	if raw := in.JSON(); raw != nil {
		known["prompt_tokens_details"] = raw
	}
	if raw := (llm.OutputDetails{Reasoning: wire.Count(c.OutputDetails.Thinking)}).JSON(); raw != nil {
		known["completion_tokens_details"] = raw
	}
	for name, value := range u.fields {
		if name != "input_tokens" && name != "output_tokens" && name != "output_tokens_details" {
			known[name] = value
		}
	}
	sum := &llm.Usage{}
	if raw, err = llm.JSON.Marshal(known); err != nil || sum.UnmarshalJSON(raw) != nil {
		return nil
	}
	return sum
}
