package gemini

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/llmagg/llmagg/core/llm"
)

// Gateways that write Gemini's messages with a protobuf or Python library spell
// its fields in snake_case, which the format allows everywhere.

// snake are the other spellings of the fields around the content.
var snake = map[string]string{
	"usageMetadata": "usage_metadata", "responseId": "response_id", "modelVersion": "model_version",
	"finishReason": "finish_reason", "logprobsResult": "logprobs_result", "promptFeedback": "prompt_feedback",
	"blockReason": "block_reason", "blockReasonMessage": "block_reason_message",
}

// unsnakeUsage spells the fields of a usage as they are usually spelled.
func unsnakeUsage(raw json.RawMessage) json.RawMessage {
	if !bytes.Contains(raw, []byte("_token")) {
		return raw
	}
	for _, names := range [...][2]string{
		{"prompt_token_count", "promptTokenCount"}, {"candidates_token_count", "candidatesTokenCount"},
		{"thoughts_token_count", "thoughtsTokenCount"}, {"cached_content_token_count", "cachedContentTokenCount"},
		{"tool_use_prompt_token_count", "toolUsePromptTokenCount"}, {"total_token_count", "totalTokenCount"},
		{"prompt_tokens_details", "promptTokensDetails"}, {"candidates_tokens_details", "candidatesTokensDetails"},
		{"token_count", "tokenCount"},
	} {
		raw = bytes.ReplaceAll(raw, []byte(`"`+names[0]+`"`), []byte(`"`+names[1]+`"`))
	}
	return raw
}

// unquote takes arguments that came as a text, which is OpenAI's way.
func (c *functionCall) unquote() {
	var text string
	if len(c.Args) > 0 && c.Args[0] == '"' && llm.JSON.Unmarshal(c.Args, &text) == nil && strings.HasPrefix(text, "{") {
		c.Args = json.RawMessage(text)
	}
}
