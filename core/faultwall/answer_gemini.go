package faultwall

import (
	"encoding/json"
	"strings"
)

// gemini is the wire format of Google's generateContent, as documented in the
// Gemini API reference ("GenerateContentResponse").
type gemini struct{}

var _ dialect = gemini{}

type geminiAnswer struct {
	Candidates []geminiCandidate `json:"candidates,omitempty"`
	Usage      any               `json:"usageMetadata,omitempty"`
	Model      string            `json:"modelVersion"`
	ID         string            `json:"responseId"`
}

type geminiCandidate struct {
	Content geminiContent `json:"content"`
	Finish  string        `json:"finishReason,omitempty"`
	Index   int           `json:"index"`
}

type geminiContent struct {
	Parts []geminiPart `json:"parts,omitempty"`
	Role  string       `json:"role"`
}

type geminiPart struct {
	Text    *string     `json:"text,omitempty"`
	Thought bool        `json:"thought,omitempty"`
	Call    *geminiCall `json:"functionCall,omitempty"`
}

type geminiCall struct {
	ID   string          `json:"id,omitempty"`
	Name string          `json:"name"`
	Args json.RawMessage `json:"args"`
}

func (gemini) whole(a *content) any {
	answer := geminiAnswer{Usage: geminiUsage(a.usage), Model: a.model, ID: a.id}
	for i := range a.choices {
		var parts []geminiPart
		if a.reasoning != "" {
			parts = append(parts, geminiPart{Text: &a.reasoning, Thought: true})
		}
		if text := a.text + a.refusal; text != "" || len(a.calls) == 0 {
			parts = append(parts, geminiPart{Text: &text})
		}
		for n := range a.calls {
			parts = append(parts, geminiPart{Call: &geminiCall{ID: a.calls[n].ID, Name: a.calls[n].Name, Args: argumentsObject(a.calls[n].arguments())}})
		}
		answer.Candidates = append(answer.Candidates, geminiCandidate{
			Content: geminiContent{Parts: parts, Role: "model"}, Finish: geminiFinish(a.finish), Index: i,
		})
	}
	return withExtra(answer, a.extra)
}

func (gemini) chunk(a *content, d delta) any {
	answer := geminiAnswer{Usage: geminiUsage(d.usage), Model: a.model, ID: a.id}
	if d.bare {
		return withExtra(answer, a.extra)
	}
	var parts []geminiPart
	if d.reasoning != nil {
		parts = append(parts, geminiPart{Text: d.reasoning, Thought: true})
	}
	for _, text := range []*string{d.text, d.refusal} {
		if text != nil {
			parts = append(parts, geminiPart{Text: text})
		}
	}
	if c := d.call; c != nil {
		parts = append(parts, geminiPart{Call: &geminiCall{ID: c.ID, Name: c.Name, Args: argumentsObject(c.Arguments)}})
	}
	answer.Candidates = []geminiCandidate{{
		Content: geminiContent{Parts: parts, Role: "model"}, Finish: geminiFinish(d.finish), Index: d.choice,
	}}
	return withExtra(answer, a.extra)
}

// deltas: thoughts and text in pieces, each function call whole (Gemini does
// not split arguments), the finish reason and the usage on the last chunk.
func (gemini) deltas(_ *call, s *Step, a *content) []delta {
	all := s.pieces(a, a.choices)
	if a.finish == "" {
		return all
	}
	empty := ""
	last := delta{text: &empty, finish: a.finish}
	if s.UsageChunk == "" || s.UsageChunk == UsageFinish {
		last.usage = a.usage
	}
	for last.choice = range a.choices {
		all = append(all, last)
	}
	switch s.UsageChunk {
	case UsageOwn:
		all = append(all, delta{usage: a.usage, bare: true})
	case UsageEmptyDelta:
		all = append(all, delta{usage: a.usage})
	}
	return all
}

// geminiFinish translates OpenAI's finish reasons; others stay as they are.
func geminiFinish(reason string) string {
	switch reason {
	case "stop", "tool_calls":
		return "STOP"
	case "length":
		return "MAX_TOKENS"
	case "content_filter":
		return "SAFETY"
	}
	return reason
}

// geminiUsage renames OpenAI's fields; a usage without them stays as it is.
func geminiUsage(usage json.RawMessage) any {
	fields := renamed(usage, map[string]string{"prompt_tokens": "promptTokenCount", "completion_tokens": "candidatesTokenCount", "total_tokens": "totalTokenCount"})
	if fields == nil && usage != nil {
		return usage
	}
	return fields
}

const geminiErrors = `400|Request contains an invalid argument.|INVALID_ARGUMENT|
401|Request had invalid authentication credentials.|UNAUTHENTICATED|
403|The caller does not have permission.|PERMISSION_DENIED|
404|models/%s is not found for API version v1beta.|NOT_FOUND|
408|Request timed out.|DEADLINE_EXCEEDED|
429|Resource has been exhausted (e.g. check quota).|RESOURCE_EXHAUSTED|
500|An internal error has occurred.|INTERNAL|
503|The model is overloaded. Please try again later.|UNAVAILABLE|
504|Deadline expired before operation could complete.|DEADLINE_EXCEEDED|
`

func (gemini) failure(status int, model string) any {
	known := failureOf(geminiErrors, status)
	if known.status == 0 {
		known.message, known.kind = statusText(status)+".", "UNKNOWN"
	}
	return object("error", object(
		"code", status, "message", strings.ReplaceAll(known.message, "%s", model), "status", known.kind,
	))
}

func (gemini) list(models []string) any {
	data := make([]map[string]any, 0, len(models))
	for _, name := range models {
		data = append(data, object(
			"name", "models/"+name, "displayName", name,
			"supportedGenerationMethods", []string{"generateContent", "streamGenerateContent"},
		))
	}
	return object("models", data)
}

// geminiBadKey is what Gemini answers to a wrong key, with status 400.
func geminiBadKey() any {
	return object("error", object(
		"code", 400, "message", "API key not valid. Please pass a valid API key.", "status", "INVALID_ARGUMENT",
		"details", []any{object(
			"@type", "type.googleapis.com/google.rpc.ErrorInfo", "reason", "API_KEY_INVALID", "domain", "googleapis.com",
		)},
	))
}
