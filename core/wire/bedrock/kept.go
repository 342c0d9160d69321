package bedrock

import (
	"encoding/json"
	"slices"

	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/wire"
)

// owner is the vendor of what is kept: Converse has blocks of its own for
// whatever model it serves.
const owner = "bedrock"

// omitOthers names the blocks of an answer that this package does not know,
// where a server refuses them.
const omitOthers = wire.OmitParts + "[other]"

func isOther(p llm.AnswerPart) bool { return wire.IsBlock(p) && !wire.IsThought(p) }

// Kept implements [wire.Speaker], as the methods below do.
func (t *conversation) Kept(m *llm.Message) []llm.AnswerPart {
	return t.Without(omitOthers, wire.Signed(t.Call, m, owner), isOther)
}

func (t *conversation) KeptBlock(p llm.AnswerPart) block {
	return block{Raw: p.Raw, thought: wire.IsThought(p)}
}

// FirstCall implements [wire.Speaker]: behind a call may be its mark.
func (t *conversation) FirstCall(calls []block, kept *llm.AnswerPart) int {
	switch {
	case len(calls) == 0 || calls[0].ToolUse.ToolUseID != plainID(kept.ID):
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
