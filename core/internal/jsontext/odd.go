package jsontext

import (
	"bytes"
	"encoding/json"
	"strconv"
)

// Numbers that JSON does not have are written into JSON all the same: NaN,
// Infinity and -Infinity by Python and JavaScript, nan, -nan, inf and -inf by
// whatever prints with C's printf, -nan(ind) by Microsoft's, +Inf by Go's. A
// number that no float64 holds, such as 1e999, is JSON, but many readers refuse
// it: it counts as odd, too.

// mayBeOdd tells whether such a number may begin with c.
func mayBeOdd(c byte) bool {
	switch c {
	case 'N', 'n', 'I', 'i', '-', '+':
		return true
	}
	return false
}

// oddWords are the words for such numbers, without their sign; the longer ones
// of a kind come first.
var oddWords = []string{"nan(ind)", "nan(snan)", "nan", "infinity", "inf"}

// oddLength is the length of the odd number that data begins with, 0 if data
// begins with something else.
func oddLength(data []byte) int {
	sign := 0
	if len(data) > 0 && (data[0] == '-' || data[0] == '+') {
		sign = 1
	}
	for _, word := range oddWords {
		if end := sign + len(word); len(data) >= end && spells(data[sign:end], word) && (len(data) == end || !continues(data[end])) {
			return end
		}
	}
	return 0
}

// spells compares without regard to case; word is lower case.
func spells(data []byte, word string) bool {
	for i, c := range data {
		if 'A' <= c && c <= 'Z' {
			c |= 0x20
		}
		if c != word[i] {
			return false
		}
	}
	return true
}

// continues tells whether a word goes on with c.
func continues(c byte) bool {
	return c == '(' || c == '_' || '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z'
}

// maxDigits is the largest number of digits with which every reader takes a
// number.
const maxDigits = 300

// isHuge tells whether a number is larger than a float64 can be.
func isHuge(number []byte) bool {
	if len(number) > maxDigits {
		return true
	}
	at := bytes.IndexAny(number, "eE")
	if at < 0 || len(number)-at < len("e308") || number[at+1] == '-' {
		return false
	}
	_, err := strconv.ParseFloat(string(number), 64)
	return err != nil
}

// scanOdd moves behind an odd number, if there is one.
func (r *Reader) scanOdd() bool {
	n := oddLength(r.Data[r.Pos:])
	r.Pos += n
	r.Odd = r.Odd || n > 0
	return n > 0
}

// WithoutOddNumbers gives JSON text in which NaN, infinities and numbers that
// are too large for a float64 are null.
func WithoutOddNumbers(data []byte) []byte {
	var clean []byte
	from := 0
	for at := 0; at < len(data); at++ {
		c := data[at]
		if c == '"' {
			r := Reader{Data: data, Pos: at}
			if _, ok := r.scanText(); !ok {
				return data
			}
			at = r.Pos - 1
			continue
		}
		n, odd := 0, false
		if mayBeOdd(c) {
			n = oddLength(data[at:])
			odd = n > 0
		}
		if !odd && (c == '-' || '0' <= c && c <= '9') {
			n = len(data[at:]) - len(bytes.TrimLeft(data[at:], "0123456789-+.eE"))
			odd = isHuge(data[at:at+n]) && json.Valid(data[at:at+n])
		}
		if odd {
			clean = append(append(clean, data[from:at]...), "null"...)
			from = at + n
		}
		at += max(n, 1) - 1
	}
	if from == 0 {
		return data
	}
	return append(clean, data[from:]...)
}

// WithoutControls gives JSON text in which control characters inside of strings
// are escaped: programs that put JSON together by hand write line ends and tabs
// there as they are, and nothing else can be meant. Text without any is given
// back as it is.
func WithoutControls(data []byte) []byte {
	const digits = "0123456789abcdef"
	var clean []byte
	from, quoted, escaped := 0, false, false
	for at, c := range data {
		switch {
		case escaped:
			escaped = false
		case !quoted:
			quoted = c == '"'
		case c == '"':
			quoted = false
		case c == '\\':
			escaped = true
		case c < ' ':
			clean = append(append(clean, data[from:at]...), '\\', 'u', '0', '0', digits[c>>4], digits[c&15])
			from = at + 1
		}
	}
	if from == 0 {
		return data
	}
	return append(clean, data[from:]...)
}
