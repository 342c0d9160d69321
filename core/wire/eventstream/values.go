package eventstream

import (
	"bytes"
	"io"
	"strings"
	"unicode/utf8"
)

// ValueReader reads objects that come one after the other, with line ends or
// commas between them or in a list, as if each were an event's data: JSON
// lines, and Gemini's streams without alt=sse. What stands between them, up to
// the end of its line, is an event too. Each byte is looked at once.
type ValueReader struct {
	in     io.Reader
	limits Limits
	onRead func(n int)

	buf   []byte // what has come; what stands before pos is done with
	pos   int
	at    int // how much of the value at pos has been looked at
	scan  ValueScan
	total int64
	err   error // of in; what is in buf counts before it
}

// NewValueReader makes a reader; onRead is told how many bytes have come, as
// [Decoder.OnRead] is. It may be nil.
func NewValueReader(in io.Reader, limits Limits, onRead func(int)) *ValueReader {
	return &ValueReader{in: in, limits: limits, onRead: onRead}
}

// Next gives the next value. The data is valid until the next call.
func (v *ValueReader) Next() (Event, error) {
	for {
		if data, ok := v.cut(); ok {
			return Event{Data: data}, nil
		}
		switch {
		case int64(v.at) > v.limits.EventBytes:
			return Event{}, ErrEventTooLarge
		case v.err == io.EOF && v.at > 0: // half a value
			return Event{Data: v.take()}, nil
		case v.err != nil:
			return Event{}, v.err
		}
		v.fill()
	}
}

// cut takes the next value out of the buffer, if it is whole.
func (v *ValueReader) cut() ([]byte, bool) {
	if v.at == 0 && !v.begin() {
		return nil, false
	}
	if v.buf[v.pos] == '{' {
		n, whole := v.scan.Feed(v.buf[v.pos+v.at:])
		if v.at += n; !whole {
			return nil, false
		}
		return v.take(), true
	}
	n := bytes.IndexAny(v.buf[v.pos+v.at:], "\n{")
	if n < 0 {
		v.at = len(v.buf) - v.pos
		return nil, false
	}
	v.at += n
	return v.take(), true
}

// take gives what has been looked at.
func (v *ValueReader) take() []byte {
	data := v.buf[v.pos : v.pos+v.at]
	v.pos += v.at
	v.at, v.scan = 0, ValueScan{}
	return data
}

// begin moves to where a value begins; false where more must be read to know.
func (v *ValueReader) begin() bool {
	for v.pos < len(v.buf) {
		n, more := Before(v.buf[v.pos:])
		if v.pos += n; v.pos == len(v.buf) || more && v.err == nil {
			break
		}
		switch c := v.buf[v.pos]; {
		case c == '[' && v.pos+1 == len(v.buf) && v.err == nil:
			return false
		case c == '[' && v.pos+1 < len(v.buf) && v.buf[v.pos+1]|0x20 == 'd': // [DONE]
			return true
		case c == '[', c == ']', c == ',':
			v.pos++
		default:
			return true
		}
	}
	return false
}

// between is what may stand in front of JSON: what jsontext.Bare removes.
const between = " \t\r\n\v\f\x00\x1e\u0085\u00a0\u200b\u2028\u2029\ufeff"

// Before is how many bytes in front of JSON are none of it: white space, NULs,
// byte order marks, the separator of JSON text sequences (RFC 7464). more tells
// that behind them stands the beginning of a character, maybe of another such.
func Before(data []byte) (n int, more bool) {
	for n < len(data) {
		if c := data[n]; c > ' ' && c < utf8.RuneSelf { // nearly always
			break
		}
		r, size := utf8.DecodeRune(data[n:])
		if r == utf8.RuneError || !strings.ContainsRune(between, r) {
			return n, !utf8.FullRune(data[n:])
		}
		n += size
	}
	return n, false
}

// fill reads once.
func (v *ValueReader) fill() {
	if len(v.buf) == cap(v.buf) {
		room := cap(v.buf)
		if v.pos < room/2 || room == 0 {
			room = max(minValueRead, 2*room)
		}
		to := v.buf[:0]
		if room > cap(v.buf) {
			to = make([]byte, 0, room)
		}
		v.buf = append(to, v.buf[v.pos:]...)
		v.pos = 0
	}
	n, err := v.in.Read(v.buf[len(v.buf):cap(v.buf)])
	v.buf = v.buf[:len(v.buf)+n]
	v.total += int64(n)
	if n > 0 && v.onRead != nil {
		v.onRead(n)
	}
	if v.err = err; v.total > v.limits.StreamBytes {
		v.err = ErrStreamTooLarge
	}
}

// minValueRead is the first size of a ValueReader's buffer.
const minValueRead = 4 << 10

// ValueScan finds where an object or a list ends, without a look at its
// syntax. The zero value stands before it.
type ValueScan struct {
	depth           int
	quoted, escaped bool
}

// Feed moves over data, of which a value is expected first, or goes on; whole
// says that the value ends at n.
func (s *ValueScan) Feed(data []byte) (n int, whole bool) {
	for i, c := range data {
		switch {
		case s.escaped:
			s.escaped = false
		case s.quoted:
			s.escaped = c == '\\'
			s.quoted = c != '"'
		case c == '"':
			s.quoted = true
		case c == '{', c == '[':
			s.depth++
		case c == '}', c == ']':
			s.depth--
		}
		if s.depth == 0 && !s.quoted {
			return i + 1, c == '}' || c == ']'
		}
	}
	return len(data), false
}

// IsSeveral tells whether data, which begins with an object or a list, is a
// list or has more behind its first object.
func IsSeveral(data []byte) bool {
	var s ValueScan
	n, whole := s.Feed(data)
	return whole && (data[0] == '[' || len(bytes.TrimSpace(data[n:])) > 0)
}
