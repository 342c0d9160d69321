package ollama

import (
	"cmp"
	"encoding/json"

	"github.com/llmagg/llmagg/core/internal/jsontext"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/wire"
)

// requestBody is the body of POST /api/chat. Without "stream" the answer would
// be streamed.
type requestBody struct {
	Model       string
	Messages    []message
	Stream      bool
	Tools       []json.RawMessage
	Format      json.RawMessage
	Think       json.RawMessage
	Logprobs    *bool
	TopLogprobs *int
	Options     llm.Extra

	own llm.Extra // further fields of the API
}

// WriteFields implements [wire.Body].
func (b *requestBody) WriteFields(o *jsontext.Object) {
	o.Str("model", b.Model)
	jsontext.WriteList(o.Field("messages"), b.Messages, (*message).write)
	o.Field("stream").Bool(b.Stream)
	wire.WriteRaws(o, "tools", b.Tools)
	o.Raw("format", b.Format)
	o.Raw("think", b.Think)
	llm.WriteOptional(o, "logprobs", b.Logprobs != nil, b.Logprobs)
	llm.WriteOptional(o, "top_logprobs", b.TopLogprobs != nil, b.TopLogprobs)
	llm.WriteOptional(o, "options", len(b.Options) > 0, b.Options)
}

// message is one message that is sent.
type message struct {
	Role       string
	Content    string
	Thinking   string
	Images     []string // base64
	ToolCalls  []call
	ToolName   string
	ToolCallID string
}

func (m *message) write(w *jsontext.Writer) {
	o := w.Object()
	o.Str("role", m.Role)
	o.Str("content", m.Content)
	o.StrUnlessEmpty("thinking", m.Thinking)
	llm.WriteOptional(&o, "images", len(m.Images) > 0, m.Images)
	llm.WriteOptional(&o, "tool_calls", len(m.ToolCalls) > 0, m.ToolCalls)
	o.StrUnlessEmpty("tool_name", m.ToolName)
	o.StrUnlessEmpty("tool_call_id", m.ToolCallID)
	o.End()
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
	t := conversation{call: c, messages: make([]message, 0, len(req.Messages))}
	for i := range req.Messages {
		if err := t.message(&req.Messages[i], wire.At(i)); err != nil {
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

func (t *conversation) message(m *llm.Message, at wire.At) error {
	t.call.Unsaid(m)
	sent, err := t.content(m, at)
	if err != nil {
		return err
	}
	switch m.Role {
	case llm.RoleSystem, llm.RoleDeveloper:
		sent.Role = "system"
	case llm.RoleAssistant:
		sent.Role, sent.Thinking = "assistant", m.ReasoningContent
		t.call.NoParts(m)
		sent.Content = cmp.Or(sent.Content, m.Refusal)
		t.calls(m, &sent)
	case llm.RoleTool, llm.RoleFunction:
		sent.Role, sent.ToolName, sent.ToolCallID = "tool", cmp.Or(t.names[m.ToolCallID], m.Name), m.ToolCallID
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
		made := call{ID: c.ID, Function: function{c.Function.Name, wire.InputOf(c.Function.Arguments)}}
		if c.Custom != nil {
			made.Function = function{c.Custom.Name, wire.Wrapped("input", c.Custom.Input)}
		}
		if t.names == nil {
			t.names = map[string]string{}
		}
		t.names[c.ID] = made.Function.Name
		sent.ToolCalls = append(sent.ToolCalls, made)
	}
	if f := m.FunctionCall; f != nil && len(sent.ToolCalls) == 0 {
		sent.ToolCalls = []call{{Function: function{f.Name, wire.InputOf(f.Arguments)}}}
	}
}
