package llm

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"strings"
	"unicode/utf8"

	"github.com/llmagg/llmagg/core/internal/jsontext"
)

// maxAnswerDepth is how deeply an answer may be nested.
const maxAnswerDepth = 10000

// reader reads JSON text in one pass, for answers, which are looked at field by
// field. It is strict about the syntax and lenient about types: a value of
// another type than expected is passed over and reads as the zero value, as the
// clauses on tolerance in docs/promises.md want it. Texts that it gives are
// copies.
//
//	for more := r.object(); more; more = r.nextField() {
//		switch string(r.key) { // each case reads the value, or skips it
//
// The first error stays in err and ends all loops.
type reader struct {
	jsontext.Scanner
	key  []byte // of the field whose value comes next; valid until that is read
	err  error
	room []byte // where raw values are kept

	usageRoom *Usage // for the first usage; nil for one of its own

	shared bool // what extraLike gave belongs to another object too
	strays bool // a field was kept that may hold a usage
	answer bool // what an answer has is taken however oddly it is written
	dirty  bool // data is not valid UTF-8
	halves bool // texts may begin or end inside a character: those of deltas
}

func newReader(data []byte) reader {
	return reader{Scanner: jsontext.Scanner{Data: data, Most: maxAnswerDepth}}
}

// answerReader reads an answer or a piece of one.
func answerReader(data []byte) reader {
	r := newReader(data)
	r.answer, r.Lenient, r.dirty = true, true, !utf8.Valid(data)
	return r
}

var (
	errTrailing = errors.New("unexpected text after the JSON value")
	errNoObject = errors.New("expected a JSON object")
)

// end is the error of the whole reading; text behind the value is one.
func (r *reader) end() error {
	if r.Space(); r.err == nil && r.Pos < len(r.Data) {
		r.err = errTrailing
	}
	return r.err
}

// next moves to the next token and gives its first byte, 0 at the end.
func (r *reader) next() byte {
	if r.err != nil {
		return 0
	}
	r.Space()
	return r.Peek()
}

// stop notes the first error and ends the reading.
func (r *reader) stop(err error) bool {
	if r.err == nil {
		r.err = err
	}
	return false
}

// skip moves behind the next value.
func (r *reader) skip() {
	if r.next(); r.err == nil {
		if err := r.Value(); err != nil {
			r.stop(err)
		}
	}
}

// object begins an object and moves to its first field; false if it has none,
// or if what comes is something else, which is passed over.
func (r *reader) object() bool {
	if r.next() != '{' {
		r.skip()
		return false
	}
	if err := r.Enter(); err != nil {
		return r.stop(err)
	}
	if r.Peek() == '}' {
		return r.leave()
	}
	return r.field()
}

// nextField moves behind the value that was read, to the next field.
func (r *reader) nextField() bool {
	switch r.next() {
	case ',':
		r.Pos++
		r.Space()
		return r.field()
	case '}':
		return r.leave()
	}
	return r.stop(r.Fail("expected ',' or '}'"))
}

func (r *reader) leave() bool {
	r.Pos++
	r.Depth--
	return false
}

// field reads a field's name and the colon behind it.
func (r *reader) field() bool {
	if r.Peek() != '"' {
		return r.stop(r.Fail("expected a field name in quotes"))
	}
	from := r.Pos + 1
	escaped, err := r.ScanText()
	if err != nil {
		return r.stop(err)
	}
	r.key = r.Data[from : r.Pos-1]
	if escaped {
		r.key = jsontext.Unescape(r.key, false)
	}
	r.Space()
	if r.Peek() != ':' {
		return r.stop(r.Fail("expected ':'"))
	}
	r.Pos++
	return true
}

// array begins an array and moves to its first element; false if it has none,
// or if what comes is something else, which is passed over.
func (r *reader) array() bool {
	if r.next() != '[' {
		r.skip()
		return false
	}
	if err := r.Enter(); err != nil {
		return r.stop(err)
	}
	if r.Peek() == ']' {
		return r.leave()
	}
	return true
}

// nextItem moves behind the element that was read, to the next one.
func (r *reader) nextItem() bool {
	switch r.next() {
	case ',':
		r.Pos++
		return true
	case ']':
		return r.leave()
	}
	return r.stop(r.Fail("expected ',' or ']'"))
}

// text reads a string; anything else is "".
func (r *reader) text() string { return r.textLike("") }

