package openai

import (
	"encoding/json"

	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/wire"
)

// This file is those quirks that concern the order of messages.

// turns writes the messages as the vendor demands their order (Quirks.Turns).
// Nothing of them is lost: neighbours are joined, in their order.
func (f *fit) turns() {
	if f.quirks.Turns == 0 {
		return
	}
	var all []llm.Extra
	var first, last llm.Extra
	changed := false
	for i, m := range f.messages() {
		var into llm.Extra
		role := string(m["role"])
		if f.quirks.Turns&wire.OneSystem != 0 && role == `"developer"` { // a word of OpenAI's
			role, changed = system, true
			m["role"] = json.RawMessage(role)
		}
		if f.quirks.Turns&wire.NoSystem != 0 && (role == system || role == `"developer"`) {
			role, changed = user, true
			m["role"] = json.RawMessage(role)
		}
		switch {
		case f.quirks.Turns&wire.Filled != 0 && role == assistant && isNothing(m["content"]) && isNothing(m["tool_calls"]) && !isNothing(m["refusal"]):
			m["content"], changed = m["refusal"], true // servers know no refusal
			delete(m, "refusal")
		case f.quirks.Turns&wire.Filled != 0 && role == assistant && isNothing(m["tool_calls"]) && isNothing(m["content"]) &&
			isNothing(m["function_call"]) && isNothing(m["partial"]): // Moonshot's: the answer that begins so, perhaps by its speaker's name only
			changed = true
			continue
		case f.quirks.Turns&wire.OneSystem != 0 && role == system:
			if into = first; into == nil {
				first, changed = m, changed || i > 0
				continue
			}
		case f.quirks.Turns&wire.Alternate != 0 && role != `"tool"` && role == string(last["role"]) && isNothing(m["tool_calls"]) && isNothing(last["tool_calls"]):
			into = last
		}
		if into != nil {
			f.join(into, m)
			changed = true
			continue
		}
		all, last = append(all, m), m
	}
	if first != nil {
		all = append([]llm.Extra{first}, all...)
	}
	if changed {
		f.putMessages(all)
	}
}

// join adds to a message what its neighbour has. Two speakers have no common
// name.
func (f *fit) join(to, m llm.Extra) {
	if name := "name"; string(to[name]) != string(m[name]) {
		delete(to, name)
		delete(m, name)
		f.call.Adapt("messages."+name, wire.LeftOut)
	}
	for name, value := range m {
		switch name {
		case "content", "refusal", "reasoning_content":
			to[name] = together(to[name], value)
		default:
			to[name] = value // of the end, as a mark for the cache is
		}
	}
}

//go:noinline
func isNothing(content json.RawMessage) bool {
	return !wire.IsThere(content) || string(content) == `""` || string(content) == "[]"
}

// together is the content of two messages as that of one.
func together(a, b json.RawMessage) json.RawMessage {
	switch {
	case isNothing(a):
		return b
	case isNothing(b):
		return a
	}
	var x, y string
	if llm.JSON.Unmarshal(a, &x) == nil && llm.JSON.Unmarshal(b, &y) == nil {
		return llm.JSONOf(x + "\n\n" + y)
	}
	return llm.JSONOf(append(partsOf(a), partsOf(b)...))
}

// partsOf is a content as a list of parts.
func partsOf(content json.RawMessage) (parts []json.RawMessage) {
	if llm.JSON.Unmarshal(content, &parts) != nil {
		parts = []json.RawMessage{llm.JSONOf(llm.Extra{"type": json.RawMessage(`"text"`), "text": content})}
	}
	return parts
}
