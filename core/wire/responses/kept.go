package responses

import (
	"encoding/json"
	"maps"
	"slices"

	"github.com/llmagg/llmagg/core/internal/jsontext"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/wire"
)

// This file keeps the items of an answer that chat completions have no place
// for: thoughts with their encrypted content, the work of the server's own
// tools, annotations, the phase of a message. They stand in the message's
// "parts" (llm.AnswerPart), in their order, each byte for byte, with the host
// that they belong to as their owner:
//
//	[{"type": "thinking", "owner": "api.openai.com/gpt-5", "raw": {"type": "reasoning", …}},
//	 {"type": "text", "bytes": 12, "owner": …, "raw": {"type": "message", "id": "msg_1", "content": [{"type": "output_text", "bytes": 12}]}},
//	 {"type": "tool_call", "id": "call_1", "owner": …, "raw": {"type": "function_call", "call_id": "call_1"}}]
//
// Texts and arguments that the message has anyway are left out of it. The list
// goes back when the message does: a model goes on after a call with the
// thoughts that led to it.

// keptItem is what one entry says of itself.
type keptItem struct {
	Type      string          `json:"type"`
	ID        string          `json:"id"`
	CallID    string          `json:"call_id"`
	Content   json.RawMessage `json:"content"`
	Encrypted string          `json:"encrypted_content"`

	raw json.RawMessage
}

// keptPart is a part of a message whose text stands in the message.
type keptPart struct {
	Type  string `json:"type"`
	Bytes int    `json:"bytes"`
}

// isOpaque tells whether the item is nothing that the message has anyway.
func (k keptItem) isOpaque() bool {
	return k.Type != "message" && k.Type != "function_call" && k.Type != "custom_tool_call"
}

// isBare tells whether the item is a thought that only the server could find
// again, if it had stored it.
func (k keptItem) isBare() bool {
	return k.Type == "reasoning" && k.Encrypted == "" && !wire.IsThere(k.Content)
}

// items reads what came with an answer of this server's; nil if nothing did.
func (w *format) items(parts []llm.AnswerPart) []keptItem {
	if llm.OwnerOf(parts) != w.owner {
		return nil
	}
	items := make([]keptItem, 0, len(parts))
	for i := range parts {
		k := keptItem{raw: parts[i].Raw}
		if len(k.raw) > 0 && llm.JSON.Unmarshal(k.raw, &k) == nil && k.Type != "" {
			items = append(items, k)
		}
	}
	return items
}

// answer translates an assistant's message: what was kept of it in its place,
// where its text and its calls are still those of the answer, else its thoughts
// first, then its text and its calls.
func (t *conversation) answer(m *llm.Message) error {
	kept := t.format.items(t.call.Own(m, t.format.owner))
	whole := true
	if slices.Contains(t.call.Omit, wire.OmitThoughts) && slices.ContainsFunc(kept, keptItem.isOpaque) {
		kept = slices.DeleteFunc(kept, keptItem.isOpaque)
		whole = false
		t.leave(wire.OmitThoughts)
	}
	if slices.ContainsFunc(kept, keptItem.isBare) && !t.stored {
		kept = slices.DeleteFunc(kept, keptItem.isBare)
		whole = false // their ids would be looked up
		t.leave(wire.OmitParts + "[reasoning]")
	}
	calls := t.calls(m)
	if items, ok := inOrder(kept, m, calls, whole); ok && len(kept) > 0 {
		t.input = append(t.input, items...)
		return nil
	}
	for _, k := range kept {
		if k.Type == "reasoning" {
			t.input = append(t.input, k.raw)
		} else if k.isOpaque() {
			t.leave(wire.OmitParts + "[" + k.Type + "]")
		}
	}
	if m.ReasoningContent != "" && len(kept) == 0 {
		t.leave("messages.reasoning_content") // another vendor's thoughts are no item
	}
	if said := t.said(m); said != nil {
		t.input = append(t.input, said)
	}
	for _, c := range calls {
		t.input = append(t.input, c)
	}
	return nil
}

