package jsontext

import (
	"strings"
	"unicode/utf8"
)

// Servers cut texts where they like: inside the bytes of a character, or
// between the two escapes of a surrogate pair. The reader gives such halves as
// they are: bytes of UTF-8, or a surrogate written as three bytes as if it
// were a character. Here a half waits for its other half.

// Half is the beginning of a character at the end of a text; "" for none.
type Half string

// Whole tells whether a piece is a text by itself, by a look at its ends.
func (h Half) Whole(piece string) bool {
	return h == "" && (piece == "" || piece[len(piece)-1] < utf8.RuneSelf && startsWhole(piece))
}

func startsWhole(piece string) bool {
	c := piece[0]
	return c < 0x80 || c >= 0xc0 && c != 0xed
}

// Join gives the text that is whole now, and keeps what is not.
func (h *Half) Join(piece string) string {
	if h.Whole(piece) {
		return piece
	}
	text := string(*h) + piece
	*h = ""
	text = JoinSurrogates(text)
	if at := halfAt(text); at < len(text) {
		text, *h = text[:at], Half(strings.Clone(text[at:]))
	}
	return strings.ToValidUTF8(text, "\uFFFD")
}

// Flush gives up the wait.
func (h *Half) Flush() string {
	if *h == "" {
		return ""
	}
	*h = ""
	return "\uFFFD"
}

// halfAt is where half a character begins at the end of text, or its length.
func halfAt(text string) int {
	if n := len(text); n >= 3 && isSurrogate(text[n-3:], 0xa0) {
		return n - 3
	}
	for back := 1; back <= min(3, len(text)); back++ {
		at := len(text) - back
		if c := text[at]; utf8.RuneStart(c) {
			if c >= utf8.RuneSelf && !utf8.FullRuneInString(text[at:]) {
				return at
			}
			break
		}
	}
	return len(text)
}

// isSurrogate tells whether text begins with a high (kind 0xa0) or low (0xb0)
// surrogate in three bytes.
func isSurrogate(text string, kind byte) bool {
	return len(text) >= 3 && text[0] == 0xed && text[1]&0xf0 == kind && text[2]&0xc0 == 0x80
}

// JoinSurrogates makes characters of pairs.
func JoinSurrogates(text string) string {
	var joined []byte
	from := 0
	for at := 0; at < len(text); at++ {
		next := strings.IndexByte(text[at:], 0xed)
		if next < 0 {
			break
		}
		at += next
		if !isSurrogate(text[at:], 0xa0) || !isSurrogate(text[at+3:], 0xb0) {
			continue
		}
		high, low := surrogate(text[at:]), surrogate(text[at+3:])
		joined = utf8.AppendRune(append(joined, text[from:at]...), 0x10000+(high-0xd800)<<10+(low-0xdc00))
		from = at + 6
		at = from - 1
	}
	if from == 0 {
		return text
	}
	return string(append(joined, text[from:]...))
}

func surrogate(text string) rune {
	return rune(text[0]&0x0f)<<12 | rune(text[1]&0x3f)<<6 | rune(text[2]&0x3f)
}

// ValidInside makes a text valid but for halves at its ends.
func ValidInside(text string) string {
	begin, end := 0, halfAt(text)
	if isSurrogate(text, 0xb0) {
		begin = 3
	}
	for begin < min(3, end) && !utf8.RuneStart(text[begin]) {
		begin++
	}
	return text[:begin] + strings.ToValidUTF8(text[begin:end], "\uFFFD") + text[end:]
}
