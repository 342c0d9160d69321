package failure

import (
	"bytes"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// readable makes one line of text out of a page: its title, then what it shows.
// It is done by hand because error pages are the only thing here that would
// need the packages regexp and html: 370 KB of a shared library, and work
// whenever it is loaded.
func readable(body []byte) string {
	text := clip(body, maxBody)
	if strings.HasPrefix(strings.TrimSpace(text), "<") {
		text = unescape(pageTitle(text) + " " + withoutTags(withoutUnseen(text)))
	}
	return strings.Join(strings.Fields(text), " ")
}

// headingIn is the title of a page, or its first words where it has none;
// isPage is false for what is no page.
func headingIn(body []byte) (heading string, isPage bool) {
	text := strings.TrimSpace(clip(bytes.TrimPrefix(body, []byte("\xef\xbb\xbf")), maxBody))
	if !strings.HasPrefix(text, "<") {
		return "", false
	}
	if heading = pageTitle(text); strings.TrimSpace(heading) == "" {
		heading = withoutTags(withoutUnseen(text))
	}
	return OneLine(unescape(heading)), true
}

// WordsIn is the text of a body without an error object, or a note that the
// body is not text.
func WordsIn(body []byte) string {
	body = bytes.TrimPrefix(body, []byte("\xef\xbb\xbf"))
	switch {
	case bytes.HasPrefix(body, []byte("\x1f\x8b")), bytes.HasPrefix(body, []byte("\x1f\uFFFD")): // the second as valid UTF-8
		return "gzip, which no Content-Encoding names"
	case binary(body):
		return fmt.Sprintf("%d bytes that are not text", len(body))
	}
	return readable(body)
}

// binary tells whether a body is no text in UTF-8, by its beginning.
func binary(body []byte) bool {
	head := []rune(string(body[:min(len(body), 256)]))
	odd := 0
	for _, r := range head {
		if r == 0 {
			return true
		}
		if r == utf8.RuneError || r < ' ' && !unicode.IsSpace(r) {
			odd++
		}
	}
	return odd > 2 && odd*4 > len(head)
}

// lowerASCII keeps every byte's place, which strings.ToLower does not.
func lowerASCII(text string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, text)
}

// pageTitle is what stands between <title…> and </title>.
func pageTitle(text string) string {
	lower := lowerASCII(text)
	tag := strings.Index(lower, "<title")
	if tag < 0 {
		return ""
	}
	open := strings.IndexByte(lower[tag:], '>')
	if open < 0 {
		return ""
	}
	start := tag + open + 1
	length := strings.Index(lower[start:], "</title>")
	if length < 0 {
		return ""
	}
	return text[start : start+length]
}

var unseen = []string{"script", "style", "head"}

// withoutUnseen replaces comments and the elements that a page does not show,
// each with what is in it, by a space. It looks at each byte a bounded number
// of times: an end that was not found once is not looked for again.
func withoutUnseen(text string) string {
	lower := lowerASCII(text)
	var out strings.Builder
	kept, at := 0, 0
	noComment, noClose := false, false
	for {
		next := strings.IndexByte(lower[at:], '<')
		if next < 0 {
			break
		}
		at += next
		end := -1
		switch rest := lower[at:]; {
		case strings.HasPrefix(rest, "<!--"):
			if !noComment {
				end = behind(lower, at+len("<!--"), "-->")
				noComment = end < 0
			}
		case opensUnseen(rest):
			if !noClose {
				end = behindClose(lower, at+1)
				noClose = end < 0
			}
		}
		if end < 0 {
			at++
			continue
		}
		out.WriteString(text[kept:at])
		out.WriteByte(' ')
		kept, at = end, end
	}
	out.WriteString(text[kept:])
	return out.String()
}

// behind is the place behind the next mark, -1 without one.
func behind(text string, from int, mark string) int {
	i := strings.Index(text[from:], mark)
	if i < 0 {
		return -1
	}
	return from + i + len(mark)
}

func opensUnseen(tag string) bool {
	for _, name := range unseen {
		if rest, ok := strings.CutPrefix(tag[1:], name); ok && (rest == "" || !isWord(rest[0])) {
			return true
		}
	}
	return false
}

// behindClose is the place behind the next closing tag of an unseen element.
func behindClose(text string, from int) int {
	for {
		if from = behind(text, from, "</"); from < 0 {
			return -1
		}
		for _, name := range unseen {
			if strings.HasPrefix(text[from:], name+">") {
				return from + len(name) + 1
			}
		}
	}
}

func isWord(b byte) bool { return 'a' <= b && b <= 'z' || '0' <= b && b <= '9' || b == '_' }

// withoutTags replaces each tag by a space.
func withoutTags(text string) string {
	var out strings.Builder
	for {
		before, tag, found := strings.Cut(text, "<")
		_, after, closed := strings.Cut(tag, ">")
		if !found || !closed {
			out.WriteString(text)
			return out.String()
		}
		out.WriteString(before)
		out.WriteByte(' ')
		text = after
	}
}
