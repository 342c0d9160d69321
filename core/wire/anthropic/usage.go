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
	if len(u.fields) == 0 || err != nil || llm.JSON.Unmarshal(raw, &c) != nil {
		return nil
	}
	sum := wire.Counts{Input: c.Input, Output: c.Output, Read: c.Read, Written: c.Written,
		Written5m: c.ByTime.Minutes, Written1h: c.ByTime.Hour, Thinking: c.OutputDetails.Thinking}
	return sum.Usage(u.fields, "input_tokens", "output_tokens", "output_tokens_details")
}
