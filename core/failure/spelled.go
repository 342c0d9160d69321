package failure

import (
	"strconv"
	"strings"
)

// spelled is a text with its escapes read: those of JSON, also inside another
// JSON text (\u0041, \\u0041, \/), of URLs (%41) and of HTML (&#65; &amp;).
type spelled struct {
	text   string
	starts []int // of each byte of text, where it begins in what was read
	ends   []int // and where it ends
}

// readSpelled reads the escapes of a text. What is none stays.
func readSpelled(raw string) spelled {
	s := spelled{starts: make([]int, 0, len(raw)), ends: make([]int, 0, len(raw))}
	var out strings.Builder
	out.Grow(len(raw))
	for at := 0; at < len(raw); {
		char, length := escape(raw[at:])
		if length == 0 {
			char, length = raw[at:at+1], 1
		}
		for range len(char) {
			s.starts, s.ends = append(s.starts, at), append(s.ends, at+length)
		}
		out.WriteString(char)
		at += length
	}
	s.text = out.String()
	return s
}

// escape reads the escape that a text begins with; its length is 0 without one.
func escape(text string) (char string, length int) {
	switch text[0] {
	case '\\':
		slashes := len(text) - len(strings.TrimLeft(text, `\`))
		rest := text[slashes:]
		switch {
		case len(rest) > 4 && rest[0] == 'u':
			if n, err := strconv.ParseUint(rest[1:5], 16, 16); err == nil {
				return string(rune(n)), slashes + 5
			}
		case rest != "" && (rest[0] == '/' || rest[0] == '"' || rest[0] == '\''):
			return rest[:1], slashes + 1
		}
		// Backslashes of the text itself: each was doubled by every writer.
		return `\`, slashes
	case '%':
		if len(text) > 2 {
			if n, err := strconv.ParseUint(text[1:3], 16, 8); err == nil {
				return string([]byte{byte(n)}), 3
			}
		}
	case '&':
		name, _, closed := strings.Cut(text[1:min(len(text), longestEntity+1)], ";")
		if char, known := entity(name); closed && known {
			return char, len(name) + 2
		}
	}
	return "", 0
}

// maskSpelled masks a secret of whose characters some, or all, are escaped.
func maskSpelled(raw, secret string) string {
	s := readSpelled(raw)
	var out strings.Builder
	kept, at := 0, 0
	for {
		i := strings.Index(s.text[at:], secret)
		if i < 0 {
			break
		}
		at += i
		from, to := s.starts[at], s.ends[at+len(secret)-1]
		if from >= kept {
			out.WriteString(raw[kept:from])
			out.WriteString("***")
			kept = to
		}
		at += len(secret)
	}
	if cut := spelledCut(s, secret); cut >= kept {
		out.WriteString(raw[kept:cut])
		return out.String() + "***…"
	}
	if kept == 0 {
		return raw
	}
	out.WriteString(raw[kept:])
	return out.String()
}

// spelledCut is where the beginning of a secret starts in which a text was cut
// off, -1 without one. The cut may be within an escape.
func spelledCut(s spelled, secret string) int {
	head, ok := strings.CutSuffix(s.text, "…")
	if !ok {
		return -1
	}
	if i := strings.LastIndexAny(head, `\%&`); i >= 0 && len(head)-i < longestEntity {
		head = head[:i]
	}
	for n := min(len(secret)-1, len(head)); n >= 4; n-- {
		if strings.HasSuffix(head, secret[:n]) {
			return s.starts[len(head)-n]
		}
	}
	return -1
}
