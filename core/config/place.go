package config

import (
	"fmt"
	"maps"
	"strings"

	"github.com/llmagg/llmagg/core/internal/shown"
	"github.com/llmagg/llmagg/core/llm"
)

// place is where a configuration is being read: it makes the messages, and
// remembers what the environment did not have.
type place struct {
	what  string // `model "openai/gpt-4o"`
	key   string // "timeout", "breaker.open_s"
	o     *Options
	keyed string            // "api_key" or "api_keys", where the object has one of them
	unset map[string]string // by key: why its value is not known; never nil
}

func (at *place) fail(format string, args ...any) error {
	return llm.Errorf(llm.InvalidArgument, "%s: %s", at.what, fmt.Sprintf(format, args...))
}

func (at *place) wrap(err error) error {
	if err == nil {
		return nil
	}
	return at.fail("%s", llm.AsError(err).Message)
}

func (at *place) inside(key string) *place {
	inner := *at
	inner.key = key
	return &inner
}

// model is the place of a model inside its provider. A value that the provider
// lacks, since a variable is not set, is missing in the model too, unless it
// has a value of its own.
func (at *place) model(what string) *place {
	return &place{what: what, o: at.o, unset: maps.Clone(at.unset)}
}

// expand replaces ${NAME} by the environment's value, and ${NAME:-text} by text
// if NAME is not set or empty. References inside of a value are not expanded. A
// name that is not set is noted in unset.
func (at *place) expand(s string) (string, error) {
	var out strings.Builder
	for {
		before, reference, found := strings.Cut(s, "${")
		out.WriteString(before)
		if !found {
			return out.String(), nil
		}
		inner, rest, closed := strings.Cut(reference, "}")
		if !closed {
			return "", at.fail("%q holds \"${\" without \"}\"", at.key)
		}
		name, instead, optional := strings.Cut(inner, ":-")
		if inner == "" {
			return "", at.fail("%q holds \"${}\"; expected the name of an environment variable in it", at.key)
		}
		if !isVariable(name) {
			return "", at.fail("%q holds \"${…}\" with %s in it; expected the name of an environment variable, or NAME:-default", at.key, shown.Text(name))
		}
		value, ok := "", false
		if at.o.Getenv != nil {
			value, ok = at.o.Getenv(name)
		}
		switch {
		case optional && value == "":
			value = instead
		case !ok:
			at.note(fmt.Sprintf("%q refers to the environment variable %s, which is not set", at.key, shown.Bare(name)))
		}
		out.WriteString(value)
		s = rest
	}
}

func (at *place) note(why string) {
	if at.unset[at.key] == "" {
		at.unset[at.key] = why
	}
}

// isVariable tells whether a text can name an environment variable.
func isVariable(name string) bool {
	for i := range len(name) {
		c := name[i]
		if letter := c|0x20 >= 'a' && c|0x20 <= 'z' || c == '_'; !letter && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return name != ""
}
