package llm

import (
	"bytes"

	"github.com/llmagg/llmagg/core/internal/jsontext"
)

// unread keeps a field of an answer whose value, which comes next, has another
// type than the field is known with: its reader may know more, and an answer
// that has nothing else is none. Of requests, and of nothing, nothing is kept.
func (r *reader) unread(to *Extra) {
	from := r.Pos
	key := r.key
	if r.skip(); !r.answer || r.err != nil {
		return
	}
	switch value := bytes.TrimSpace(r.Data[from:r.Pos]); string(value) {
	case "null", "false", `""`, "[]", "{}":
	default:
		r.Pos, r.key = from, key
		r.extra(to)
	}
}

// pieceOr is piece for a field that stays among the unknown ones where it is no
// text.
func (r *reader) pieceOr(extra *Extra) string {
	switch r.next() {
	case '"':
		return r.piece()
	case 'n': // null, as in most answers
		r.skip()
	default:
		r.unread(extra)
	}
	return ""
}

// quoted reads a text as JSON: in is a reader of what it holds, at the place
// behind it. r itself stays in front of the text.
func (r *reader) quoted() (in reader, at int) {
	from := r.Pos
	raw, escaped := r.rawText()
	if at = r.Pos; escaped {
		raw = jsontext.Unescape(raw, r.halves)
	}
	if r.err == nil {
		r.Pos = from
	}
	in = answerReader(raw)
	in.halves, in.room = r.halves, nil
	return in, at
}
