package jsontext

import (
	"bytes"
	"errors"
	"fmt"
	"math/bits"
)

// MaxDepth is how deeply arrays and objects of a request or configuration may
// be nested; deeper input is INVALID_ARGUMENT in every door.
const MaxDepth = 512

// MaxAnswerDepth is how deeply an answer may be nested.
const MaxAnswerDepth = 10_000

// syntaxError says what is wrong with a JSON text and where.
type syntaxError struct {
	at   int // byte
	what string
}

func (e *syntaxError) Error() string { return fmt.Sprintf("%s at byte %d", e.what, e.at) }

// Line says in which line of a text of several lines a syntax error is.
func Line(err error, data []byte) string {
	var e *syntaxError
	if !errors.As(err, &e) || !bytes.Contains(bytes.TrimSpace(data), []byte{'\n'}) {
		return ""
	}
	return fmt.Sprintf(" in line %d", 1+bytes.Count(data[:e.at], []byte{'\n'}))
}

// Fail is an error at the current position, or that the text ends there.
func (r *Reader) Fail(what string) error {
	if r.Pos >= len(r.Data) {
		return &syntaxError{len(r.Data), "unexpected end of the JSON text"}
	}
	return &syntaxError{r.Pos, what + r.slip()}
}

// slip says what stands at the current position, if another notation has it and
// JSON has not.
func (r *Reader) slip() string {
	rest := r.Data[r.Pos:]
	switch c := rest[0]; {
	case bytes.HasPrefix(rest, []byte("\ufeff")):
		return " (remove the byte order mark there)"
	case c == 0 && r.Lenient: // of an answer
		return " (a NUL)"
	case c == 0:
		return " (a NUL: the length is that of the text without the NUL at its end, and the text is UTF-8)"
	case c == '/' || c == '#':
		return " (JSON has no comments)"
	case c == '\'':
		return " (JSON's quotes are double ones)"
	case (c == '}' || c == ']') && bytes.HasSuffix(bytes.TrimRight(r.Data[:r.Pos], " \t\r\n"), []byte{','}):
		return " (remove the comma before it)"
	case c == 'N' || c == 'T' || c == 'F':
		return " (JSON has null, true and false, no None, True, False or NaN)"
	}
	return ""
}

// Called, not inlined: 1.0 KB less of the library.
//
//go:noinline
func (r *Reader) fail(what string) bool { return r.Stop(r.Fail(what)) }

// space moves behind white space. Most JSON of machines has none: only the
// question is written out in each place.
func (r *Reader) space() {
	if r.Pos < len(r.Data) && r.Data[r.Pos] <= ' ' {
		r.spaces()
	}
}

// Called, not inlined: 27 KB less of the library.
//
//go:noinline
func (r *Reader) spaces() {
	for r.Pos < len(r.Data) && r.Data[r.Pos] <= ' ' {
		switch r.Data[r.Pos] {
		case ' ', '\t', '\n', '\r':
			r.Pos++
		default:
			return
		}
	}
}

// Peek gives the byte at the current position, 0 at the end.
func (r *Reader) Peek() byte {
	if r.Pos < len(r.Data) {
		return r.Data[r.Pos]
	}
	return 0
}

// value moves behind the value that starts at the current position.
func (r *Reader) value() bool {
	switch c := r.Peek(); {
	case c == '"':
		_, ok := r.scanText()
		return ok
	case c == '{':
		for more := r.open('}'); more; more = r.more('}') {
			if _, _, ok := r.name(); !ok {
				return false
			}
			if r.space(); !r.value() {
				return false
			}
		}
		return r.Err == nil
	case c == '[':
		for more := r.open(']'); more; more = r.more(']') {
			if r.space(); !r.value() {
				return false
			}
		}
		return r.Err == nil
	case c == 'n' && bytes.HasPrefix(r.Data[r.Pos:], null): // far more often than nan
		r.Pos += len(null)
		return true
	case r.Lenient && mayBeOdd(c) && r.scanOdd():
		return true
	case c == '-' || c >= '0' && c <= '9':
		return r.scanNumber()
	case c == 't':
		return r.literal("true")
	case c == 'f':
		return r.literal("false")
	case c == 'n':
		return r.literal("null")
	}
	return r.fail("expected a JSON value")
}

var null = []byte("null")

// open moves into an object or array, which end closes, to its first field or
// element; false if it has none.
func (r *Reader) open(end byte) bool {
	if r.depth++; r.depth > r.Most {
		return r.fail(fmt.Sprintf("nested deeper than %d levels", r.Most))
	}
	r.Pos++
	if r.space(); r.Peek() == end {
		return r.leave()
	}
	return true
}

// more moves behind the comma that follows a value, or out of the object or
// array, which end closes: then it is false.
func (r *Reader) more(end byte) bool {
	switch r.Next() {
	case ',':
		r.Pos++
		return true
	case end:
		return r.leave()
	}
	return r.fail("expected ',' or '" + string(rune(end)) + "'")
}

