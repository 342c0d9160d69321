package failure

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// OneLine makes one line of a text that a server wrote, at most MaxMessage
// bytes of it, cut between two characters: runs of white space are one blank,
// and what would move a cursor, change a direction or cannot be seen is
// replaced (E2). So no text of a server forges a line of a trail or a log.
func OneLine(text string) string {
	if clean(text) {
		return text
	}
	// White space may shrink, so more than a message is looked at, but never
	// all of what a server sends.
	if most := 8 * MaxMessage; len(text) > most {
		text = text[:most] + "…"
	}
	var out strings.Builder
	blank := false
	for _, r := range text {
		if unicode.IsSpace(r) || unicode.Is(unicode.Z, r) {
			blank = out.Len() > 0
			continue
		}
		if blank {
			out.WriteByte(' ')
			blank = false
		}
		if hidden(r) {
			r = utf8.RuneError
		}
		out.WriteRune(r)
	}
	return clip([]byte(out.String()), MaxMessage)
}

// clean tells whether a text is one short line already, as most are.
func clean(text string) bool {
	if len(text) > MaxMessage {
		return false
	}
	for i := range len(text) {
		if c := text[i]; c < ' ' || c >= 0x7f || c == ' ' && (i == 0 || i == len(text)-1 || text[i-1] == ' ') {
			return false
		}
	}
	return true
}

// hidden tells whether a character is one of control or of format: escapes,
// direction marks, joiners of no width, byte order marks, tags.
func hidden(r rune) bool {
	switch {
	case r < 0x20, 0x7f <= r && r < 0xa0:
		return true
	case r < 0xad:
		return false
	}
	return unicode.Is(unicode.Cf, r) || 0xfff0 <= r && r <= 0xfffb || 0xe0000 <= r && r <= 0xe0fff || r == 0x2065
}

// Quoted is a server's word in quotation marks, cut to MaxWord bytes.
func Quoted(word string) string { return strconv.Quote(clip([]byte(word), MaxWord)) }

// MaxWord is how many bytes of a type or code an error shows.
const MaxWord = 100
