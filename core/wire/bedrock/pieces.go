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
		if b.redacted {
			p.Type = "redacted_thinking"
		}
		s.Kept.Keep(p, llm.JoinValues(append([]json.RawMessage{thought}, b.others...)...))
		b.others = nil
	}
	if b.bytes > 0 {
		s.Kept.Keep(llm.AnswerPart{Type: "text", Bytes: b.bytes}, citedRaw(b.citations, b.bytes))
	}
	if b.called {
		s.Kept.Add(llm.AnswerPart{Type: "tool_call", ID: b.call})
	}
	s.keepOther(withInput(llm.JoinValues(b.others...)))
}

// keepOther notes a block that chat completions have no place for, if there is
// any.
func (s *stream) keepOther(raw json.RawMessage) {
	var fields llm.Extra
	if raw == nil || llm.JSON.Unmarshal(raw, &fields) != nil || len(wire.OtherFields(fields)) == 0 {
		return
	}
	p := llm.AnswerPart{Type: "other"}
	for _, name := range []string{"image", "audio"} {
		if bytes.HasPrefix(raw, []byte(`{"`+name+`"`)) {
			p.Type = name
		}
	}
	s.Kept.Keep(p, raw)
}

// withInput is a block whose call of a server's own tool has an object as its
// input, which came as a text, or not at all.
func withInput(raw json.RawMessage) json.RawMessage {
	var block, call llm.Extra
	if llm.JSON.Unmarshal(raw, &block) != nil || llm.JSON.Unmarshal(block["toolUse"], &call) != nil || call == nil {
		return raw
	}
	text := "{}"
	if input := call["input"]; wire.IsThere(input) && llm.JSON.Unmarshal(input, &text) != nil {
		return raw
	}
	if input := wire.ObjectOf(text); input != nil {
		call["input"] = input
	}
	block["toolUse"] = llm.JSONOf(call)
	return llm.JSONOf(block)
}

// thought is the block as a whole answer has it, but for what others hold; nil
// for one that came without its text.
func (b *openBlock) thought() json.RawMessage {
	if b.redacted {
		return nil
	}
	text := map[string]string{"text": llm.JoinPieces(b.thoughts)}
	if b.signature != nil {
		text["signature"] = strings.Join(b.signature, "")
	}
	return llm.JSONOf(map[string]any{"reasoningContent": map[string]any{"reasoningText": text}})
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
	for name, raw := range fields {
		if raw[0] == '[' { // a piece of a tool's result
			fields[name] = llm.JSONOf(map[string]json.RawMessage{"content": raw})
		}
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
	return s.Unseen(d, raw)
}
