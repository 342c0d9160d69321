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
	f.effort()
	f.schema()
	f.toolIDs()
	f.tools()
	f.turns()
	if q.EveryThought != "" {
		f.thoughts()
	}
	if f.err != nil {
		return nil, f.err
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
	err     error // what of the request cannot be read
}

// put changes a field; nil leaves it out.
//
//go:noinline
func (f *fit) put(name string, value json.RawMessage) {
	if value == nil {
		value = json.RawMessage("null")
	}
	f.changes.Put(name, value)
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
func (f *fit) effort() {
	raw := f.call.Payload.Field("reasoning_effort")
	if f.quirks.Effort == wire.EffortPlain || !wire.IsThere(raw) {
		return
	}
	var effort string
	f.read("reasoning_effort", raw, &effort)
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
func (f *fit) schema() {
	raw := f.call.Payload.Field("response_format")
	if f.quirks.Schema == "" || !wire.IsThere(raw) {
		return
	}
	var format llm.ResponseFormat
	f.read("response_format", raw, &format)
	if format.Join(); f.quirks.Schema == wire.BySchema && format.Type == "json_object" {
		f.put("response_format", json.RawMessage(`{"type":"json_schema","json_schema":{"name":"object","schema":{"type":"object"}}}`))
		return
	}
	if format.Type != "json_schema" || f.quirks.Schema == wire.BySchema {
		return
	}
	f.putMessages(instructed(f.messages(), llm.JSONOf(wire.JSONPrompt(format.JSONSchema))))
	f.put("response_format", nil)
	if f.quirks.Schema == wire.ByJSONMode {
		f.put("response_format", json.RawMessage(`{"type":"json_object"}`))
	}
	f.call.Adapt("response_format", f.quirks.Schema)
}

// read reads a field of the request.
//
//go:noinline
func (f *fit) read(name string, raw json.RawMessage, into any) {
	if err := llm.JSON.Unmarshal(raw, into); err != nil && f.err == nil {
		f.err = llm.Errorf(llm.BadRequest, "%s cannot be read: %v", name, err)
	}
}

// messages are those of the request, or of what it has been changed to.
func (f *fit) messages() (all []llm.Extra) {
	raw := json.RawMessage(f.call.Payload.Field("messages"))
	if changed := f.changes["messages"]; changed != nil {
		raw = changed
	}
	f.read("messages", raw, &all)
	return all
}

//go:noinline
func (f *fit) putMessages(all []llm.Extra) { f.put("messages", llm.JSONOf(all)) }

// The roles, as JSON.
const (
	system    = `"system"`
	user      = `"user"`
	assistant = `"assistant"`
)

// instructed adds instructions, a text as JSON, to the messages: to the first
// one if that holds instructions, else before it, since some servers take one
// message of instructions only.
func instructed(all []llm.Extra, text json.RawMessage) []llm.Extra {
	if len(all) > 0 && string(all[0]["role"]) == system {
		all[0]["content"] = together(all[0]["content"], text)
		return all
	}
	return append([]llm.Extra{{"role": json.RawMessage(system), "content": text}}, all...)
}

// thoughts gives each answer of a history with calls its reasoning_content:
// those of other vendors have none.
func (f *fit) thoughts() {
	if !f.call.Payload.Mentions(`"tool_calls"`) {
		return
	}
	all := f.messages()
	lacks, calls := false, false
	for _, m := range all {
		if string(m["role"]) != assistant || !isNothing(m["reasoning_content"]) {
			continue
		}
		m["reasoning_content"] = json.RawMessage(f.quirks.EveryThought)
		lacks, calls = true, calls || !isNothing(m["tool_calls"])
	}
	if lacks && calls {
		f.putMessages(all)
	}
}
