package exchange

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/llmagg/llmagg/core/failure"
	"github.com/llmagg/llmagg/core/llm"
)

// This file reads bodies that are not UTF-8. JSON has to be (RFC 8259, section
// 8.1), and servers that name another charset mostly send UTF-8 all the same:
// the charset counts from the first bytes on that are no UTF-8.

// charsets are the names of those that can be read (WHATWG Encoding, section
// 4.2): Latin-1 and ASCII are windows-1252.
var charsets = map[string]func([]byte, []byte) ([]byte, int){
	"iso-8859-1": windows1252, "iso8859-1": windows1252, "iso_8859-1": windows1252, "latin1": windows1252, "latin-1": windows1252, "l1": windows1252,
	"windows-1252": windows1252, "cp1252": windows1252, "x-cp1252": windows1252, "us-ascii": windows1252, "ascii": windows1252,
	"utf-16": utf16LE, "utf-16le": utf16LE, "utf-16be": utf16BE,
}

// transcode makes a body UTF-8 that is in another charset. Bytes of a charset
// that cannot be read end a good answer with an error; a failed one keeps its
// status, and they are replaced.
func transcode(resp *http.Response) {
	header := resp.Header["Content-Type"]
	if len(header) == 0 || !strings.Contains(header[0], "=") { // most have no parameters
		return
	}
	_, parameters, err := mime.ParseMediaType(header[0])
	name := strings.ToLower(strings.TrimSpace(parameters["charset"]))
	if err != nil || name == "" || name == "utf-8" || name == "utf8" {
		return
	}
	read := charsets[name]
	if read == nil && resp.StatusCode/100 != 2 {
		return
	}
	resp.Body, resp.ContentLength = &transcoder{from: resp.Body, name: name, read: read, wide: strings.HasPrefix(name, "utf-16")}, -1
}

// transcoder reads a body as UTF-8.
type transcoder struct {
	from io.ReadCloser
	name string
	read func(dst, src []byte) (out []byte, used int) // nil where nobody can
	wide bool                                         // UTF-16, which begins to count at once
	on   bool                                         // what comes is not UTF-8

	begun  bool // to read what is in no encoding
	packed int  // how many encodings that nobody has named were taken off

	in, out []byte // what has been read and not given
	room    []byte
	err     error
}

// isWide tells whether a body begins like UTF-16, which some servers do not
// name.
func isWide(head []byte) bool {
	if len(head) < 2 {
		return false
	}
	switch a, b := head[0], head[1]; {
	case hasMark(head):
		return true
	case a == 0: // or a NUL in front of JSON, or the length of a frame
		return opens(b) && (len(head) < frameHead || head[2] == 0 && head[5] > 1)
	default:
		return b == 0 && opens(a)
	}
}

// hasMark tells whether a body begins with UTF-16's byte order mark.
func hasMark(head []byte) bool {
	return len(head) > 1 && (head[0] == 0xFE && head[1] == 0xFF || head[0] == 0xFF && head[1] == 0xFE)
}

// opens tells whether JSON or an event stream may begin so.
func opens(c byte) bool { return c == '{' || c == '[' || c == 'd' || c == 'e' || c == ':' }

func newWide(from io.ReadCloser) *transcoder {
	return &transcoder{from: from, name: "utf-16", read: utf16LE, wide: true}
}

// fromWide is a whole body in UTF-16 as UTF-8.
func fromWide(data []byte) []byte {
	t := newWide(nil)
	t.err = io.EOF
	out, _ := t.convert(make([]byte, 0, len(data)), data)
	return out
}

// asBody is a copy of the BAD_RESPONSE for a body that nobody can read, nil for
// any other error.
func asBody(err error) *llm.Error {
	var e *llm.Error
	if !errors.As(err, &e) || e.Code != llm.BadResponse {
		return nil
	}
	of := *e
	return &of
}

func (t *transcoder) Close() error { return t.from.Close() }

