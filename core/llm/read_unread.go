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
	key := r.Key
	if r.Skip(); !r.answer || r.Err != nil {
		return
	}
	switch value := bytes.TrimSpace(r.Data[from:r.Pos]); string(value) {
	case "null", "false", `""`, "[]", "{}":
	default:
		r.Pos, r.Key = from, key
		r.extra(to)
	}
}

// pieceOr is piece for a field that stays among the unknown ones where it is no
// text.
func (r *reader) pieceOr(extra *Extra) string {
	switch r.Next() {
	case '"':
		return r.Piece()
	case 'n': // null, as in most answers
		r.Skip()
	default:
		r.unread(extra)
	}
	return ""
}

// quoted reads a text as JSON: in is a reader of what it holds, at the place
// behind it. r itself stays in front of the text.
func (r *reader) quoted() (in reader, at int) {
	from := r.Pos
	raw, escaped := r.RawText()
	if at = r.Pos; escaped {
		raw = jsontext.Unescape(raw, r.Halves)
	}
	if r.Err == nil {
		r.Pos = from
	}
	in = answerReader(raw)
	in.Halves, in.Room = r.Halves, nil
	return in, at
}
