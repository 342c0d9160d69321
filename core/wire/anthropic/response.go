package anthropic

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/wire"
)

// head is an answer without its content (API reference, "Messages").
type head struct {
	ID           string          `json:"id"`
	Type         string          `json:"type"`
	Model        string          `json:"model"`
	StopReason   string          `json:"stop_reason"`
	StopSequence json.RawMessage `json:"stop_sequence"`
	StopDetails  json.RawMessage `json:"stop_details"`
	Container    json.RawMessage `json:"container"`
	Usage        json.RawMessage `json:"usage"`
}

// response reads a whole answer: its blocks go the way of a stream's, so that
// both mean the same.
func response(data []byte, c *wire.Call) (*llm.Response, error) {
	var answer struct {
		head
		Content []json.RawMessage `json:"content"`
	}
	if err := llm.JSON.Unmarshal(data, &answer); err != nil {
		return nil, llm.Errorf(llm.BadResponse, "the answer is not the JSON of a message (%d bytes): %v", len(data), err)
	}
	if answer.Content == nil || answer.Type != "message" && answer.Type != "" {
		return nil, llm.Errorf(llm.BadResponse, "the answer has no content; expected a message")
	}
	s := &stream{model: c.Model, schemaTool: schemaToolOf(c)}
	s.begin(&answer.head)
	m := llm.Message{Role: llm.RoleAssistant, NullContent: true}
	var text, thoughts strings.Builder
	for i, raw := range answer.Content {
		for _, read := range []func() (*llm.Message, error){func() (*llm.Message, error) { return s.open(i, raw) }, s.close} {
			d, err := read()
			if err != nil {
				return nil, err
			}
			if d == nil {
				continue
			}
			text.WriteString(d.Content)
			thoughts.WriteString(d.ReasoningContent)
			m.NullContent = m.NullContent && d.NullContent
			m.ToolCalls = joinCall(m.ToolCalls, d.ToolCalls)
		}
	}
	m.Content, m.ReasoningContent = text.String(), thoughts.String()
	m.Extra = s.parts()
	choice := llm.Choice{Message: m, FinishReason: s.finish(&answer.head), Extra: s.choiceExtra(&answer.head)}
	for i := range m.ToolCalls {
		m.ToolCalls[i].Index = -1
	}
	return &llm.Response{ID: s.id, Object: "chat.completion", Created: s.created, Model: s.answering, Choices: []llm.Choice{choice},
		Usage: s.usage.usage(), Extra: extraOf(&answer.head)}, nil
}

// joinCall adds a call, or the arguments of the last one.
func joinCall(calls, more []llm.ToolCall) []llm.ToolCall {
	for _, c := range more {
		if n := len(calls); c.ID == "" && n > 0 {
			calls[n-1].Function.Arguments += c.Function.Arguments
			continue
		}
		calls = append(calls, c)
	}
	return calls
}

// begin reads the head of an answer.
func (s *stream) begin(h *head) {
	s.created = time.Now().Unix() // the API names no time
	s.id, s.answering = h.ID, h.Model
	if s.answering == "" {
		s.answering = s.model
	}
	s.kept.Owner = owner + "/" + s.answering
	s.usage.add(h.Usage)
}

// finish translates a stop reason. Those that OpenAI's shape has no word for
// stay as they are.
func (s *stream) finish(h *head) string {
	switch h.StopReason {
	case "end_turn", "stop_sequence":
		return "stop"
	case "max_tokens", "model_context_window_exceeded":
		return "length"
	case "tool_use":
		if s.schemaTool != "" && s.calls == 0 {
			return "stop" // the call is the answer
		}
		return "tool_calls"
	case "refusal":
		return "content_filter"
	}
	return h.StopReason
}

// choiceExtra keeps what the finish reason does not say.
func (s *stream) choiceExtra(h *head) llm.Extra {
	e := llm.Extra{}
	if h.StopReason != "" && h.StopReason != "end_turn" && h.StopReason != "max_tokens" && h.StopReason != "tool_use" {
		e["stop_reason"], _ = llm.JSON.Marshal(h.StopReason) // a string can always be written
	}
	if wire.IsThere(h.StopSequence) {
		e["stop_sequence"] = h.StopSequence
	}
	if wire.IsThere(h.StopDetails) {
		e["stop_details"] = h.StopDetails
	}
	if len(e) == 0 {
		return nil
	}
	return e
}

func extraOf(h *head) llm.Extra {
	if !wire.IsThere(h.Container) {
		return nil
	}
	return llm.Extra{"container": h.Container}
}
