package responses

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/llmagg/llmagg/core/internal/jsontext"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/wire"
)

// requestBody is the body of POST /v1/responses.
type requestBody struct {
	Model             string
	Instructions      string
	Input             []any // *item, or json.RawMessage
	Stream            bool
	Store             *bool
	Include           []string
	MaxOutputTokens   *int
	Temperature       *float64
	TopP              *float64
	TopLogprobs       *int
	Tools             []json.RawMessage
	ToolChoice        json.RawMessage
	ParallelToolCalls *bool
	Text              json.RawMessage
	Reasoning         json.RawMessage
	Metadata          map[string]string
	User              string
}

// WriteFields implements [wire.Body].
func (b *requestBody) WriteFields(o *jsontext.Object) {
	o.Str("model", b.Model)
	o.StrUnlessEmpty("instructions", b.Instructions)
	jsontext.WriteList(o.Field("input"), b.Input, writeAny)
	if b.Stream {
		o.Field("stream").Bool(true)
	}
	llm.WriteOptional(o, "store", b.Store != nil, b.Store)
	llm.WriteOptional(o, "include", len(b.Include) > 0, b.Include)
	llm.WriteOptional(o, "max_output_tokens", b.MaxOutputTokens != nil, b.MaxOutputTokens)
	llm.WriteOptional(o, "temperature", b.Temperature != nil, b.Temperature)
	llm.WriteOptional(o, "top_p", b.TopP != nil, b.TopP)
	llm.WriteOptional(o, "top_logprobs", b.TopLogprobs != nil, b.TopLogprobs)
	wire.WriteRaws(o, "tools", b.Tools)
	o.Raw("tool_choice", b.ToolChoice)
	llm.WriteOptional(o, "parallel_tool_calls", b.ParallelToolCalls != nil, b.ParallelToolCalls)
	o.Raw("text", b.Text)
	o.Raw("reasoning", b.Reasoning)
	llm.WriteOptional(o, "metadata", len(b.Metadata) > 0, b.Metadata)
	o.StrUnlessEmpty("user", b.User)
}

// item is one piece of the input: a message, a call or the result of one.
type item struct {
	Type      string
	Role      string
	Content   any // a text, or parts
	CallID    *string
	Name      string
	Arguments *string
	Input     *string
	Output    any // a text, or parts
}

func (i *item) write(w *jsontext.Writer) {
	o := w.Object()
	o.Str("type", i.Type)
	o.StrUnlessEmpty("role", i.Role)
	if i.Content != nil {
		writeAny(&i.Content, o.Field("content"))
	}
	if i.CallID != nil {
		o.Str("call_id", wire.ShortID(*i.CallID))
	}
	o.StrUnlessEmpty("name", i.Name)
	writeText(&o, "arguments", i.Arguments)
	writeText(&o, "input", i.Input)
	if i.Output != nil {
		writeAny(&i.Output, o.Field("output"))
	}
	o.End()
}

// writeAny writes an item, or the content of one.
func writeAny(value *any, w *jsontext.Writer) {
	switch v := (*value).(type) {
	case *item:
		v.write(w)
	case *part:
		v.write(w)
	case string:
		w.Text(v)
	case json.RawMessage:
		w.Raw(v)
	case []any:
		jsontext.WriteList(w, v, writeAny)
	case llm.Extra:
		o := w.Object()
		o.Extra(v)
		o.End()
	}
}

func writeText(o *jsontext.Object, name string, value *string) {
	if value != nil {
		o.Str(name, *value)
	}
}

