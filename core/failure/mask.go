package failure

import (
	"encoding/base64"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/llmagg/llmagg/core/internal/shown"
	"github.com/llmagg/llmagg/core/llm"
)

// Mask makes an error safe to show: its texts are one line each, and neither
// they nor the body contain a secret. e may be shared and does not change.
func Mask(e *llm.Error, secrets []string) *llm.Error {
	if e == nil {
		return e
	}
	copied := *e
	for _, text := range []*string{&copied.Message, &copied.ProviderMessage, &copied.RequestID} {
		*text = maskText(OneLine(*text), secrets)
	}
	for _, word := range []*string{&copied.Type, &copied.ProviderCode} {
		*word = maskWord(OneLine(*word), secrets)
	}
	copied.Body = maskText(copied.Body, secrets)
	if copied.Cause != nil && copied.Cause != errLimit {
		if inner, ok := copied.Cause.(*llm.Error); ok {
			copied.Cause = Mask(inner, secrets)
		} else if text := copied.Cause.Error(); maskText(text, secrets) != text {
			copied.Cause = nil
		} else if line := OneLine(text); line != text {
			copied.Cause = &cleaned{copied.Cause, line}
		}
	}
	return &copied
}

// cleaned is an error whose text was no clean line.
type cleaned struct {
	error
	line string
}

func (c *cleaned) Error() string { return c.line }

func (c *cleaned) Unwrap() error { return c.error }

// maskText masks secrets in a text, however they are spelled there, and the
// beginning of one in which the text was cut off.
func maskText(text string, secrets []string) string {
	for _, secret := range secrets {
		text = maskCut(strings.ReplaceAll(text, secret, "***"), secret)
	}
	if !strings.ContainsAny(text, `\%&`) {
		return text
	}
	for _, secret := range secrets {
		text = maskSpelled(text, secret)
	}
	return text
}

// maskWord masks secrets in a word for programs, a type or a code. Programs
// compare it, so a short secret that is a part of a longer word is left: with
// the secret "openai", "openai_error" stays.
func maskWord(word string, secrets []string) string {
	for _, secret := range secrets {
		if len(secret) >= longSecret {
			word = maskText(word, []string{secret})
			continue
		}
		for at := 0; ; {
			i := strings.Index(word[at:], secret)
			if i < 0 {
				break
			}
			i += at
			if at = i + len(secret); (i == 0 || !joins(word[i-1])) && (at == len(word) || !joins(word[at])) {
				word = word[:i] + "***" + word[at:]
				at = i + len("***")
			}
		}
	}
	return word
}

// longSecret is how long a secret is that stands in no word by chance.
const longSecret = 16

// joins tells whether a character joins the parts of a word for programs.
func joins(c byte) bool {
	return isWord(c) || 'A' <= c && c <= 'Z' || c == '-' || c == '.'
}

// maskCut masks the beginning of a secret in which clip has cut a text off.
func maskCut(text, secret string) string {
	head, ok := strings.CutSuffix(text, "…")
	if !ok {
		return text
	}
	for n := min(len(secret)-1, len(head)); n >= 4; n-- {
		if strings.HasSuffix(head, secret[:n]) {
			return head[:len(head)-n] + "***…"
		}
	}
	return text
}

// ShortestSecret is the shortest length that counts as a secret.
const ShortestSecret = 4

// HeaderSecrets are the values of headers whose names suggest a secret, and the
// parts of these values that servers repeat on their own.
func HeaderSecrets(headers map[string]string) (secrets []string) {
	add := func(s string) {
		if s = strings.Trim(s, `" `); len(s) >= ShortestSecret && !slices.Contains(secrets, s) {
			secrets = append(secrets, s)
		}
	}
	for name, value := range headers {
		if !shown.NamesSecret(name) {
			continue
		}
		add(value)
		lower := strings.ToLower(name)
		if strings.Contains(lower, "cookie") { // a=b; c=d
			for pair := range strings.SplitSeq(value, ";") {
				if _, v, ok := strings.Cut(pair, "="); ok {
					add(v)
				}
			}
			continue
		}
		// Servers repeat the token without its scheme ("Bearer …").
		scheme, rest, _ := strings.Cut(strings.TrimSpace(value), " ")
		if i := strings.LastIndexByte(value, ' '); i >= 0 {
			add(value[i+1:])
		}
		if strings.EqualFold(scheme, "basic") {
			if plain, err := base64.StdEncoding.DecodeString(strings.TrimSpace(rest)); err == nil {
				add(string(plain))
				if _, password, ok := strings.Cut(string(plain), ":"); ok {
					add(password)
				}
			}
		}
	}
	// Longer secrets first: one may hold another.
	sort.SliceStable(secrets, func(i, k int) bool { return len(secrets[i]) > len(secrets[k]) })
	return secrets
}

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
