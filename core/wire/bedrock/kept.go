package bedrock

import (
	"encoding/json"
	"slices"

	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/wire"
)

// This file keeps the blocks of an answer that chat completions have no place
// for: thoughts with their signatures, redacted thoughts, citations, the work
// of the server's own tools, and what this package does not know. They stand in
// the message's "parts" (llm.AnswerPart) and go back when the message does,
// since a model needs its thoughts to go on after a call.

// owner is the vendor of what is kept: Converse has blocks of its own for
// whatever model it serves.
const owner = "bedrock"

// omitThoughts and omitOthers name the thoughts of an answer, and the blocks
// that this package does not know, where a server refuses them.
const (
	omitThoughts = wire.OmitParts + "[thinking]"
	omitOthers   = wire.OmitParts + "[other]"
)

func isOther(p llm.AnswerPart) bool { return wire.IsBlock(p) && !wire.IsThought(p) }

// answer translates an assistant's message: what was kept of it in its place,
// where its text and its calls are still those of the answer, else its thoughts
// first, then its text and its calls.
func (t *conversation) answer(m *llm.Message, at wire.At) error {
	kept := t.Call.Own(m, owner)
	thinks := slices.ContainsFunc(kept, wire.IsThought)
	kept = t.without(omitThoughts, kept, wire.IsThought)
	kept = t.without(omitOthers, kept, isOther)
	if m.ReasoningContent != "" && !thinks {
		t.Leave("messages.reasoning_content") // another vendor's thoughts have no signature
	}
	calls := t.calls(m)
	if blocks, ok := t.inOrder(kept, m, calls); ok && len(kept) > 0 {
		t.Add("assistant", t.mark(blocks, m.Extra)...)
		return nil
	}
	var blocks []block
	for _, p := range kept {
		if wire.IsThought(p) {
			blocks = append(blocks, block{Raw: p.Raw, thought: wire.IsThought(p)})
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
	t.Add("assistant", t.mark(append(append(blocks, content...), calls...), m.Extra)...)
	return nil
}

// without leaves out parts that the server refuses.
func (t *conversation) without(name string, kept []llm.AnswerPart, is func(llm.AnswerPart) bool) []llm.AnswerPart {
	if !slices.Contains(t.Call.Omit, name) || !slices.ContainsFunc(kept, is) {
		return kept
	}
	t.Leave(name)
	return slices.DeleteFunc(kept, is)
}

// inOrder puts what was kept, the text and the calls of a message together,
// with their marks for the cache; false where they do not fit each other: the
// caller has changed the message.
func (t *conversation) inOrder(kept []llm.AnswerPart, m *llm.Message, calls []block) (blocks []block, ok bool) {
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
			blocks = append(blocks, cited(text[:p.Bytes], p.Raw))
			text = text[p.Bytes:]
			for len(marks) > 0 && marks[0].End <= whole-len(text) {
				blocks, marks = t.mark(blocks, marks[0].Extra), marks[1:]
			}
		case p.Type == "tool_call":
			if len(calls) == 0 || calls[0].ToolUse.ToolUseID != plainID(p.ID) {
				return nil, false
			}
			n := 1
			if len(calls) > 1 && calls[1].CachePoint != nil {
				n = 2
			}
			blocks, calls = append(blocks, calls[:n]...), calls[n:]
		case wire.IsBlock(p):
			blocks = append(blocks, block{Raw: p.Raw, thought: wire.IsThought(p)})
		}
	}
	return blocks, text == "" && len(calls) == 0 && m.Refusal == ""
}

// citedText is the raw of a text's part: its block without the text.
type citedText struct {
	Cited struct {
		Content   []citedPiece    `json:"content"`
		Citations json.RawMessage `json:"citations,omitempty"`
	} `json:"citationsContent"`
}

// citedPiece is a piece of a text with citations: as the vendor has it with
// Text, as the part has it with Bytes.
type citedPiece struct {
	Text  string `json:"text,omitempty"`
	Bytes int    `json:"bytes,omitempty"`
}

// citedRaw is the raw of a text in pieces of n bytes; nil without citations.
func citedRaw(citations any, pieces ...int) json.RawMessage {
	var c citedText
	if c.Cited.Citations = wire.JSONOf(citations); string(c.Cited.Citations) == "null" {
		return nil
	}
	for _, n := range pieces {
		c.Cited.Content = append(c.Cited.Content, citedPiece{Bytes: n})
	}
	return wire.JSONOf(&c)
}

// cited is a text with its citations, if it has any.
func cited(text string, raw json.RawMessage) block {
	var c citedText
	if len(raw) == 0 || llm.JSON.Unmarshal(raw, &c) != nil {
		return textBlock(text)
	}
	left := text
	for i := range c.Cited.Content {
		p := &c.Cited.Content[i]
		n := min(max(p.Bytes, 0), len(left))
		p.Text, p.Bytes, left = left[:n], 0, left[n:]
	}
	if left != "" { // not what this package wrote
		return textBlock(text)
	}
	return block{Raw: wire.JSONOf(&c)}
}

// calls translates the calls that an assistant's message made.
func (t *conversation) calls(m *llm.Message) (blocks []block) {
	put := func(id, name string, input json.RawMessage, extra llm.Extra) {
		if input == nil {
			input = json.RawMessage("{}")
		}
		if !slices.Contains(t.called, name) {
			t.called = append(t.called, name)
		}
		blocks = t.mark(append(blocks, block{ToolUse: &toolUse{ToolUseID: id, Name: name, Input: input}}), extra)
	}
	for i := range m.ToolCalls {
		c := &m.ToolCalls[i]
		if c.Custom != nil {
			put(plainID(c.ID), c.Custom.Name, wire.Wrapped("input", c.Custom.Input), c.Extra)
			continue
		}
		put(plainID(c.ID), c.Function.Name, wire.Arguments(c.Function.Arguments), c.Extra)
	}
	f := m.FunctionCall
	if id := t.Called(f != nil && len(blocks) == 0); id != "" {
		put(id, f.Name, wire.Arguments(f.Arguments), nil)
	}
	return blocks
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