func (t *transcoder) Read(p []byte) (int, error) {
	for len(t.out) == 0 {
		if t.err != nil {
			return 0, t.err
		}
		if t.room == nil {
			t.room = make([]byte, firstRead)
		}
		n, err := t.from.Read(t.room[:max(min(len(p), firstRead), 1)])
		if !t.begun && t.packed < maxEncodings && isPacked(t.room[:n]) {
			t.from = repacked(t.room[:n], t.from)
			t.packed++
			continue
		}
		t.begun = true
		t.in, t.err = append(t.in, t.room[:n]...), err
		t.out, t.in = t.convert(t.out[:0], t.in)
		if t.err != nil && len(t.in) > 0 { // a character that is cut
			t.out, t.in = utf8.AppendRune(t.out, utf8.RuneError), nil
		}
	}
	n := copy(p, t.out)
	t.out = t.out[n:]
	return n, nil
}

// convert appends what of src is whole; rest is the beginning of a character.
func (t *transcoder) convert(dst, src []byte) (out, rest []byte) {
	if t.wide && !t.on && len(src) > 1 {
		t.on = true
		switch head := [2]byte{src[0], src[1]}; {
		case head == [2]byte{0xFE, 0xFF} || head[0] == 0 && head[1] != 0:
			t.read = utf16BE
		case head == [2]byte{0xFF, 0xFE} || head[1] == 0 && head[0] != 0:
			t.read = utf16LE
		case head[0] < utf8.RuneSelf && head[1] < utf8.RuneSelf, head == [2]byte{0xEF, 0xBB}: // it is UTF-8
			t.on, t.wide, t.read = false, false, nil
		}
	}
	if !t.on && !t.wide {
		n := validPrefix(src)
		dst, src = append(dst, src[:n]...), src[n:]
		switch {
		case len(src) == 0 || !utf8.FullRune(src) && t.err == nil:
			return dst, src
		case t.read == nil:
			if t.err == nil || t.err == io.EOF {
				t.err = llm.Errorf(llm.BadResponse, "the answer is in the charset %s, which is not supported; expected UTF-8", failure.Quoted(t.name))
			}
			return dst, nil
		}
		t.on = true
	}
	if t.on {
		var used int
		dst, used = t.read(dst, src)
		src = src[used:]
	}
	return dst, src
}

// validPrefix is how many bytes of data are whole characters of UTF-8.
func validPrefix(data []byte) (n int) {
	for n < len(data) {
		if data[n] < utf8.RuneSelf {
			n++
			continue
		}
		r, size := utf8.DecodeRune(data[n:])
		if r == utf8.RuneError && size <= 1 {
			break
		}
		n += size
	}
	return n
}

// upper are the characters of windows-1252 from 0x80 to 0x9F; those after them
// are Latin-1's.
const upper = "\u20ac\u0081\u201a\u0192\u201e\u2026\u2020\u2021\u02c6\u2030\u0160\u2039\u0152\u008d\u017d\u008f" +
	"\u0090\u2018\u2019\u201c\u201d\u2022\u2013\u2014\u02dc\u2122\u0161\u203a\u0153\u009d\u017e\u0178"

var upperRunes = []rune(upper)

func windows1252(dst, src []byte) ([]byte, int) {
	for _, c := range src {
		r := rune(c)
		if c >= 0x80 && c <= 0x9F {
			r = upperRunes[c-0x80]
		}
		dst = utf8.AppendRune(dst, r)
	}
	return dst, len(src)
}

func utf16LE(dst, src []byte) ([]byte, int) { return wide(dst, src, 1, 0) }
func utf16BE(dst, src []byte) ([]byte, int) { return wide(dst, src, 0, 1) }

// wide reads UTF-16 whose units have their high and low bytes at these places.
func wide(dst, src []byte, high, low int) ([]byte, int) {
	unit := func(at int) rune { return rune(src[at+high])<<8 | rune(src[at+low]) }
	used := 0
	for used+1 < len(src) {
		r := unit(used)
		size := 2
		if r >= 0xD800 && r < 0xDC00 { // the first half of a pair
			if used+3 >= len(src) {
				break
			}
			if pair := utf16.DecodeRune(r, unit(used+2)); pair != utf8.RuneError {
				r, size = pair, 4
			}
		}
		if r != 0xFEFF || used > 0 {
			dst = utf8.AppendRune(dst, r)
		}
		used += size
	}
	return dst, used
}
