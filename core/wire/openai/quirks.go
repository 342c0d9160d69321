package openai

import (
	"cmp"
	"encoding/json"

	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/wire"
)

// fitting is the request as the vendor takes it: the payload itself where the
// request has nothing that the vendor's quirks are about.
func (w *format) fitting(c *wire.Call) (*llm.Payload, error) {
	q := w.Quirks
	if q == nil {
		return c.Payload, nil
	}
	f := fit{call: c, quirks: q, vendor: w.Owner}
	if err := f.shape(); err != nil {
		return nil, err
	}
	for _, name := range q.Lacks {
		if wire.IsThere(c.Payload.Field(name)) {
			f.put(name, nil)
			c.Adapt(name, wire.LeftOut)
		}
	}
	f.renames()
	f.choice()
	f.clamps()
	f.add()
	f.maxTokens()
	if err := f.effort(); err != nil {
		return nil, err
	}
	if err := f.schema(); err != nil {
		return nil, err
	}
	if err := f.toolIDs(); err != nil {
		return nil, err
	}
	if q.EveryThought {
		if err := f.thoughts(); err != nil {
			return nil, err
		}
	}
	if f.changes == nil {
		return c.Payload, nil
	}
	p := c.Payload.With(f.changes)
	return p, p.Refused()
}

// fit collects what is changed in a request.
type fit struct {
	call    *wire.Call
	quirks  *wire.Quirks
	vendor  string // for messages
	changes llm.Extra
}

// put changes a field; nil leaves it out.
//
//go:noinline
func (f *fit) put(name string, value json.RawMessage) {
	if f.changes == nil {
		f.changes = llm.Extra{}
	}
	if value == nil {
		value = json.RawMessage("null")
	}
	f.changes[name] = value
}

// shape refuses what the vendor lacks and the answer's shape depends on.
func (f *fit) shape() error {
	if f.quirks.Shape == 0 {
		return nil
	}
	for _, name := range []string{"n", "logprobs", "audio", "modalities", "tools", "functions", "response_format"} {
		if !wire.IsThere(f.call.Payload.Field(name)) {
			continue
		}
		r, err := f.call.Payload.Request()
		if err != nil {
			return err
		}
		return wire.Refuse(r, cmp.Or(f.vendor, "the vendor"), f.quirks.Shape)
	}
	return nil
}

// maxTokens says the limit by the name that the vendor knows.
func (f *fit) maxTokens() {
	limit := f.call.Payload.Field("max_completion_tokens")
	if !f.quirks.OnlyMaxTokens || !wire.IsThere(limit) {
		return
	}
	f.put("max_completion_tokens", nil)
	f.put("max_tokens", limit)
}

// effort says how much to think in the vendor's own way, unless the request
// does.
func (f *fit) effort() error {
	raw := f.call.Payload.Field("reasoning_effort")
	if f.quirks.Effort == wire.EffortPlain || !wire.IsThere(raw) {
		return nil
	}
	var effort string
	if err := llm.JSON.Unmarshal(raw, &effort); err != nil {
		return llm.Errorf(llm.BadRequest, "reasoning_effort cannot be read: %v", err)
	}
	thinks := effort != "none"
	switch f.quirks.Effort {
	case wire.EffortNone:
		f.put("reasoning_effort", nil)
		f.call.Adapt("reasoning_effort", wire.LeftOut)
	case wire.EffortSwitched, wire.EffortSwitch:
		f.effortSwitch(thinks)
	case wire.EffortBudget:
		f.effortBudget(effort, thinks)
	}
	return nil
}

func (f *fit) effortSwitch(thinks bool) {
	gone := f.quirks.Effort == wire.EffortSwitch || !thinks
	if gone {
		f.put("reasoning_effort", nil)
	}
	if wire.IsThere(f.call.Payload.Field("thinking")) {
		if gone {
			f.call.Adapt("reasoning_effort", wire.LeftOut)
		}
		return
	}
	kind := "disabled"
	if thinks {
		kind = "enabled"
	}
	f.put("thinking", json.RawMessage(`{"type":"`+kind+`"}`))
	if thinks && f.quirks.Effort == wire.EffortSwitch {
		f.call.Adapt("reasoning_effort", "enabled, of no degree")
	}
}

// effortBudgets are the tokens that an effort is worth; none for those without
// a bound.
var effortBudgets = map[string]string{"minimal": "1024", "low": "1024", "medium": "4096"}