// textLike is text where the value probably equals one that was read before,
// which is then not copied again.
func (r *reader) textLike(before string) string {
	raw, escaped := r.rawText()
	switch {
	case escaped:
		raw = jsontext.Unescape(raw, false)
	case string(raw) == before:
		return before
	}
	if r.dirty {
		return strings.ToValidUTF8(string(raw), "\uFFFD")
	}
	return string(raw)
}

// textOrNumber is text for what some servers write as a number.
func (r *reader) textOrNumber() string {
	if c := r.next(); c < '0' || c > '9' {
		return r.text()
	}
	from := r.Field()
	if r.err != nil {
		return ""
	}
	return string(r.Data[from:r.Pos])
}

// piece reads a text that, in a delta, may begin or end inside a character:
// see [half].
func (r *reader) piece() string {
	raw, escaped := r.rawText()
	if escaped {
		raw = jsontext.Unescape(raw, r.halves)
	}
	text := string(raw)
	if !r.dirty && !(escaped && r.halves) || utf8.ValidString(text) {
		return text
	}
	if r.halves {
		return validInside(text)
	}
	return strings.ToValidUTF8(text, "\uFFFD")
}

// rawText moves behind a string and gives what is between its quotes; nil for
// anything else.
func (r *reader) rawText() (raw []byte, escaped bool) {
	if r.next() != '"' {
		r.skip()
		return nil, false
	}
	from := r.Pos + 1
	escaped, err := r.ScanText()
	if err != nil {
		r.stop(err)
		return nil, false
	}
	return r.Data[from : r.Pos-1], escaped
}

// word is text where the value is probably one of those that every answer has.
func (r *reader) word() string {
	if r.next() == '"' {
		for _, w := range words {
			if rest := r.Data[r.Pos+1:]; len(rest) > len(w) && rest[len(w)] == '"' && string(rest[:len(w)]) == w {
				r.Pos += len(w) + 2
				return w
			}
		}
	}
	return r.text()
}

// words are roles, finish reasons, objects and types.
var words = []string{"assistant", "stop", "chat.completion", "chat.completion.chunk", "function", "tool_calls", "length"}

// raw gives the next value as it stands; nil for null.
func (r *reader) raw() json.RawMessage {
	from := r.Field()
	if r.err != nil || r.Data[from] == 'n' {
		return nil
	}
	return r.keep(r.Data[from:r.Pos])
}

// span passes over the next value and says where it began.
func (r *reader) Field() int {
	r.next()
	from := r.Pos
	r.skip()
	return from
}

// keep copies a raw value, many of them into one block of memory. Numbers that
// JSON does not have become null.
func (r *reader) keep(b []byte) json.RawMessage {
	if r.Odd {
		b = jsontext.WithoutOddNumbers(b)
	}
	if r.dirty && !r.halves {
		b = validRaw(b)
	}
	if cap(r.room)-len(r.room) < len(b) {
		r.room = make([]byte, 0, max(len(b), min(roomSize, len(r.Data))))
	}
	from := len(r.room)
	r.room = append(r.room, b...)
	return r.room[from:len(r.room):len(r.room)]
}

// roomSize is how many bytes of raw values share a block.
const roomSize = 256

// extra keeps the field at hand, whose value comes next, null or not.
func (r *reader) extra(to *Extra) {
	name := fieldName(r.key)
	r.strays = r.strays || name == groqField || name == "usage"
	if r.dirty {
		name = strings.ToValidUTF8(name, "\uFFFD")
	}
	from := r.Field()
	if r.err != nil {
		return
	}
	if *to == nil {
		*to = Extra{}
	}
	(*to)[name] = r.keep(r.Data[from:r.Pos])
}

// extraLike is extra for an object whose forerunner was alike: where that had
// this one unknown field and the same value, both share the map.
func (r *reader) extraLike(to *Extra, before Extra) {
	from := r.Pos
	if *to == nil && len(before) == 1 {
		held := before[string(r.key)] // before span, which may read other keys
		if value := r.Field(); r.err == nil && bytes.Equal(held, r.Data[value:r.Pos]) {
			*to, r.shared = before, true
			r.strays = r.strays || string(r.key) == groqField
			return
		}
		r.Pos = from
	}
	if r.shared {
		*to, r.shared = maps.Clone(*to), false
	}
	r.extra(to)
}

// fieldName is the name of a field that this package does not know, without a
// copy where it is one that OpenAI's answers have.
func fieldName(key []byte) string {
	switch string(key) {
	case "service_tier":
		return "service_tier"
	case "system_fingerprint":
		return "system_fingerprint"
	case "annotations":
		return "annotations"
	case "obfuscation":
		return "obfuscation"
	}
	return string(key)
}