// bodyOf is the body that asks for req, the request of c, which is told what of
// req is not in it. req.Model must be the upstream's name of the model. req may
// be changed.
func (w *format) bodyOf(req *llm.Request, c *wire.Call) (*requestBody, error) {
	t := conversation{format: w, call: c}
	t.stored = string(req.Extra["store"]) == "true" || wire.IsThere(req.Extra["conversation"])
	if !wire.IsThere(req.Extra["instructions"]) {
		t.instruct(req.Messages)
	}
	for i := t.next; i < len(req.Messages); i++ {
		if err := t.message(&req.Messages[i], wire.At(i)); err != nil {
			return nil, err
		}
	}
	c.NoCacheMarks(req)
	b := &requestBody{Model: req.Model, Instructions: t.instructions, Input: t.input}
	s := settings{request: req, body: b, Call: c}
	if err := s.fill(); err != nil {
		return nil, err
	}
	return b, nil
}

// conversation collects the items of a conversation.
type conversation struct {
	format       *format
	call         *wire.Call
	next         int // of the messages
	instructions string
	input        []any
	stored       bool            // the vendor is asked to keep answers, or told where they are kept
	custom       map[string]bool // the ids of calls of custom tools
	callID       string          // of the last assistant message's call by the old function_call
}

func (t *conversation) leave(name string) { t.call.Leave(name) }

// instruct takes the instructions that a conversation begins with, where they
// are texts and something follows them.
func (t *conversation) instruct(messages []llm.Message) {
	var texts []string
	n := 0
	for n < len(messages) {
		m := &messages[n]
		if m.Role != llm.RoleSystem && m.Role != llm.RoleDeveloper || len(m.Extra) > 0 || m.Name != "" ||
			slices.ContainsFunc(m.Parts, func(p llm.Part) bool { return p.Type != "text" || len(p.Extra) > 0 }) {
			break
		}
		texts = append(texts, m.PlainText())
		n++
	}
	if n < len(messages) {
		t.next, t.instructions = n, strings.Join(texts, "\n\n")
	}
}

func (t *conversation) message(m *llm.Message, at wire.At) error {
	if m.Role == llm.RoleAssistant {
		return t.answer(m)
	}
	if m.Name != "" && m.Role != llm.RoleFunction {
		t.leave("messages.name") // items have none
	}
	content, err := t.content(m, at)
	if err != nil {
		return err
	}
	switch m.Role {
	case llm.RoleTool, llm.RoleFunction:
		return t.result(m, content, at)
	}
	t.input = append(t.input, &item{Type: "message", Role: string(m.Role), Content: content})
	return nil
}

// result translates a tool's answer.
func (t *conversation) result(m *llm.Message, output any, at wire.At) error {
	id := m.ToolCallID
	if m.Role == llm.RoleFunction {
		if t.callID == "" {
			return llm.Errorf(llm.BadRequest, "%s answers the function %q, but the message before it calls none; the Responses API needs the call", at, m.Name)
		}
		id = t.callID
	}
	if parts, ok := output.([]any); ok && len(parts) == 1 { // small servers take nothing but a text
		if p, ok := parts[0].(*part); ok && p.Text != nil {
			output = *p.Text
		}
	}
	kind := "function_call_output"
	if t.custom[id] {
		kind = "custom_tool_call_output"
	}
	t.input = append(t.input, &item{Type: kind, CallID: &id, Output: output})
	return nil
}

// calls translates the calls that an assistant's message made.
func (t *conversation) calls(m *llm.Message) (calls []*item) {
	t.callID = ""
	for i := range m.ToolCalls {
		c := &m.ToolCalls[i]
		if c.Custom != nil {
			if t.custom == nil {
				t.custom = map[string]bool{}
			}
			t.custom[c.ID] = true
			calls = append(calls, &item{Type: "custom_tool_call", CallID: &c.ID, Name: c.Custom.Name, Input: &c.Custom.Input})
			continue
		}
		calls = append(calls, &item{Type: "function_call", CallID: &c.ID, Name: c.Function.Name, Arguments: &c.Function.Arguments})
	}
	if f := m.FunctionCall; f != nil && len(calls) == 0 {
		t.callID = "call_" + strconv.Itoa(len(t.input)) // the old form has none
		id := t.callID
		calls = append(calls, &item{Type: "function_call", CallID: &id, Name: f.Name, Arguments: &f.Arguments})
	}
	return calls
}
