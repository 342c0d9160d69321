package jsontext

import (
	"bytes"
	"math/bits"
)

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