func (r *Reader) leave() bool {
	r.Pos++
	r.depth--
	return false
}

// name moves behind a field's name, and the colon after it; the name is given
// as it is written.
func (r *Reader) name() (raw []byte, escaped, ok bool) {
	if r.space(); r.Peek() != '"' {
		return nil, false, r.fail("expected a field name in quotes")
	}
	from := r.Pos + 1
	if escaped, ok = r.scanText(); !ok {
		return nil, false, false
	}
	raw = r.Data[from : r.Pos-1]
	if r.space(); r.Peek() != ':' {
		return nil, false, r.fail("expected ':'")
	}
	r.Pos++
	return raw, escaped, true
}

func (r *Reader) literal(word string) bool {
	if !bytes.HasPrefix(r.Data[r.Pos:], []byte(word)) {
		if bytes.HasPrefix([]byte(word), r.Data[r.Pos:]) {
			r.Pos = len(r.Data)
		}
		return r.fail("expected a JSON value (NaN and Infinity are not JSON)")
	}
	r.Pos += len(word)
	return true
}

func (r *Reader) digits() bool {
	from := r.Pos
	for r.Pos < len(r.Data) && r.Data[r.Pos] >= '0' && r.Data[r.Pos] <= '9' {
		r.Pos++
	}
	return r.Pos > from
}

// scanNumber moves behind a number.
func (r *Reader) scanNumber() bool {
	from := r.Pos
	if r.Peek() == '-' {
		r.Pos++
	}
	if r.Peek() == '0' {
		r.Pos++
	} else if !r.digits() {
		return r.fail("malformed number")
	}
	if r.Peek() == '.' {
		r.Pos++
		if !r.digits() {
			return r.fail("malformed number")
		}
	}
	if c := r.Peek(); c == 'e' || c == 'E' {
		r.Pos++
		if c := r.Peek(); c == '+' || c == '-' {
			r.Pos++
		}
		if !r.digits() {
			return r.fail("malformed number")
		}
		r.Odd = r.Odd || r.Lenient && isHuge(r.Data[from:r.Pos])
	} else if r.Pos-from > maxDigits {
		r.Odd = r.Odd || r.Lenient
	}
	return true
}

// scanText moves behind a string, whose opening quote is at the current
// position, and tells whether there are escapes in it.
func (r *Reader) scanText() (escaped, ok bool) {
	r.Pos++
	for {
		r.Pos += plainLength(r.Data[r.Pos:])
		switch r.Peek() {
		case '"':
			r.Pos++
			return escaped, true
		case '\\':
			escaped = true
			if !r.escape() {
				return true, false
			}
		default:
			return escaped, r.fail("control character in a string (write it as \\u00XX)")
		}
	}
}

func (r *Reader) escape() bool {
	r.Pos++
	switch r.Peek() {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		r.Pos++
		return true
	case 'u':
		for range 4 {
			r.Pos++
			c := r.Peek()
			if lower := c | 0x20; (c < '0' || c > '9') && (lower < 'a' || lower > 'f') {
				return r.fail("malformed \\u escape")
			}
		}
		r.Pos++
		return true
	}
	return r.fail("unknown escape in a string")
}

// around is what servers write around JSON that is none of it: white space of
// any kind, byte order marks, NULs of C's strings, the separator of JSON text
// sequences (RFC 7464).
const around = " \t\r\n\v\f\x00\x1e\u0085\u00a0\u200b\u2028\u2029\ufeff"

// Bare is a body or an event without what may stand around it. No text of an
// answer is lost: that stands in JSON.
func Bare(data []byte) []byte {
	if len(data) == 0 || data[0] != '{' || data[len(data)-1] != '}' { // as nearly all have it
		data = bytes.Trim(data, around)
	}
	return data
}

// plainLength is how many bytes at the beginning of s stand for themselves in
// a JSON string: all but quotes, backslashes and control characters. It looks
// at eight bytes at once.
func plainLength(s []byte) int {
	i := 0
	for ; i+8 <= len(s); i += 8 {
		w := uint64(s[i]) | uint64(s[i+1])<<8 | uint64(s[i+2])<<16 | uint64(s[i+3])<<24 |
			uint64(s[i+4])<<32 | uint64(s[i+5])<<40 | uint64(s[i+6])<<48 | uint64(s[i+7])<<56
		if m := special(w); m != 0 {
			return i + bits.TrailingZeros64(m)/8
		}
	}
	for ; i < len(s); i++ {
		if c := s[i]; c < 0x20 || c == '"' || c == '\\' {
			break
		}
	}
	return i
}

// special marks, by its highest bit, the lowest byte of w that is a quote, a
// backslash or a control character; bytes above it may be marked without being
// one. It is 0 where there is none.
func special(w uint64) uint64 {
	const each, high = 0x0101010101010101, 0x8080808080808080
	quote, backslash := w^each*'"', w^each*'\\'
	return ((w-each*0x20)&^w | (quote-each)&^quote | (backslash-each)&^backslash) & high
}