func (f *fit) effortBudget(effort string, thinks bool) {
	f.put("reasoning_effort", nil)
	if wire.IsThere(f.call.Payload.Field("enable_thinking")) {
		f.call.Adapt("reasoning_effort", wire.LeftOut)
		return
	}
	if !thinks {
		f.put("enable_thinking", json.RawMessage("false"))
		return
	}
	f.put("enable_thinking", json.RawMessage("true"))
	if wire.IsThere(f.call.Payload.Field("thinking_budget")) {
		f.call.Adapt("reasoning_effort", wire.LeftOut)
	} else if budget := effortBudgets[effort]; budget != "" {
		f.put("thinking_budget", json.RawMessage(budget))
	}
}

// schema asks for JSON of a schema without a schema.
func (f *fit) schema() error {
	raw := f.call.Payload.Field("response_format")
	if f.quirks.Schema == "" || !wire.IsThere(raw) {
		return nil
	}
	var format llm.ResponseFormat
	if err := llm.JSON.Unmarshal(raw, &format); err != nil {
		return llm.Errorf(llm.BadRequest, "response_format cannot be read: %v", err)
	}
	if format.Join(); format.Type != "json_schema" {
		return nil
	}
	messages, err := f.messages()
	if err != nil {
		return err
	}
	if messages, err = instructed(messages, wire.JSONPrompt(format.JSONSchema)); err != nil {
		return err
	}
	f.put("messages", llm.JSONOf(messages))
	f.put("response_format", nil)
	if f.quirks.Schema == wire.ByJSONMode {
		f.put("response_format", json.RawMessage(`{"type":"json_object"}`))
	}
	f.call.Adapt("response_format", f.quirks.Schema)
	return nil
}

// messages are those of the request, or of what it has been changed to.
func (f *fit) messages() (messages []json.RawMessage, err error) {
	raw := json.RawMessage(f.call.Payload.Field("messages"))
	if changed := f.changes["messages"]; changed != nil {
		raw = changed
	}
	if err := llm.JSON.Unmarshal(raw, &messages); err != nil {
		return nil, llm.Errorf(llm.BadRequest, "the messages cannot be read: %v", err)
	}
	return messages, nil
}

// instructed adds instructions to the messages: to the first one if that holds
// instructions as a text, else before it, since some servers take one message
// of instructions only.
func instructed(messages []json.RawMessage, text string) ([]json.RawMessage, error) {
	first := struct {
		Role    string          `json:"role"`
		Content json.RawMessage `json:"content"`
	}{}
	if len(messages) > 0 && llm.JSON.Unmarshal(messages[0], &first) != nil {
		return nil, llm.Errorf(llm.BadRequest, "messages[0] cannot be read")
	}
	var said string
	fields := llm.Extra{}
	if first.Role == "system" && llm.JSON.Unmarshal(first.Content, &said) == nil && llm.JSON.Unmarshal(messages[0], &fields) == nil {
		fields["content"] = llm.JSONOf(said + "\n\n" + text)
		messages[0] = llm.JSONOf(fields)
		return messages, nil
	}
	message := llm.JSONOf(map[string]string{"role": "system", "content": text})
	return append([]json.RawMessage{message}, messages...), nil
}

// thoughts gives each answer of a history with calls its reasoning_content:
// those of other vendors have none.
func (f *fit) thoughts() error {
	if !f.call.Payload.Mentions(`"tool_calls"`) {
		return nil
	}
	messages, err := f.messages()
	if err != nil {
		return err
	}
	lacking, calls := []int(nil), false
	for i, raw := range messages {
		var m struct {
			Role     string            `json:"role"`
			Calls    []json.RawMessage `json:"tool_calls"`
			Thoughts json.RawMessage   `json:"reasoning_content"`
		}
		if llm.JSON.Unmarshal(raw, &m) != nil || m.Role != "assistant" || wire.IsThere(m.Thoughts) {
			continue
		}
		lacking = append(lacking, i)
		calls = calls || len(m.Calls) > 0
	}
	if !calls {
		return nil
	}
	for _, i := range lacking {
		fields := llm.Extra{}
		if err := llm.JSON.Unmarshal(messages[i], &fields); err != nil {
			return llm.Errorf(llm.BadRequest, "messages[%d] cannot be read: %v", i, err)
		}
		fields["reasoning_content"] = json.RawMessage(`""`)
		messages[i] = llm.JSONOf(fields)
	}
	f.put("messages", llm.JSONOf(messages))
	return nil
}
