package anthropic

import (
	"encoding/json"
	"slices"
	"strconv"

	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/wire"
)

// This file keeps the blocks of an answer that chat completions have no place
// for: thoughts with their signatures, redacted thoughts, the work of the
// server's own tools, citations. They stand in the message's "extra_content",
// as Google's signatures do, in their order, each byte for byte:
//
//	{"anthropic": {"content": [{"type": "thinking", …}, {"type": "text", "bytes": 12}, {"type": "tool_use", "id": "toolu_1"}]}}
//
// A text or a call that the message has anyway is named only. The list goes
// back when the message does, since Claude needs its thoughts to go on after a
// call.

// omitThoughts names the thoughts of an answer, where a server refuses them.
const omitThoughts = "messages.extra_content.anthropic"

// keptContent is "extra_content".
type keptContent struct {
	Anthropic struct {
		Content []json.RawMessage `json:"content"`
	} `json:"anthropic"`
}

// keptBlock is what one entry says of itself.
type keptBlock struct {
	Type  string `json:"type"`
	ID    string `json:"id"`
	Bytes int    `json:"bytes"` // of a text, which stands in the message's content

	Citations json.RawMessage `json:"citations"` // of a text

	raw json.RawMessage
}

func isThought(b keptBlock) bool { return b.Type == "thinking" || b.Type == "redacted_thinking" }

// keptBlocks reads what came with an answer of Claude's; nil if nothing did.
func keptBlocks(m *llm.Message) []keptBlock {
	var kept keptContent
	raw := m.Extra["extra_content"]
	if m.Role != llm.RoleAssistant || len(raw) == 0 || llm.JSON.Unmarshal(raw, &kept) != nil {
		return nil
	}
	blocks := make([]keptBlock, 0, len(kept.Anthropic.Content))
	for _, raw := range kept.Anthropic.Content {
		b := keptBlock{raw: raw}
		if llm.JSON.Unmarshal(raw, &b) == nil && b.Type != "" {
			blocks = append(blocks, b)
		}
	}
	return blocks
}

// answer translates an assistant's message: what was kept of it in its place,
// where its text and its calls are still those of the answer, else its thoughts
// first, then its text and its calls.
func (t *conversation) answer(m *llm.Message, at string) error {
	kept := keptBlocks(m)
	if slices.Contains(t.call.Omit, omitThoughts) && slices.ContainsFunc(kept, isThought) {
		kept = slices.DeleteFunc(kept, isThought)
		t.leave(omitThoughts)
	}
	calls := t.calls(m)
	if blocks, ok := inOrder(kept, m, calls); ok && len(kept) > 0 {
		t.add("assistant", blocks...)
		return nil
	}
	var blocks []block
	for _, b := range kept {
		if isThought(b) {
			blocks = append(blocks, block{Type: b.Type, Raw: b.raw})
		} else if b.Type != "text" && b.Type != "tool_use" {
			t.leave(omitThoughts + "." + b.Type)
		}
	}
	content, err := t.content(m, at+".content")
	if err != nil {
		return err
	}
	if m.Refusal != "" {
		content = append(content, textBlock(m.Refusal))
	}
	if raw := m.Extra["cache_control"]; isThere(raw) && len(content) > 0 {
		content[len(content)-1].CacheControl = raw
	}
	if m.ReasoningContent != "" && len(kept) == 0 {
		t.leave("messages.reasoning_content") // another vendor's thoughts have no signature
	}
	t.add("assistant", append(append(blocks, content...), calls...)...)
	return nil
}

// inOrder puts what was kept, the text and the calls of a message together;
// false where they do not fit each other: the caller has changed the message.
func inOrder(kept []keptBlock, m *llm.Message, calls []block) (blocks []block, ok bool) {
	text := m.PlainText()
	for _, b := range kept {
		switch {
		case b.Type == "text":
			if b.Bytes <= 0 || b.Bytes > len(text) {
				return nil, false
			}
			said := textBlock(text[:b.Bytes])
			said.Citations = b.Citations
			blocks = append(blocks, said)
			text = text[b.Bytes:]
		case b.Type == "tool_use":
			if len(calls) == 0 || calls[0].ID != plainID(b.ID) {
				return nil, false
			}
			blocks = append(blocks, calls[0])
			calls = calls[1:]
		default:
			blocks = append(blocks, block{Type: b.Type, Raw: b.raw})
		}
	}
	return blocks, text == "" && len(calls) == 0 && m.Refusal == ""
}

// calls translates the calls that an assistant's message made.
func (t *conversation) calls(m *llm.Message) (blocks []block) {
	t.callIDs = nil
	for i := range m.ToolCalls {
		c := &m.ToolCalls[i]
		b := block{Type: "tool_use", ID: plainID(c.ID), Name: c.Function.Name, Input: inputOf(c.Function.Arguments)}
		if c.Custom != nil {
			b.Name, b.Input = c.Custom.Name, wire.Wrapped("input", c.Custom.Input)
		}
		if raw := c.Extra["cache_control"]; isThere(raw) {
			b.CacheControl = raw
		}
		blocks = append(blocks, b)
	}
	if f := m.FunctionCall; f != nil && len(blocks) == 0 {
		id := "call_" + strconv.Itoa(len(t.messages)) // the old form has none
		t.callIDs = []string{id}
		blocks = append(blocks, block{Type: "tool_use", ID: id, Name: f.Name, Input: inputOf(f.Arguments)})
	}
	return blocks
}

// keep notes the block that has just ended.
func (s *stream) keep() {
	b := &s.block
	switch {
	case b.Type == "text" && len(b.Citations) > 0:
		s.opaque = true
		s.put(map[string]any{"type": "text", "bytes": b.bytes, "citations": b.Citations})
	case b.Type == "text":
		if b.bytes > 0 {
			s.put(map[string]any{"type": "text", "bytes": b.bytes})
		}
	case b.Type == "thinking":
		s.opaque = true
		s.put(map[string]any{"type": "thinking", "thinking": b.thought.String(), "signature": b.Signature})
	case b.Type == "tool_use":
		if b.Name != s.schemaTool || s.schemaTool == "" {
			s.put(map[string]any{"type": "tool_use", "id": b.ID})
		}
	case b.Type != "" && json.Valid([]byte(b.input.String())): // a server's tool, whose input came in pieces
		fields := llm.Extra{}
		if llm.JSON.Unmarshal(b.raw, &fields) != nil {
			return
		}
		fields["input"] = json.RawMessage(b.input.String())
		s.opaque = true
		s.put(fields)
	case b.Type != "":
		s.opaque = true
		s.blocks = append(s.blocks, append(json.RawMessage(nil), b.raw...))
	}
}

func (s *stream) put(entry any) {
	raw, err := llm.JSON.Marshal(entry)
	if err == nil { // texts, numbers and JSON can always be written
		s.blocks = append(s.blocks, raw)
	}
}

// kept is "extra_content" for the message; nil where chat completions have a
// place for all of it.
func (s *stream) kept() llm.Extra {
	if !s.opaque {
		return nil
	}
	var kept keptContent
	kept.Anthropic.Content = s.blocks
	raw, err := llm.JSON.Marshal(&kept)
	if err != nil {
		return nil
	}
	return llm.Extra{"extra_content": raw}
}

// inputOf gives a call's arguments as the object that Anthropic wants, also
// where there are none.
func inputOf(text string) json.RawMessage {
	if text == "" {
		return json.RawMessage("{}")
	}
	return wire.Arguments(text)
}
