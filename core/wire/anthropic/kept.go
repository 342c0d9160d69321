package anthropic

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/wire"
)

// owner is the vendor of what is kept: Claude's signatures hold wherever it is
// served.
const owner = "anthropic"

// Kept implements [wire.Speaker], as the methods below do.
func (t *conversation) Kept(m *llm.Message) []llm.AnswerPart {
	return wire.Signed(t.Call, m, owner)
}

func (t *conversation) KeptBlock(p llm.AnswerPart) block { return block{Type: p.Type, Raw: p.Raw} }

func (t *conversation) Mark(blocks []block, extra llm.Extra) []block {
	if raw := extra["cache_control"]; wire.IsThere(raw) && len(blocks) > 0 {
		blocks[len(blocks)-1].CacheControl = raw
	}
	return blocks
}

func (t *conversation) FirstCall(calls []block, kept *llm.AnswerPart) int {
	if len(calls) == 0 || calls[0].ID != plainID(kept.ID) {
		return 0
	}
	calls[0].Caller = kept.Raw
	return 1
}

func (t *conversation) ToolUse(id, name string, input json.RawMessage) block {
	return block{Type: "tool_use", ID: plainID(id), Name: name, Input: input}
}

// citations are what a text's part has beside its text.
type citations struct {
	Citations json.RawMessage `json:"citations"`
}

func (t *conversation) Text(text string, kept json.RawMessage) block {
	b := textBlock(text)
	var c citations
	if len(kept) > 0 && llm.JSON.Unmarshal(kept, &c) == nil {
		b.Citations = c.Citations
	}
	return b
}

// keep notes the block that has just ended.
func (s *stream) keep() {
	b := &s.Block
	switch {
	case b.Type == "text" && len(b.Citations) > 0:
		s.Kept.Keep(llm.AnswerPart{Type: "text", Bytes: b.said.Size}, llm.JSONOf(map[string]any{"citations": b.Citations}))
	case b.Type == "text":
		if b.said.Size > 0 {
			s.Kept.Add(llm.AnswerPart{Type: "text", Bytes: b.said.Size})
		}
	case b.Type == "thinking":
		s.Kept.Keep(llm.AnswerPart{Type: "thinking"}, b.thought())
	case b.Type == "tool_use":
		if !s.IsAnswer(b.Name) {
			s.Kept.Keep(llm.AnswerPart{Type: "tool_call", ID: b.ID}, b.Caller)
		}
	case b.Type == "redacted_thinking":
		s.Kept.Keep(llm.AnswerPart{Type: "redacted_thinking"}, slices.Clone(b.raw))
	case b.Type != "":
		if input := llm.JoinPieces(b.input); json.Valid([]byte(input)) { // a server's tool, whose input came in pieces
			b.others = append(b.others, llm.JSONOf(map[string]json.RawMessage{"input": json.RawMessage(input)}))
		}
		s.Kept.Keep(llm.AnswerPart{Type: "other"}, llm.JoinValues(append([]json.RawMessage{slices.Clone(b.raw)}, b.others...)...))
	}
}

// thought is the block as it came or, where pieces were added to it, with them.
func (b *openBlock) thought() json.RawMessage {
	if !b.pieces && len(b.raw) > 0 {
		return slices.Clone(b.raw)
	}
	whole := llm.Extra{}
	if len(b.raw) > 0 && llm.JSON.Unmarshal(b.raw, &whole) != nil {
		return nil
	}
	whole["type"], whole["thinking"] = json.RawMessage(`"thinking"`), llm.JSONOf(llm.JoinPieces(b.thoughts))
	whole["signature"] = llm.JSONOf(b.Signature + strings.Join(b.signature, ""))
	return llm.JSONOf(whole)
}
