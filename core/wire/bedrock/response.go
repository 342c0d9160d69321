package bedrock

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/wire"
)

// answer is a whole answer (API reference, "Converse").
type answer struct {
	Output struct {
		Message *struct {
			Content []json.RawMessage `json:"content"`
		} `json:"message"`
	} `json:"output"`
	head
}

// head is what an answer says beside its content.
type head struct {
	StopReason string          `json:"stopReason"`
	Usage      json.RawMessage `json:"usage"`
	Metrics    json.RawMessage `json:"metrics"`
	Trace      json.RawMessage `json:"trace"`
	Additional json.RawMessage `json:"additionalModelResponseFields"`
	Tier       json.RawMessage `json:"serviceTier"`
}

// answerBlock is one block of a whole answer.
type answerBlock struct {
	Text    *llm.Piece `json:"text"`
	ToolUse *struct {
		ToolUseID string          `json:"toolUseId"`
		Name      string          `json:"name"`
		Input     json.RawMessage `json:"input"`
		Type      string          `json:"type"`
	} `json:"toolUse"`
	Reasoning *struct {
		Text *struct {
			Text llm.Piece `json:"text"`
		} `json:"reasoningText"`
		Redacted json.RawMessage `json:"redactedContent"`
	} `json:"reasoningContent"`
	Cited *struct {
		Content []struct {
			Text string `json:"text"`
		} `json:"content"`
		Citations json.RawMessage `json:"citations"`
	} `json:"citationsContent"`
}

// response reads a whole answer.
func response(data []byte, c *wire.Call) (*llm.Response, error) {
	var a answer
	if err := llm.JSON.Unmarshal(data, &a); err != nil {
		return nil, llm.Errorf(llm.BadResponse, "the answer is not the JSON of a message (%d bytes): %v", len(data), err)
	}
	if a.Output.Message == nil || a.Output.Message.Content == nil && a.StopReason == "" {
		return nil, llm.Errorf(llm.BadResponse, "the answer has no output.message; expected an answer of Converse")
	}
	s := newStream(c)
	m := llm.Message{Role: llm.RoleAssistant, NullContent: true}
	var text, thoughts strings.Builder
	for i, raw := range a.Output.Message.Content {
		var b answerBlock
		if err := llm.JSON.Unmarshal(raw, &b); err != nil {
			return nil, llm.Errorf(llm.BadResponse, "output.message.content[%d] cannot be read: %v", i, err)
		}
		s.whole(&m, &b, raw, &text, &thoughts)
	}
	m.Content, m.ReasoningContent = text.String(), thoughts.String()
	m.Extra = s.parts()
	choice := llm.Choice{Message: m, FinishReason: s.finish(a.StopReason), Extra: choiceExtra(a.StopReason)}
	return &llm.Response{Object: "chat.completion", Created: time.Now().Unix(), Model: c.Model, Choices: []llm.Choice{choice},
		Usage: usageOf(a.Usage), Extra: extraOf(&a.head)}, nil
}

// whole adds a block of a whole answer.
func (s *stream) whole(m *llm.Message, b *answerBlock, raw json.RawMessage, text, thoughts *strings.Builder) {
	switch {
	case b.Text != nil:
		s.say(m, text, []string{string(*b.Text)}, nil)
	case b.ToolUse != nil && b.ToolUse.Type == "" && b.ToolUse.Name == s.schemaTool && s.schemaTool != "":
		text.WriteString(wire.ArgumentsOf(b.ToolUse.Input))
		m.NullContent = false
	case b.ToolUse != nil && b.ToolUse.Type == "":
		s.calls++
		m.ToolCalls = append(m.ToolCalls, llm.ToolCall{Index: -1, ID: b.ToolUse.ToolUseID, Type: "function",
			Function: llm.FunctionCall{Name: b.ToolUse.Name, Arguments: wire.ArgumentsOf(b.ToolUse.Input)}})
		s.kept.Add(llm.AnswerPart{Type: "tool_call", ID: b.ToolUse.ToolUseID})
	case b.Cited != nil:
		var texts []string
		for _, c := range b.Cited.Content {
			texts = append(texts, c.Text)
		}
		s.say(m, text, texts, b.Cited.Citations)
	case b.Reasoning != nil && wire.IsThere(b.Reasoning.Redacted):
		s.kept.Keep(llm.AnswerPart{Type: "redacted_thinking"}, slices.Clone(raw))
	case b.Reasoning != nil:
		if b.Reasoning.Text != nil {
			thoughts.WriteString(string(b.Reasoning.Text.Text))
		}
		s.kept.Keep(llm.AnswerPart{Type: "thinking"}, slices.Clone(raw))
	default:
		s.keepOther(slices.Clone(raw))
	}
}

// say adds a text, which may have citations.
func (s *stream) say(m *llm.Message, all *strings.Builder, texts []string, citations json.RawMessage) {
	var sizes []int
	size := 0
	for _, text := range texts {
		all.WriteString(text)
		sizes = append(sizes, len(text))
		size += len(text)
	}
	if size == 0 {
		return
	}
	m.NullContent = false
	p := llm.AnswerPart{Type: "text", Bytes: size}
	if !wire.IsThere(citations) {
		s.kept.Add(p)
		return
	}
	s.kept.Keep(p, citedRaw(citations, sizes...))
}

// finish translates a stop reason. Those that OpenAI's shape has no word for
// stay as they are.
func (s *stream) finish(reason string) string {
	switch reason {
	case "end_turn", "stop_sequence":
		return "stop"
	case "max_tokens", "model_context_window_exceeded":
		return "length"
	case "tool_use":
		if s.schemaTool != "" && s.calls == 0 {
			return "stop" // the call is the answer
		}
		return "tool_calls"
	case "guardrail_intervened", "content_filtered":
		return "content_filter"
	}
	return reason
}

// choiceExtra keeps what the finish reason does not say.
func choiceExtra(reason string) llm.Extra {
	switch reason {
	case "", "end_turn", "max_tokens", "tool_use":
		return nil
	}
	raw, err := llm.JSON.Marshal(reason)
	if err != nil { // a string can always be written
		return nil
	}
	return llm.Extra{"stop_reason": raw}
}

// extraOf keeps what chat completions have no place for.
func extraOf(h *head) llm.Extra {
	var e llm.Extra
	for name, raw := range map[string]json.RawMessage{"metrics": h.Metrics, "trace": h.Trace, "additionalModelResponseFields": h.Additional, "serviceTier": h.Tier} {
		if wire.IsThere(raw) {
			if e == nil {
				e = llm.Extra{}
			}
			e[name] = raw
		}
	}
	return e
}
