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
	case "null", "false", `""`, "[]", "{}", "[null]", "[[]]":
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

// message reads a message, or a delta; false where the value is none, which
// then stays among the unknown fields.
func (r *reader) message(m *Message, halves bool, extra *Extra) (read bool) {
	from, key := r.Pos, r.Key
	switch r.Next() {
	case '{', '"':
		r.Halves = halves
		m.read(r)
		r.Halves = false
		return true
	case '[':
		if read = r.messages(m); read || r.Err != nil {
			return read
		}
		r.Pos, r.Key = from, key
	}
	r.unread(extra)
	return false
}

// messages reads several messages in the place of one, as servers with tools of
// their own send them, some with the conversation before: what the assistant
// says behind the last message of another role is one message.
func (r *reader) messages(m *Message) bool {
	var all Accumulator
	for more := r.Array(); more; more = r.NextItem() {
		if r.Next() != '{' {
			continue
		}
		var next Message
		if next.read(r); next.Role == "" || next.Role == RoleAssistant {
			all.Add(&Chunk{Choices: []ChunkChoice{{Delta: next}}})
		} else {
			all.Reset()
		}
	}
	if len(all.choices) == 0 {
		return false
	}
	all.Rest()
	*m = all.choices[0].choice().Message
	return true
}

// messageAmong reads the answer out of a choice's unknown field "messages",
// which only counts where the choice has no message, delta or text. A field
// that holds none stays.
func messageAmong(of *Extra, m *Message, halves bool) (read bool) {
	const name = "messages"
	raw := (*of)[name]
	if len(raw) == 0 || raw[0] != '[' && raw[0] != '{' {
		return false
	}
	in := answerReader(raw)
	var beside Extra // has the field once more where it is not read
	if read = in.message(m, halves, &beside) && in.Err == nil; !read {
		*m = Message{}
	} else {
		of.take(name)
	}
	return read
}
