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
}

// take removes a field and returns its value, nil where it is null or absent.
func take(fields llm.Extra, name string) json.RawMessage {
	raw, there := fields[name]
	if other := snake[name]; !there && other != "" {
		name = other
		raw = fields[name]
	}
	delete(fields, name)
	if len(raw) == 0 || raw[0] == 'n' {
		return nil
	}
	return raw
}

// takeText is take for a string; any other value reads as "".
func takeText(fields llm.Extra, name string) string {
	var text string
	if raw := take(fields, name); raw == nil || llm.JSON.Unmarshal(raw, &text) != nil {
		return ""
	}
	return text
}

// snakePart has the fields of a part in snake_case.
type snakePart struct {
	Signature string        `json:"thought_signature"`
	Call      *functionCall `json:"function_call"`
	Data      *struct {
		MIMEType string `json:"mime_type"`
		Data     string `json:"data"`
	} `json:"inline_data"`
}

// unsnake takes what came in snake_case only.
func (p *answerPart) unsnake() {
	if p.ThoughtSignature == "" {
		p.ThoughtSignature = p.Signature
	}
	if p.FunctionCall == nil {
		p.FunctionCall = p.Call
	}
	if d := p.Data; p.InlineData == nil && d != nil {
		p.InlineData = &blob{MIMEType: d.MIMEType, Data: d.Data}
	}
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

// feedbackOf is what is said of the prompt.
func feedbackOf(top llm.Extra) json.RawMessage {
	if raw, ok := top["promptFeedback"]; ok {
		return raw
	}
	return bytes.ReplaceAll(top[snake["promptFeedback"]], []byte(`"block_reason`), []byte(`"blockReason`))
}

// unquote takes arguments that came as a text, which is OpenAI's way.
func (c *functionCall) unquote() {
	var text string
	if len(c.Args) > 0 && c.Args[0] == '"' && llm.JSON.Unmarshal(c.Args, &text) == nil && strings.HasPrefix(text, "{") {
		c.Args = json.RawMessage(text)
	}
}
