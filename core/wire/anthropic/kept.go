package anthropic

import (
	"encoding/json"
	"slices"

	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/wire"
)

// This file keeps the blocks of an answer that chat completions have no place
// for: thoughts with their signatures, redacted thoughts, the work of the
// server's own tools, citations. They stand in the message's "parts"
// (llm.AnswerPart) and go back when the message does, since Claude needs its
// thoughts to go on after a call.

// owner is the vendor of what is kept: Claude's signatures hold wherever it is
// served.
const owner = "anthropic"

// omitThoughts names the thoughts of an answer, where a server refuses them.
const omitThoughts = wire.OmitParts + "[thinking]"

func blockFrom(p llm.AnswerPart) block { return block{Type: p.Type, Raw: p.Raw} }

// answer translates an assistant's message: what was kept of it in its place,
// where its text and its calls are still those of the answer, else its thoughts
// first, then its text and its calls.
func (t *conversation) answer(m *llm.Message, at wire.At) error {
	kept := t.Call.Own(m, owner)
	if m.ReasoningContent != "" && !slices.ContainsFunc(kept, wire.IsThought) {
		t.Leave("messages.reasoning_content") // another vendor's thoughts have no signature
	}
	if slices.Contains(t.Call.Omit, omitThoughts) && slices.ContainsFunc(kept, wire.IsThought) {
		kept = slices.DeleteFunc(kept, wire.IsThought)
		t.Leave(omitThoughts)
	}
	calls := t.calls(m)
	if blocks, ok := inOrder(kept, m, calls); ok && len(kept) > 0 {
		markEnd(blocks, m.Extra)
		t.Add("assistant", blocks...)
		return nil
	}
	var blocks []block
	for _, p := range kept {
		if wire.IsThought(p) {
			blocks = append(blocks, blockFrom(p))
		} else if wire.IsBlock(p) {
			t.Leave(wire.OmitParts + "[" + p.Type + "]")
		}
	}
	content, err := t.content(m, at)
	if err != nil {
		return err
	}
	if m.Refusal != "" {
		content = append(content, textBlock(m.Refusal))
	}
	blocks = append(append(blocks, content...), calls...)
	markEnd(blocks, m.Extra)
	t.Add("assistant", blocks...)
	return nil
}

// markEnd puts a message's mark for the cache on its end.
func markEnd(blocks []block, extra llm.Extra) {
	if raw := extra["cache_control"]; wire.IsThere(raw) && len(blocks) > 0 {
		blocks[len(blocks)-1].CacheControl = raw
	}
}

// inOrder puts what was kept, the text and the calls of a message together;
// false where they do not fit each other: the caller has changed the message.
func inOrder(kept []llm.AnswerPart, m *llm.Message, calls []block) (blocks []block, ok bool) {
	text := m.PlainText()
	whole := len(text)
	marks, ok := wire.TextMarks(m)
	if !ok {
		return nil, false
	}
	for _, p := range kept {
		switch {
		case p.Type == "text":
			if p.Bytes <= 0 || p.Bytes > len(text) {
				return nil, false
			}
			said := textBlock(text[:p.Bytes])
			said.Citations = citationsIn(p.Raw)
			text = text[p.Bytes:]
			for len(marks) > 0 && marks[0].End <= whole-len(text) {
				said.CacheControl, marks = marks[0].Extra["cache_control"], marks[1:]
			}
			blocks = append(blocks, said)
		case p.Type == "tool_call":
			if len(calls) == 0 || calls[0].ID != plainID(p.ID) {
				return nil, false
			}
			blocks = append(blocks, calls[0])
			calls = calls[1:]
		case wire.IsBlock(p):
			blocks = append(blocks, blockFrom(p))
		}
	}
	return blocks, text == "" && len(calls) == 0 && m.Refusal == ""
}

// calls translates the calls that an assistant's message made.
func (t *conversation) calls(m *llm.Message) (blocks []block) {
	for i := range m.ToolCalls {
		c := &m.ToolCalls[i]
		b := block{Type: "tool_use", ID: plainID(c.ID), Name: c.Function.Name, Input: inputOf(c.Function.Arguments)}
		if c.Custom != nil {
			b.Name, b.Input = c.Custom.Name, wire.Wrapped("input", c.Custom.Input)
		}
		if raw := c.Extra["cache_control"]; wire.IsThere(raw) {
			b.CacheControl = raw
		}
		blocks = append(blocks, b)
	}
	f := m.FunctionCall
	if id := t.Called(f != nil && len(blocks) == 0); id != "" {
		blocks = append(blocks, block{Type: "tool_use", ID: id, Name: f.Name, Input: inputOf(f.Arguments)})
	}
	return blocks
}

// citations are what a text's part has beside its text.
type citations struct {
	Citations json.RawMessage `json:"citations"`
}

func citationsIn(raw json.RawMessage) json.RawMessage {
	var c citations
	if len(raw) == 0 || llm.JSON.Unmarshal(raw, &c) != nil {
		return nil
	}
	return c.Citations
}

// keep notes the block that has just ended.
func (s *stream) keep() {
	b := &s.Block
	switch {
	case b.Type == "text" && len(b.Citations) > 0:
		s.kept.Keep(llm.AnswerPart{Type: "text", Bytes: b.said.Size}, wire.JSONOf(map[string]any{"citations": b.Citations}))
	case b.Type == "text":
		if b.said.Size > 0 {
			s.kept.Add(llm.AnswerPart{Type: "text", Bytes: b.said.Size})
		}
	case b.Type == "thinking":
		s.kept.Keep(llm.AnswerPart{Type: "thinking"}, b.whole(map[string]any{"type": "thinking", "thinking": b.thought.String(), "signature": b.Signature}))
	case b.Type == "tool_use":
		if b.Name != s.schemaTool || s.schemaTool == "" {
			s.kept.Add(llm.AnswerPart{Type: "tool_call", ID: b.ID})
		}
	case b.Type == "redacted_thinking":
		s.kept.Keep(llm.AnswerPart{Type: "redacted_thinking"}, slices.Clone(b.raw))
	case b.Type != "" && json.Valid([]byte(b.input.String())): // a server's tool, whose input came in pieces
		s.kept.Keep(llm.AnswerPart{Type: "other"}, b.whole(map[string]any{"input": json.RawMessage(b.input.String())}))
	case b.Type != "":
		s.kept.Keep(llm.AnswerPart{Type: "other"}, wire.Joined(append([]json.RawMessage{slices.Clone(b.raw)}, b.others...)))
	}
}

// whole is the block as it came or, where pieces were added to it, with these
// fields.
func (b *openBlock) whole(fields map[string]any) json.RawMessage {
	if !b.pieces && len(b.raw) > 0 {
		return slices.Clone(b.raw)
	}
	began := llm.Extra{}
	if len(b.raw) > 0 && llm.JSON.Unmarshal(b.raw, &began) != nil {
		return nil
	}
	for name, value := range fields {
		began[name] = wire.JSONOf(value)
	}
	return wire.JSONOf(began)
}

// parts are the message's fields for what was kept; nil where chat completions
// have a place for all of it.
func (s *stream) parts() llm.Extra {
	raw := s.kept.Field()
	if raw == nil {
		return nil
	}
	return llm.Extra{llm.PartsField: raw}
}

// inputOf gives a call's arguments as the object that Anthropic wants, also
// where there are none.
func inputOf(text string) json.RawMessage {
	if text == "" {
		return json.RawMessage("{}")
	}
	return wire.Arguments(text)
}