// said is the text and the refusal of an assistant's message; nil for neither.
func (t *conversation) said(m *llm.Message) any {
	for i := range m.Parts {
		if p := &m.Parts[i]; p.Type != "text" && p.Type != "" && p.Type != "refusal" {
			t.leave("messages.content[" + p.Type + "]") // another vendor's work
		}
	}
	text, refusal := m.PlainText(), m.Refusal
	for i := range m.Parts {
		refusal += m.Parts[i].Refusal
	}
	message := &item{Type: "message", Role: "assistant", Content: text}
	switch {
	case refusal != "":
		var parts []any
		if text != "" {
			parts = append(parts, &part{Type: "output_text", Text: &text})
		}
		message.Content = append(parts, &part{Type: "refusal", Refusal: &refusal})
	case text == "" && len(m.ToolCalls) > 0, text == "" && m.FunctionCall != nil:
		return nil
	}
	return message
}

// inOrder puts what was kept, the text and the calls of a message together;
// false where they do not fit each other: the caller has changed the message.
// withIDs keeps the ids of items, which a server looks up with the thoughts
// before them.
func inOrder(kept []keptItem, m *llm.Message, calls []*item, withIDs bool) (items []any, ok bool) {
	left := rest{text: m.PlainText(), refusal: m.Refusal}
	for _, k := range kept {
		switch k.Type {
		case "message":
			message := left.message(k, withIDs)
			if message == nil {
				return nil, false
			}
			items = append(items, message)
		case "function_call", "custom_tool_call":
			if len(calls) == 0 || *calls[0].CallID != k.CallID || calls[0].Type != k.Type {
				return nil, false
			}
			call := k.call(calls[0], withIDs)
			if call == nil {
				return nil, false
			}
			items = append(items, call)
			calls = calls[1:]
		default:
			items = append(items, k.raw)
		}
	}
	return items, left.text == "" && left.refusal == "" && len(calls) == 0
}

// call is a kept call with its name and arguments.
func (k keptItem) call(c *item, withID bool) any {
	raw, err := jsontext.Encode(nil, c.write)
	fields, own := llm.Extra{}, llm.Extra{}
	if err != nil || llm.JSON.Unmarshal(k.raw, &fields) != nil || llm.JSON.Unmarshal(raw, &own) != nil {
		return nil
	}
	maps.Copy(fields, own)
	if !withID {
		delete(fields, "id")
	}
	return fields
}

// rest is what of a message no item has taken yet.
type rest struct{ text, refusal string }

// message is a kept message with its texts; nil where they do not fit.
func (r *rest) message(k keptItem, withIDs bool) any {
	var parts []json.RawMessage
	fields := llm.Extra{}
	if llm.JSON.Unmarshal(k.Content, &parts) != nil || llm.JSON.Unmarshal(k.raw, &fields) != nil {
		return nil
	}
	for i, raw := range parts {
		var p keptPart
		if llm.JSON.Unmarshal(raw, &p) != nil {
			return nil
		}
		var from *string
		name := "text"
		switch p.Type {
		case "output_text":
			from = &r.text
		case "refusal":
			from, name = &r.refusal, "refusal"
		default:
			continue
		}
		if p.Bytes < 0 || p.Bytes > len(*from) {
			return nil
		}
		content := llm.Extra{}
		if llm.JSON.Unmarshal(raw, &content) != nil {
			return nil
		}
		text := llm.JSONOf((*from)[:p.Bytes])
		*from = (*from)[p.Bytes:]
		delete(content, "bytes")
		content[name] = text
		parts[i] = llm.JSONOf(content)
	}
	fields["content"] = llm.JSONOf(parts)
	if !withIDs {
		delete(fields, "id")
	}
	if !wire.IsThere(fields["role"]) {
		fields["role"] = json.RawMessage(`"assistant"`)
	}
	return fields
}
