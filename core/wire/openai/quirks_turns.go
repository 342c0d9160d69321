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
		switch {
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
			into["content"], changed = together(into["content"], m["content"]), true
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
