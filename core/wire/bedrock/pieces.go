package bedrock

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"

	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/wire"
)

// This file makes whole blocks of the pieces that a stream brings, for the
// parts of its message.

// keep notes the block that has just ended.
func (s *stream) keep() {
	b := &s.block
	switch {
	case b.schema: // its input is the message's text
	case b.thinks:
		p, thought := llm.AnswerPart{Type: "thinking"}, b.thought()
		if b.redacted != nil {
			p.Type = "redacted_thinking"
		}
		s.kept.Keep(p, joined(append([]json.RawMessage{thought}, b.others...), 0))
		return
	case b.call != "":
		s.kept.Add(llm.AnswerPart{Type: "tool_call", ID: b.call})
	case b.bytes > 0:
		s.kept.Keep(llm.AnswerPart{Type: "text", Bytes: b.bytes}, citedRaw(b.citations, b.bytes))
	}
	s.keepOther(joined(b.others, 0))
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
		content = map[string]any{"redactedContent": joinedTexts(b.redacted)}
	} else {
		text := map[string]string{"text": llm.JoinPieces(b.thoughts)}
		if b.signature != nil {
			text["signature"] = strings.Join(b.signature, "")
		}
		content = map[string]any{"reasoningText": text}
	}
	return jsonOf(map[string]any{"reasoningContent": content})
}

// joined makes one value of the pieces of one: texts and lists follow each
// other, the fields of objects are joined. Of anything else the last counts.
func joined(pieces []json.RawMessage, depth int) json.RawMessage {
	pieces = slices.DeleteFunc(pieces, func(raw json.RawMessage) bool { return !wire.IsThere(raw) })
	if len(pieces) < 2 || depth > 3 {
		return last(pieces)
	}
	switch first := pieces[0][0]; {
	case first == '"':
		texts := make([]string, len(pieces))
		for i, raw := range pieces {
			if llm.JSON.Unmarshal(raw, &texts[i]) != nil {
				return last(pieces)
			}
		}
		return jsonOf(joinedTexts(texts))
	case first == '[':
		return jsonOf(joinedLists(pieces))
	case first == '{':
		return joinedFields(pieces, depth)
	}
	return last(pieces)
}

func last(pieces []json.RawMessage) json.RawMessage {
	if len(pieces) == 0 {
		return nil
	}
	return pieces[len(pieces)-1]
}

func joinedLists(lists []json.RawMessage) (all []json.RawMessage) {
	for _, raw := range lists {
		var list []json.RawMessage
		if llm.JSON.Unmarshal(raw, &list) == nil {
			all = append(all, list...)
		}
	}
	return all
}

// joinedFields joins objects. Lists behind them are the content of a tool's
// result, and the pieces of a call's input are the text of an object.
func joinedFields(objects []json.RawMessage, depth int) json.RawMessage {
	fields, lists := map[string][]json.RawMessage{}, []json.RawMessage(nil)
	for _, raw := range objects {
		object := llm.Extra{}
		switch {
		case raw[0] == '[':
			lists = append(lists, raw)
		case llm.JSON.Unmarshal(raw, &object) == nil:
			for name, value := range object {
				fields[name] = append(fields[name], value)
			}
		}
	}
	whole := llm.Extra{}
	for name, values := range fields {
		whole[name] = joined(values, depth+1)
		var input string
		if name == "input" && llm.JSON.Unmarshal(whole[name], &input) == nil {
			if object := wire.ObjectOf(input); object != nil {
				whole[name] = object
			}
		}
	}
	if lists != nil {
		whole["content"] = jsonOf(joinedLists(lists))
	}
	return jsonOf(whole)
}

// joinedTexts joins texts, and those that are base64 with an end of its own
// each.
func joinedTexts(texts []string) string {
	all := strings.Join(texts, "")
	at := strings.IndexByte(all, '=')
	if at < 0 || at >= len(all)-2 {
		return all
	}
	var data []byte
	for _, text := range texts {
		var err error
		if data, err = base64.StdEncoding.AppendDecode(data, []byte(text)); err != nil {
			return all
		}
	}
	return base64.StdEncoding.EncodeToString(data)
}

func jsonOf(v any) json.RawMessage {
	raw, err := llm.JSON.Marshal(v)
	if err != nil { // not reachable: texts, numbers and JSON can always be written
		return nil
	}
	return raw
}
