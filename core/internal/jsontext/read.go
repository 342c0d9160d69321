package jsontext

import (
	"encoding/json"
	"strings"
	"unicode/utf8"
)

// Reader walks JSON text (RFC 8259) in one pass and reads values where they
// stand. It is strict about the syntax, says where it is wrong, and is lenient
// about types: a value of another type than expected is passed over and reads
// as the zero value. Walking allocates nothing; texts that it gives are copies.
//
//	for more := r.Object(); more; more = r.NextField() {
//		switch string(r.Key) { // what no case reads is passed over
//
// The first error stays in Err and ends all loops.
type Reader struct {
	Data  []byte
	Pos   int
	Most  int // how deep it may be
	depth int
	begin int // where the value of the field or element starts that was moved to last

	lone, numbered uint64 // objects in the place of lists that are being read, by depth: see List

	Key  []byte // of the field whose value comes next; valid until that is read
	Err  error
	Room []byte // where raw values are kept

	Lenient bool // NaN and infinities are values, however they are written
	Odd     bool // there was such a value
	Dirty   bool // Data is not valid UTF-8
	Halves  bool // texts may begin or end inside a character: those of deltas
}

// End is the error of the whole reading; text behind the value is one.
func (r *Reader) End() error {
	if r.space(); r.Err == nil && r.Pos < len(r.Data) {
		r.Err = r.Fail("unexpected text after the JSON value")
	}
	return r.Err
}

// Next moves to the next token and gives its first byte, 0 at the end.
func (r *Reader) Next() byte {
	if r.Err != nil {
		return 0
	}
	r.space()
	return r.Peek()
}

// Stop notes the first error and ends the reading.
func (r *Reader) Stop(err error) bool {
	if r.Err == nil {
		r.Err = err
	}
	return false
}

// Skip moves behind the next value.
func (r *Reader) Skip() {
	if r.Next(); r.Err == nil {
		r.value()
	}
}

// Object begins an object and moves to its first field; false if it has none,
// or if what comes is something else, which is passed over.
func (r *Reader) Object() bool {
	if r.Next() != '{' {
		r.Skip()
		return false
	}
	return r.open('}') && r.field()
}

// NextField moves to the next field, behind the last one's value, read or not.
func (r *Reader) NextField() bool {
	r.pass()
	return r.more('}') && r.field()
}

func (r *Reader) field() bool {
	raw, escaped, ok := r.name()
	if escaped {
		raw = Unescape(raw, false)
	}
	r.Key = raw
	r.space() // as arrive, without a call for each field of a chunk
	r.begin = r.Pos
	return ok
}

// arrive notes that a value comes next.
func (r *Reader) arrive() bool {
	r.space()
	r.begin = r.Pos
	return true
}

// pass moves behind a value that was not read.
func (r *Reader) pass() {
	if r.Pos == r.begin {
		r.Skip()
	}
}

// Array begins an array and moves to its first element; false if it has none,
// or if what comes is something else, which is passed over.
func (r *Reader) Array() bool {
	if r.Next() != '[' {
		r.Skip()
		return false
	}
	return r.open(']') && r.arrive()
}

// NextItem moves to the next element, behind the last one, read or not.
func (r *Reader) NextItem() bool {
	r.pass()
	if r.lone|r.numbered != 0 {
		if more, odd := r.nextOdd(); odd {
			return more
		}
	}
	return r.more(']') && r.arrive()
}

// Text reads a string; anything else is "".
func (r *Reader) Text() string { return r.TextLike("") }

// TextLike is text where the value probably equals one that was read before,
// which is then not copied again.
func (r *Reader) TextLike(before string) string {
	raw, escaped := r.RawText()
	switch {
	case escaped:
		raw = Unescape(raw, false)
	case string(raw) == before:
		return before
	}
	if r.Dirty {
		return strings.ToValidUTF8(string(raw), "\uFFFD")
	}
	return string(raw)
}

// TextOrNumber is text for what some servers write as a number.
func (r *Reader) TextOrNumber() string { return r.TextOrNumberLike("") }

// TextOrNumberLike is TextOrNumber as [Reader.TextLike] is [Reader.Text].
func (r *Reader) TextOrNumberLike(before string) string {
	if c := r.Next(); c < '0' || c > '9' {
		return r.TextLike(before)
	}
	from := r.Span()
	if r.Err != nil {
		return ""
	}
	return string(r.Data[from:r.Pos])
}

// Piece reads a text that, in a delta, may begin or end inside a character:
// see [Half].
func (r *Reader) Piece() string {
	raw, escaped := r.RawText()
	if escaped {
		raw = Unescape(raw, r.Halves)
	}
	text := string(raw)
	if !r.Dirty && !(escaped && r.Halves) || utf8.ValidString(text) {
		return text
	}
	if r.Halves {
		return ValidInside(text)
	}
	return strings.ToValidUTF8(text, "\uFFFD")
}

// RawText moves behind a string and gives what is between its quotes; nil for
// anything else.
func (r *Reader) RawText() (raw []byte, escaped bool) {
	if r.Next() != '"' {
		r.Skip()
		return nil, false
	}
	from := r.Pos + 1
	escaped, ok := r.scanText()
	if !ok {
		return nil, false
	}
	return r.Data[from : r.Pos-1], escaped
}

// Raw gives the next value as it stands; nil for null.
func (r *Reader) Raw() json.RawMessage {
	from := r.Span()
	if r.Err != nil || r.Data[from] == 'n' {
		return nil
	}
	return r.Keep(r.Data[from:r.Pos])
}

// Span passes over the next value and says where it began.
func (r *Reader) Span() int {
	r.Next()
	from := r.Pos
	r.Skip()
	return from
}

// KeepField keeps a field of this name, whose value comes next, null or not.
func KeepField[M ~map[string]json.RawMessage](r *Reader, name string, to *M) {
	if r.Dirty {
		name = strings.ToValidUTF8(name, "\uFFFD")
	}
	from := r.Span()
	if r.Err != nil {
		return
	}
	if *to == nil {
		*to = M{}
	}
	(*to)[name] = r.Keep(r.Data[from:r.Pos])
}

// Keep copies a raw value, many of them into one block of memory. Numbers that
// JSON does not have become null.
func (r *Reader) Keep(b []byte) json.RawMessage {
	if r.Odd {
		b = WithoutOddNumbers(b)
	}
	if r.Dirty && !r.Halves {
		b = ToValid(b)
	}
	if cap(r.Room)-len(r.Room) < len(b) {
		r.Room = make([]byte, 0, max(len(b), min(roomSize, len(r.Data))))
	}
	from := len(r.Room)
	r.Room = append(r.Room, b...)
	return r.Room[from:len(r.Room):len(r.Room)]
}

// roomSize is how many bytes of raw values share a block.
const roomSize = 256

// AppendObject appends the object that comes next with what f makes of its
// values. f appends a value, or nothing where the field is left out.
func AppendObject(dst []byte, r *Reader, f func(dst []byte, name string, value []byte) []byte) []byte {
	dst = append(dst, '{')
	for more := r.Object(); more; more = r.NextField() {
		name, from := string(r.Key), r.Span()
		if r.Err != nil {
			break
		}
		before := len(dst)
		if dst[before-1] != '{' {
			dst = append(dst, ',')
		}
		dst = append(AppendText(dst, name), ':')
		at := len(dst)
		if dst = f(dst, name, r.Data[from:r.Pos]); len(dst) == at {
			dst = dst[:before]
		}
	}
	return append(dst, '}')
}
