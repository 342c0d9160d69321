package llm

import (
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/llmagg/llmagg/core/internal/jsontext"
	"github.com/llmagg/llmagg/core/internal/shown"
)

// CheckHeaderValue refuses values that an HTTP header must not contain (RFC
// 9110, section 5.5), and characters that nobody sees and that come along when
// a value is copied. The error does not show the value: it may be a key.
func CheckHeaderValue(what, value string) error {
	for i, c := range value {
		switch {
		case unicode.IsControl(c) && c != '\t':
			return Errorf(InvalidArgument, "%s has the control character 0x%02x at byte %d, which an HTTP header must not contain", what, c, i)
		case unicode.Is(unicode.Cf, c) || c == utf8.RuneError:
			return Errorf(InvalidArgument, "%s has the invisible character %U at byte %d; remove it", what, c, i)
		}
	}
	return nil
}

// CheckCredential refuses what no key and no token holds: blanks, and
// characters that are not ASCII. They are pasted along with it. The error does
// not show the value.
func CheckCredential(what, value string) error {
	if err := CheckHeaderValue(what, value); err != nil {
		return err
	}
	for i, c := range value {
		switch {
		case unicode.IsSpace(c):
			return Errorf(InvalidArgument, "%s has a blank (%U) at byte %d; expected one key or token, without blanks", what, c, i)
		case c >= utf8.RuneSelf:
			return Errorf(InvalidArgument, "%s has the character %U at byte %d; expected letters, digits and signs of ASCII", what, c, i)
		}
	}
	return nil
}

// CheckName refuses control characters in the name of a provider or a model:
// names appear in URLs, logs and messages, where a line end could forge other
// content. what says whose name it is. The error is INVALID_ARGUMENT.
func CheckName(what, name string) error {
	if i := strings.IndexFunc(name, unicode.IsControl); i >= 0 {
		return Errorf(InvalidArgument, "%s %s has a control character at byte %d; expected a name on one line", what, shown.Name(name), i)
	}
	return nil
}

// headerNameBytes are the bytes of a header's name beside letters and digits
// (RFC 9110, section 5.6.2).
const headerNameBytes = "!#$%&'*+-.^_`|~"

// CheckHeaders refuses names and values that cannot stand in an HTTP header.
func CheckHeaders(headers map[string]string) error {
	if len(headers) == 0 {
		return nil
	}
	seen := make(map[string]string, len(headers))
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		if name == "" {
			return Errorf(InvalidArgument, "a header has an empty name")
		}
		for i, c := range name {
			if letter := c|0x20 >= 'a' && c|0x20 <= 'z'; letter || c >= '0' && c <= '9' || strings.ContainsRune(headerNameBytes, c) {
				continue
			}
			begins := "a header name begins with"
			if i > 0 {
				begins = "the header name " + shown.Name(name[:min(i, 40)]) + " goes on with"
			}
			return Errorf(InvalidArgument, "%s the character %q at byte %d, which HTTP does not allow there", begins, c, i) // what follows may be a value
		}
		if err := CheckHeaderValue("header "+shown.Bare(name), headers[name]); err != nil {
			return err
		}
		if strings.EqualFold(name, "Host") && strings.ContainsAny(headers[name], " /?#@\\") {
			return Errorf(InvalidArgument, "header Host is no host's name; expected a name as in llm.example.com:8080") // net/http would send another one
		}
		if other, twice := seen[strings.ToLower(name)]; twice {
			return Errorf(InvalidArgument, "two headers are named %q and %q, which is the same to HTTP; remove one of them", other, name)
		}
		seen[strings.ToLower(name)] = name
	}
	return nil
}

// IsBlank tells whether a character shows nothing: spaces of every sort, and
// what has no width.
func IsBlank(r rune) bool { return unicode.IsSpace(r) || unicode.Is(unicode.Cf, r) }

// ReadHeaders reads {name: text}; a null is a header that is not there. The
// values may be keys, so errors do not repeat them.
func ReadHeaders(v []byte) (map[string]string, error) {
	fields, err := jsontext.FieldsOf(v)
	if err != nil {
		return nil, Errorf(InvalidArgument, "\"headers\" has the wrong type; expected an object of texts, such as {\"X-Trace\": \"42\"}")
	}
	if err := shown.Twice(fields); err != nil {
		return nil, Errorf(InvalidArgument, "\"headers\" %v", err)
	}
	headers := make(map[string]string, len(fields.List))
	for _, f := range fields.List {
		var value string
		switch v := v[f.Start:f.End]; {
		case v[0] == 'n':
			continue
		case v[0] != '"' || JSON.Unmarshal(v, &value) != nil:
			return nil, Errorf(InvalidArgument, "\"headers\" has the wrong type at %s; expected an object of texts, such as {\"X-Trace\": \"42\"}", shown.Name(f.Key))
		}
		headers[f.Key] = value
	}
	return headers, nil
}
