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

// Kept implements [wire.Speaker], as the methods below do.
func (t *conversation) Kept(m *llm.Message) []llm.AnswerPart {
	kept := t.Call.Own(m, owner)
	thinks := slices.ContainsFunc(kept, wire.IsThought)
	kept = t.Without(omitOthers, t.Without(omitThoughts, kept, wire.IsThought), isOther)
	if m.ReasoningContent != "" && !thinks {
		t.Leave("messages.reasoning_content") // another vendor's thoughts have no signature
	}
	return kept
}

func (t *conversation) KeptBlock(p llm.AnswerPart) block {
	return block{Raw: p.Raw, thought: wire.IsThought(p)}
}

// FirstCall implements [wire.Speaker]: behind a call may be its mark.
func (t *conversation) FirstCall(calls []block, id string) int {
	switch {
	case len(calls) == 0 || calls[0].ToolUse.ToolUseID != plainID(id):
		return 0
	case len(calls) > 1 && calls[1].CachePoint != nil:
		return 2
	}
	return 1
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
	if c.Cited.Citations = llm.JSONOf(citations); string(c.Cited.Citations) == "null" {
		return nil
	}
	for _, n := range pieces {
		c.Cited.Content = append(c.Cited.Content, citedPiece{Bytes: n})
	}
	return llm.JSONOf(&c)
}

func (t *conversation) Text(text string, kept json.RawMessage) block {
	var c citedText
	if len(kept) == 0 || llm.JSON.Unmarshal(kept, &c) != nil {
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
	return block{Raw: llm.JSONOf(&c)}
}

func (t *conversation) ToolUse(id, name string, input json.RawMessage) block {
	if !slices.Contains(t.called, name) {
		t.called = append(t.called, name)
	}
	return block{ToolUse: &toolUse{ToolUseID: plainID(id), Name: name, Input: input}}
}
