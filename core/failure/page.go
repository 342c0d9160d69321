package failure

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/llmagg/llmagg/core/internal/jsontext"
	"github.com/llmagg/llmagg/core/internal/suggest"
	"github.com/llmagg/llmagg/core/internal/wordlist"
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
	text := clip(jsontext.Bare(body), maxBody)
	if !strings.HasPrefix(text, "<") {
		return "", false
	}
	switch heading = strings.TrimSpace(pageTitle(text)); {
	case heading == "":
		heading = withoutTags(withoutUnseen(text))
	case statusOfPage(heading) == 0: // CloudFront's status stands below its title
		heading += " | " + withoutTags(elementIn(text, "h1"))
	}
	return OneLine(unescape(heading)), true
}

// WordsIn is the text of a body without an error object, or a note that the
// body is not text.
func WordsIn(body []byte) string {
	body = jsontext.Bare(body)
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
func pageTitle(text string) string { return elementIn(text, "title") }

// elementIn is what the first element of that name has in it.
func elementIn(text, name string) string {
	lower := lowerASCII(text)
	for at := 0; ; {
		tag := behind(lower, at, "<"+name)
		if tag < 0 {
			return ""
		}
		if at = tag; at < len(lower) && isWord(lower[at]) { // another one's name
			continue
		}
		start := behind(lower, tag, ">")
		if start < 0 {
			return ""
		}
		length := strings.Index(lower[start:], "</"+name+">")
		if length < 0 {
			return ""
		}
		return text[start : start+length]
	}
}

// markup reads a failure in XML, as Amazon and other clouds write it, some of
// them whatever was asked for: its code stands in an element, or is the name of
// the whole. A page may have an element "code", too.
func (s *said) markup(data []byte) {
	text := clip(data, maxBody)
	root := rootOf(text)
	if root == "" || elements.Has(strings.ToLower(root)) {
		return
	}
	value := func(name string) string { return strings.TrimSpace(unescape(withoutTags(elementIn(text, name)))) }
	code, message := value("code"), value("message")
	sure := isKnown(root) || strings.HasSuffix(root, "Exception") || len(root) > len("Error") && strings.HasSuffix(root, "Error")
	if code == "" && sure {
		code = root
	}
	if code == "" || isWell(code) || len(code) > MaxWord || strings.IndexByte(code, ' ') >= 0 ||
		!sure && message == "" && httpStatus(code) == 0 && !isKnown(code) {
		return
	}
	s.strong, s.code, s.status, s.request = true, code, httpStatus(code), value("requestid")
	if s.message = message; message == "" {
		s.message = readable(data)
	}
	if !strings.Contains(s.message, code) {
		s.message = strings.TrimSuffix(code+": "+s.message, ": ")
	}
}

// elements are those of HTML with which pages and pieces of them begin.
const elements wordlist.List = "html head body title meta link style script div span p a b i em strong small center h1 h2 h3 h4 h5 h6 br hr img " +
	"pre code main section article header footer nav aside table form ul ol dl font blockquote noscript svg"

func isKnown(name string) bool {
	_, known := names.Find(suggest.Fold(name))
	return known
}

// rootOf is the name of the element that a document is.
func rootOf(text string) string {
	for {
		_, rest, found := strings.Cut(text, "<")
		if !found {
			return ""
		}
		if rest != "" && (rest[0] == '?' || rest[0] == '!') { // what stands before it
			text = rest
			continue
		}
		end := strings.IndexAny(rest, " \t\r\n/>")
		return rest[:max(end, 0)]
	}
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
	return slices.ContainsFunc(unseen[:], func(name string) bool {
		rest, ok := strings.CutPrefix(tag[1:], name)
		return ok && (rest == "" || !isWord(rest[0]))
	})
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
