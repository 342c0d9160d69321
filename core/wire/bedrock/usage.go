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
	if !wire.IsThere(raw) || llm.JSON.Unmarshal(raw, &fields) != nil || llm.JSON.Unmarshal(raw, &counts) != nil {
		return nil
	}
	sum := wire.Counts{Input: counts.Input, Output: counts.Output, Read: counts.Read, Written: counts.Written}
	for _, d := range counts.ByTime {
		switch d.TTL {
		case "5m":
			sum.Written5m = d.Input
		case "1h":
			sum.Written1h = d.Input
		}
	}
	return sum.Usage(fields, "inputTokens", "outputTokens", "totalTokens")
}
