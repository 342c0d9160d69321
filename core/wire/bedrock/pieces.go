package bedrock

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/wire"
)

// This file makes whole blocks of the pieces that a stream brings, for the
// parts of its message, and keeps the pieces that this package does not know.

// keep notes the block that has just ended.
func (s *stream) keep() {
	b := &s.Block
	if b.thinks {
		p, thought := llm.AnswerPart{Type: "thinking"}, b.thought()
		if b.redacted != nil {
			p.Type = "redacted_thinking"
		}
		s.kept.Keep(p, wire.Joined(append([]json.RawMessage{thought}, b.others...)))
		b.others = nil
	}
	if b.bytes > 0 {
		s.kept.Keep(llm.AnswerPart{Type: "text", Bytes: b.bytes}, citedRaw(b.citations, b.bytes))
	}
	if b.called {
		s.kept.Add(llm.AnswerPart{Type: "tool_call", ID: b.call})
	}
	s.keepOther(wire.Joined(b.others))
}

// keepOther notes a block that chat completions have no place for, if there is
// any.
func (s *stream) keepOther(raw json.RawMessage) {
	var fields llm.Extra
	if raw == nil || llm.JSON.Unmarshal(raw, &fields) != nil || len(wire.OtherFields(fields, func(string) bool { return false })) == 0 {
		return
	}
	p := llm.AnswerPart{Type: "other"}
	for _, name := range []string{"image", "audio"} {
		if bytes.HasPrefix(raw, []byte(`{"`+name+`"`)) {
			p.Type = name
		}
	}
	s.kept.Keep(p, raw)
}

// thought is the block as a whole answer has it.
func (b *openBlock) thought() json.RawMessage {
	var content map[string]any
	if b.redacted != nil {
		content = map[string]any{"redactedContent": wire.JoinedTexts(b.redacted)}
	} else {
		text := map[string]string{"text": llm.JoinPieces(b.thoughts)}
		if b.signature != nil {
			text["signature"] = strings.Join(b.signature, "")
		}
		content = map[string]any{"reasoningText": text}
	}
	return llm.JSONOf(map[string]any{"reasoningContent": content})
}

// unknown is the delta as it came; nil if it says nothing.
func (d *delta) unknown() json.RawMessage {
	var fields llm.Extra
	if llm.JSON.Unmarshal(d.raw, &fields) != nil {
		return nil
	}
	delete(fields, "text") // it is empty
	if raw := string(bytes.Join(bytes.Fields(fields["reasoningContent"]), nil)); raw == `{"text":""}` || raw == "{}" {
		delete(fields, "reasoningContent")
	}
	if len(fields) == 0 {
		return nil
	}
	return llm.JSONOf(fields)
}

// other takes a piece that this package does not know. d is a delta that is
// sent anyway.
func (s *stream) other(d *llm.Message, raw json.RawMessage) *llm.Message {
	if raw == nil {
		return d
	}
	s.Block.others = append(s.Block.others, raw)
	return s.unseen(d, raw)
}
