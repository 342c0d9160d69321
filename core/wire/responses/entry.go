package responses

import (
	"encoding/json"
	"slices"
	"strconv"

	"github.com/llmagg/llmagg/core/internal/jsontext"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/wire"
)

// This file writes what is kept of an answer: see kept.go.

// keep notes what is kept of an item that has ended.
func (it *answerItem) keep() {
	switch {
	case it.kind == "message":
		it.kept = object(nil, it.raw, func(dst []byte, name string, value []byte) []byte {
			if name == "content" {
				return it.appendParts(dst, slices.Collect(elements(value)))
			}
			return append(dst, value...)
		})
	case it.isCall():
		it.kept = object(nil, it.raw, func(dst []byte, name string, value []byte) []byte {
			switch name {
			case "arguments", "input", "name":
				return dst // the message has them
			case "call_id":
				return jsontext.AppendText(dst, it.call)
			}
			return append(dst, value...)
		})
	default:
		r := wire.AnswerReader(it.raw)
		it.kept = r.Raw()
	}
	it.raw = nil
}

// object copies an object with what f makes of its values; f appends a value,
// or nothing.
func object(dst, raw []byte, f func(dst []byte, name string, value []byte) []byte) []byte {
	r := wire.AnswerReader(raw)
	clean := r.Raw() // for strict readers
	r = wire.AnswerReader(clean)
	return jsontext.AppendObject(dst, &r, f)
}

// appendParts appends a message's content without its texts, which the message
// has: their lengths stand in their place.
func (it *answerItem) appendParts(dst []byte, parts [][]byte) []byte {
	dst = append(dst, '[')
	for place, raw := range parts {
		if place > 0 {
			dst = append(dst, ',')
		}
		if r := wire.AnswerReader(raw); r.Next() != '{' {
			dst = append(dst, r.Raw()...)
			continue
		}
		p, isText := it.part(place), false
		dst = object(dst, raw, func(dst []byte, name string, value []byte) []byte {
			switch name {
			case "text", "refusal":
				isText = true
				return dst
			case "logprobs", "annotations":
				return dst
			}
			return append(dst, value...)
		})
		if isText {
			dst = p.appendSize(dst)
		}
	}
	for _, p := range it.parts {
		if p.place < len(parts) || p.said.Size == 0 {
			continue
		}
		if dst[len(dst)-1] != '[' {
			dst = append(dst, ',')
		}
		kind := `{"type":"output_text"}`
		if p.refusal {
			kind = `{"type":"refusal"}`
		}
		dst = p.appendSize(append(dst, kind...))
	}
	return append(dst, ']')
}

// appendSize adds to the object that dst ends with what a part's text is.
func (p *answerPart) appendSize(dst []byte) []byte {
	if dst = dst[:len(dst)-1]; dst[len(dst)-1] != '{' {
		dst = append(dst, ',')
	}
	dst = strconv.AppendInt(append(dst, `"bytes":`...), int64(p.size()), 10)
	if !p.refusal {
		dst = append(dst, `,"annotations":[`...)
		for i, raw := range p.annotations {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = append(dst, raw...)
		}
		dst = append(dst, ']')
	}
	return append(dst, '}')
}

// unended is what is kept of an item of which the server never said that it
// has ended.
func (it *answerItem) unended() json.RawMessage {
	switch {
	case it.kind == "message":
		dst := it.appendParts([]byte(`{"type":"message","content":`), nil)
		return append(dst, '}')
	case it.isCall():
		dst := append([]byte(`{"type":"`), it.kind...)
		return append(jsontext.AppendText(append(dst, `","call_id":`...), it.call), '}')
	}
	return nil
}

// parts are the message's parts; nil where chat completions have a place for
// all of them.
func (s *stream) parts() json.RawMessage {
	if !s.opaque {
		return nil
	}
	kept := wire.Kept{Owner: s.owner + "/" + s.answering()}
	for _, it := range s.items {
		if it.raw != nil {
			it.keep()
		}
		raw := it.kept
		if raw == nil {
			raw = it.unended()
		}
		if raw != nil && !(s.mixed && it.kind == "message") {
			kept.Keep(it.kindOfPart(), raw)
		}
	}
	return kept.Field()
}

// kindOfPart is what a part says of its item.
func (it *answerItem) kindOfPart() llm.AnswerPart {
	switch {
	case it.kind == "message":
		p := llm.AnswerPart{Type: "text"}
		for _, said := range it.parts {
			if !said.refusal {
				p.Bytes += said.size()
			}
		}
		return p
	case it.isCall():
		return llm.AnswerPart{Type: "tool_call", ID: it.call}
	case it.kind == "reasoning":
		return llm.AnswerPart{Type: "thinking"}
	}
	return llm.AnswerPart{Type: "other"}
}

// annotations are those of the answer's texts, as chat completions have them:
// beside the text, in the place of their type's name, and counted from the
// beginning of the whole text.
func (s *stream) annotations() json.RawMessage {
	var all []json.RawMessage
	for _, it := range s.items {
		for _, p := range it.parts {
			for _, raw := range p.annotations {
				all = append(all, annotation(raw, max(p.runes, 0)))
			}
		}
	}
	if len(all) == 0 {
		return nil
	}
	return llm.JSONOf(all)
}

func annotation(raw json.RawMessage, shift int) json.RawMessage {
	kind := ""
	inner := object(nil, raw, func(dst []byte, name string, value []byte) []byte {
		switch name {
		case "type":
			kind = text(value)
			return dst
		case "start_index", "end_index", "index":
			if n, err := strconv.Atoi(string(value)); err == nil {
				return strconv.AppendInt(dst, int64(n+shift), 10)
			}
		}
		return append(dst, value...)
	})
	if kind == "" || kind == "type" {
		return raw
	}
	dst := append(jsontext.AppendText([]byte(`{"type":`), kind), ',')
	dst = append(jsontext.AppendText(dst, kind), ':')
	return append(append(dst, inner...), '}')
}
