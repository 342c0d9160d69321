package bedrock

import (
	"bytes"
	"encoding/json"
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
	} `json:"toolUse"`
	Reasoning *struct {
		Text *struct {
			Text llm.Piece `json:"text"`
		} `json:"reasoningText"`
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
	s := &stream{model: c.Model, schemaTool: schemaToolOf(c)}
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
	m.Extra = s.kept()
	choice := llm.Choice{Message: m, FinishReason: s.finish(a.StopReason), Extra: choiceExtra(a.StopReason)}
	return &llm.Response{Object: "chat.completion", Created: time.Now().Unix(), Model: c.Model, Choices: []llm.Choice{choice},
		Usage: usageOf(a.Usage), Extra: extraOf(&a.head)}, nil
}

// whole adds a block of a whole answer.
func (s *stream) whole(m *llm.Message, b *answerBlock, raw json.RawMessage, text, thoughts *strings.Builder) {
	switch {
	case b.Text != nil:
		text.WriteString(string(*b.Text))
		m.NullContent = m.NullContent && *b.Text == ""
		s.put(map[string]any{"text_bytes": len(*b.Text)}, *b.Text != "")
	case b.ToolUse != nil && b.ToolUse.Name == s.schemaTool && s.schemaTool != "":
		text.WriteString(wire.ArgumentsOf(b.ToolUse.Input))
		m.NullContent = false
	case b.ToolUse != nil:
		s.calls++
		m.ToolCalls = append(m.ToolCalls, llm.ToolCall{Index: -1, ID: b.ToolUse.ToolUseID, Type: "function",
			Function: llm.FunctionCall{Name: b.ToolUse.Name, Arguments: wire.ArgumentsOf(b.ToolUse.Input)}})
		s.put(map[string]any{"call": b.ToolUse.ToolUseID}, true)
	case b.Cited != nil:
		size := 0
		for _, c := range b.Cited.Content {
			text.WriteString(c.Text)
			size += len(c.Text)
		}
		m.NullContent = m.NullContent && size == 0
		s.opaque = true
		s.put(map[string]any{"text_bytes": size, "citations": b.Cited.Citations}, size > 0)
	default:
		if b.Reasoning != nil && b.Reasoning.Text != nil {
			thoughts.WriteString(string(b.Reasoning.Text.Text))
		}
		s.opaque = true
		s.blocks = append(s.blocks, bytes.Clone(raw))
	}
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
