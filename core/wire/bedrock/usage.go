package bedrock

import (
	"encoding/json"

	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/wire"
)

// usageOf is an answer's usage in OpenAI's shape, where prompt_tokens holds the
// cache's too (API reference, "TokenUsage": inputTokens is without them); nil
// if nothing is known. What has no place there stays under Bedrock's name.
func usageOf(raw json.RawMessage) *llm.Usage {
	var fields llm.Extra
	var counts struct {
		Input   *float64 `json:"inputTokens"`
		Output  *float64 `json:"outputTokens"`
		Read    *float64 `json:"cacheReadInputTokens"`
		Written *float64 `json:"cacheWriteInputTokens"`
		ByTime  []struct {
			TTL   string   `json:"ttl"`
			Input *float64 `json:"inputTokens"`
		} `json:"cacheDetails"`
	}
	if !wire.IsThere(raw) || llm.JSON.Unmarshal(raw, &fields) != nil || llm.JSON.Unmarshal(raw, &counts) != nil || counts.Input == nil && counts.Output == nil {
		return nil
	}
	known := llm.Extra{}
	number := func(name string, n float64) {
		known[name], _ = llm.JSON.Marshal(int(n)) // a number can always be written
	}
	if counts.Input != nil {
		number("prompt_tokens", *counts.Input+wire.OrZero(counts.Read)+wire.OrZero(counts.Written))
	}
	if counts.Output != nil {
		number("completion_tokens", *counts.Output)
	}
	in := llm.InputDetails{Cached: wire.Count(counts.Read), Written: wire.Count(counts.Written)}
	for _, d := range counts.ByTime {
		switch d.TTL {
		case "5m":
			in.Written5m = wire.Count(d.Input)
		case "1h":
			in.Written1h = wire.Count(d.Input)
		}
	}
	if raw := in.JSON(); raw != nil {
		known["prompt_tokens_details"] = raw
	}
	for name, value := range fields {
		if name != "inputTokens" && name != "outputTokens" && name != "totalTokens" {
			known[name] = value
		}
	}
	sum := &llm.Usage{}
	if raw, err := llm.JSON.Marshal(known); err != nil || sum.UnmarshalJSON(raw) != nil {
		return nil
	}
	return sum
}
