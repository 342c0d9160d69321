package ollama

import (
	"encoding/json"
	"fmt"

	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/wire"
)

// requestBody is the body of POST /api/chat. Without "stream" the answer would
// be streamed.
type requestBody struct {
	Model       string            `json:"model"`
	Messages    []message         `json:"messages"`
	Stream      bool              `json:"stream"`
	Tools       []json.RawMessage `json:"tools,omitempty"`
	Format      json.RawMessage   `json:"format,omitempty"`
	Think       json.RawMessage   `json:"think,omitempty"`
	Logprobs    *bool             `json:"logprobs,omitempty"`
	TopLogprobs *int              `json:"top_logprobs,omitempty"`
	Options     llm.Extra         `json:"options,omitempty"`

	own llm.Extra // further fields of the API
}

// message is one message that is sent.
type message struct {
	Role       string   `json:"role"`
	Content    string   `json:"content"`
	Thinking   string   `json:"thinking,omitempty"`
	Images     []string `json:"images,omitempty"` // base64
	ToolCalls  []call   `json:"tool_calls,omitempty"`
	ToolName   string   `json:"tool_name,omitempty"`
	ToolCallID string   `json:"tool_call_id,omitempty"`
}

// call is one call that an answer made. Older servers give calls no ids and
// read over them.
type call struct {
	ID       string   `json:"id,omitempty"`
	Function function `json:"function"`
}

type function struct {
	Name      string          `json:"name"`
	Arguments json.RawMessage `json:"arguments"` // an object
}

// bodyOf is the body that asks Ollama for req, the request of c, which is told
// what of req is not in it.
func bodyOf(req *llm.Request, c *wire.Call) (*requestBody, error) {
	if err := wire.Refuse(req, "Ollama", wire.Choices|wire.Spoken); err != nil {
		return nil, err
	}
	t := conversation{call: c, names: map[string]string{}, messages: make([]message, 0, len(req.Messages))}
	for i := range req.Messages {
		if err := t.message(&req.Messages[i], fmt.Sprintf("messages[%d]", i)); err != nil {
			return nil, err
		}
	}
	c.NoCacheMarks(req)
	b := &requestBody{Messages: t.messages}
	s := settings{Call: c, request: req, body: b}
	return b, s.fill()
}

// conversation collects the messages of a conversation.
type conversation struct {
	call     *wire.Call
	messages []message
	names    map[string]string // of functions, by the ids of their calls
}

func (t *conversation) message(m *llm.Message, at string) error {
	t.call.Unsaid(m)
	sent, err := t.content(m, at+".content")
	if err != nil {
		return err
	}
	switch m.Role {
	case llm.RoleSystem, llm.RoleDeveloper:
		sent.Role = "system"
	case llm.RoleAssistant:
		sent.Role, sent.Thinking = "assistant", m.ReasoningContent
		t.call.NoParts(m)
		if sent.Content == "" {
			sent.Content = m.Refusal
		}
		t.calls(m, &sent)
	case llm.RoleTool, llm.RoleFunction:
		sent.Role, sent.ToolName, sent.ToolCallID = "tool", m.Name, m.ToolCallID
		if name := t.names[m.ToolCallID]; name != "" {
			sent.ToolName = name
		}
	default:
		sent.Role = "user"
	}
	t.messages = append(t.messages, sent)
	return nil
}

// calls translates the calls that an assistant message made.
func (t *conversation) calls(m *llm.Message, sent *message) {
	for i := range m.ToolCalls {
		c := &m.ToolCalls[i]
		made := call{ID: c.ID, Function: function{c.Function.Name, argumentsOf(c.Function.Arguments)}}
		if c.Custom != nil {
			made.Function = function{c.Custom.Name, wire.Wrapped("input", c.Custom.Input)}
		}
		t.names[c.ID] = made.Function.Name
		sent.ToolCalls = append(sent.ToolCalls, made)
	}
	if f := m.FunctionCall; f != nil && len(sent.ToolCalls) == 0 {
		sent.ToolCalls = []call{{Function: function{f.Name, argumentsOf(f.Arguments)}}}
	}
}

// argumentsOf gives a call's arguments as an object, also where there are none.
func argumentsOf(text string) json.RawMessage {
	if object := wire.Arguments(text); object != nil {
		return object
	}
	return json.RawMessage("{}")
}
