package jsontext

import (
	"bytes"
	"unicode/utf16"
	"unicode/utf8"
)

// Unescape gives the text of a string whose syntax has been checked. Halves of
// surrogate pairs read as U+FFFD, as in encoding/json, or, for halves, as they
// are: see the Piece of core/llm.
func Unescape(raw []byte, halves bool) []byte {
	text := make([]byte, 0, len(raw))
	for {
		i := bytes.IndexByte(raw, '\\')
		if i < 0 {
			return append(text, raw...)
		}
		text = append(text, raw[:i]...)
		c := raw[i+1]
		raw = raw[i+2:]
		switch c {
		case 'b':
			text = append(text, '\b')
		case 'f':
			text = append(text, '\f')
		case 'n':
			text = append(text, '\n')
		case 'r':
			text = append(text, '\r')
		case 't':
			text = append(text, '\t')
		case 'u':
			char := codeUnit(raw)
			raw = raw[4:]
			if utf16.IsSurrogate(char) {
				pair := rune(utf8.RuneError)
				if len(raw) >= 6 && raw[0] == '\\' && raw[1] == 'u' {
					pair = utf16.DecodeRune(char, codeUnit(raw[2:]))
				}
				switch {
				case pair != utf8.RuneError:
					char, raw = pair, raw[6:]
				case halves:
					text = append(text, 0xe0|byte(char>>12), 0x80|byte(char>>6)&0x3f, 0x80|byte(char)&0x3f)
					continue
				default:
					char = pair
				}
			}
			text = utf8.AppendRune(text, char)
		default: // quote, backslash, slash
			text = append(text, c)
		}
	}
}

// codeUnit reads the four digits of a \u escape.
func codeUnit(raw []byte) (char rune) {
	for _, c := range raw[:4] {
		switch {
		case c <= '9':
			c -= '0'
		default:
			c = c&^0x20 - 'A' + 10
		}
		char = char<<4 | rune(c)
	}
	return char
}

// ToValid gives data with what is not UTF-8 in it replaced; data itself where
// it is valid.
func ToValid(data []byte) []byte {
	if utf8.Valid(data) {
		return data
	}
	return bytes.ToValidUTF8(data, []byte("\uFFFD"))
}
