// Package shown says what of a caller's text may stand in an error message:
// only what is known to be no secret, since a key in the wrong field must not
// come into a log.
//
// It imports core/internal/jsontext.
package shown

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/llmagg/llmagg/core/internal/jsontext"
)

// Value describes a JSON value for an error message: numbers and literals as
// they are, texts where they are plain words or numbers, the rest by its kind.
func Value(v []byte) string {
	if len(v) == 0 { // the JSON text ends where the value should be
		return "missing"
	}
	switch v[0] {
	case '"':
		r := jsontext.Reader{Data: v}
		text, escaped := r.RawText()
		if r.Err != nil {
			return "a string"
		}
		if escaped {
			text = jsontext.Unescape(text, false)
		}
		return Text(string(text))
	case '[':
		return "an array"
	case '{':
		return "an object"
	}
	if len(v) > 40 {
		return fmt.Sprintf("%s… (%d bytes)", v[:40], len(v))
	}
	return string(v)
}

// Text quotes a text that is a plain word or number, and counts the bytes
// of any other.
func Text(s string) string {
	if s == "" || len(s) <= 32 && (isWord(s) && !looksSecret(s) || isNumber(s)) {
		return strconv.Quote(s)
	}
	return fmt.Sprintf("a string of %d bytes", len(s))
}

func isWord(s string) bool {
	for i := range len(s) {
		if c := s[i] | 0x20; (c < 'a' || c > 'z') && !strings.ContainsRune(" _-.", rune(s[i])) {
			return false
		}
	}
	return true
}

// isNumber tells whether a text is a number, perhaps with a unit of one or two
// letters, as "30s".
func isNumber(s string) bool {
	s = strings.TrimSpace(s)
	digits := strings.TrimRightFunc(s, unicode.IsLetter)
	if len(s)-len(digits) > 2 || len(digits) > 12 {
		return s == "NaN" || s == "Infinity" || s == "-Infinity"
	}
	_, err := strconv.ParseFloat(strings.TrimSpace(digits), 64)
	return err == nil
}

// Name quotes the name of a field or key as the caller wrote it, cut where
// it is long. A name that looks like a key (a credential) is not repeated.
func Name(name string) string {
	switch {
	case looksSecret(name):
		return fmt.Sprintf("of %d bytes (it looks like a credential and is not shown)", len(name))
	case len(name) > 60:
		return strconv.Quote(Cut(name, 60)+"…") + fmt.Sprintf(" (%d bytes)", len(name))
	}
	return strconv.Quote(name)
}

// Bare is a name without quotes, unless it looks like a credential.
func Bare(name string) string {
	if looksSecret(name) {
		return Name(name)
	}
	return name
}

// File is the error of a file that cannot be read. Its path is not repeated
// where it looks like a credential, a key or a token in a path's place, or has
// lines, as the text of a file has. Of an absolute path the last part counts:
// folders may have long names of letters and digits.
func File(err error) string {
	var e *fs.PathError
	if !errors.As(err, &e) {
		return err.Error()
	}
	if hidden(e.Path) {
		return e.Op + " a path that looks like a credential and is not shown: " + e.Err.Error()
	}
	return e.Op + " " + Path(e.Path) + ": " + e.Err.Error()
}

// Path quotes the path of a file, unless it looks like a credential, as [File]
// judges that.
func Path(path string) string {
	if hidden(path) {
		return fmt.Sprintf("of %d bytes (it looks like a credential and is not shown)", len(path))
	}
	return strconv.Quote(path)
}

func hidden(path string) bool {
	name := path
	if strings.HasPrefix(name, "/") {
		name = name[strings.LastIndexByte(name, '/')+1:]
	}
	return looksSecret(name) || strings.ContainsAny(path, "\r\n")
}

// Cut is the beginning of a text, at most n bytes, cut between two
// characters.
func Cut(text string, n int) string {
	if len(text) <= n {
		return text
	}
	for n > 0 && !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n]
}

// secretMarks begin the keys of well-known vendors, and what carries one.
var secretMarks = []string{"sk-", "sk_", "pk-", "gsk_", "xai-", "hf_", "aiza", "bearer ", "basic ", "ghp_", "glpat-", "nvapi-", "r8_", "akia", "-----begin"}

// looksSecret tells whether a text may be a credential: a word in it begins as
// the keys of vendors do (there are files named task-1), it has an address with
// a password in it, or it is long and mixes letters and digits without being
// words.
func looksSecret(s string) bool {
	lower := strings.ToLower(s)
	for i := range len(lower) {
		if i == 0 || !isLetterOrDigit(lower[i-1]) {
			for _, mark := range secretMarks {
				if strings.HasPrefix(lower[i:], mark) {
					return true
				}
			}
		}
	}
	if strings.Contains(s, "@") {
		return true
	}
	return mixes(s)
}

func isLetterOrDigit(c byte) bool { return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' }

// mixes tells whether a text is long and mixes letters and digits without being
// words.
func mixes(s string) bool {
	run, letters, digits := 0, false, false
	for i := range len(s) {
		c := s[i]
		switch {
		case c >= '0' && c <= '9':
			digits = true
		case c|0x20 >= 'a' && c|0x20 <= 'z':
			letters = true
		default:
			run, letters, digits = 0, false, false
			continue
		}
		if run++; run >= 20 && letters && digits {
			return true
		}
	}
	return false
}

// SecretHost tells whether the name of a host or a user may be a credential in
// the wrong place. A mark counts at the beginning only, and names with dots are
// those of hosts: there are disk-1 and task-1.example.
func SecretHost(name string) bool {
	if strings.Contains(name, ".") {
		return strings.HasPrefix(name, webToken)
	}
	return marked(name) || mixes(name)
}

const webToken = "eyJ" // begins a JSON web token

// marked tells whether a text begins as keys do.
func marked(s string) bool {
	lower := strings.ToLower(s)
	return strings.HasPrefix(s, webToken) || slices.ContainsFunc(secretMarks, func(mark string) bool { return strings.HasPrefix(lower, mark) })
}

// Key tells whether a configured key can stand in no name and no address by
// chance, as "ollama" does in http://ollama:11434.
func Key(key string) bool { return len(key) >= 16 || SecretHost(key) && len(key) >= 8 }

// Without is an address or a host with *** for the keys in it.
func Without(address string, keys []string) string {
	for _, key := range keys {
		if Key(key) {
			address = strings.ReplaceAll(address, key, "***")
		}
	}
	return address
}

// Host is the name of a host that stands in a message, unless it looks like a
// credential.
func Host(name string) string {
	if SecretHost(name) {
		return fmt.Sprintf("a host of %d bytes (it looks like a credential and is not shown)", len(name))
	}
	return name
}

// Twice refuses the names that an object has more than once, as a predicate:
// all values but the last would be ignored.
func Twice(fields jsontext.Fields) error {
	if len(fields.Repeated) == 0 {
		return nil
	}
	return fmt.Errorf("has the key %s twice", Name(fields.Repeated[0]))
}
