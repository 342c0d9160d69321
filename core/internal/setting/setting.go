// Package setting describes what a caller may set, an option of a call or a key
// of the configuration, and reads its value from JSON text.
//
// It imports core/internal/shown. Its main type is [Setting].
package setting

import (
	"fmt"
	"strconv"
	"time"

	"github.com/llmagg/llmagg/core/internal/shown"
)

// Setting describes one name that a caller may set: an option of a call, a key
// of the configuration, or a field of a request. The tables of settings are
// what is read and checked by, and what documents are made from.
type Setting struct {
	Name    string `json:"name"`
	Type    string `json:"type"` // "integer", "number", "seconds", "bytes", "text", "bool", "object", "array", …
	Default string `json:"default,omitempty"`
	Meaning string `json:"meaning,omitempty"`
	// Group is the object in which a key of the configuration stands:
	// "auth", "breaker", "retry", "rate" or "limits"; "" for a model's own keys.
	Group string `json:"group,omitempty"`
	// Internal settings are for bindings and for the C ABI's streams.
	Internal bool `json:"internal,omitempty"`
}

// MostCount is the most that a count or a number of bytes can be set to: more
// is a mistake, and would not fit everywhere.
const MostCount = 1 << 40

// mostSeconds are ten years.
const mostSeconds = 10 * 365 * 86400

// Bound is the end of a message about a number that is above most; "" if it is
// not.
func Bound(n, most float64) string {
	if n > most {
		return " and at most " + strconv.FormatFloat(most, 'f', -1, 64)
	}
	return ""
}

// Integer reads an integer, at least least.
func Integer(key string, v []byte, least int) (int, error) {
	n, err := strconv.Atoi(string(v))
	if err != nil || n < least || n > MostCount {
		return 0, fmt.Errorf("%q is %s; expected an integer, at least %d%s", key, shown.Value(v), least, Bound(float64(n), MostCount))
	}
	return n, nil
}

// Money reads an amount of money, which may be 0.
func Money(key string, v []byte) (*float64, error) {
	n, err := strconv.ParseFloat(string(v), 64)
	if err != nil || !(n >= 0) || n > MostCount {
		return nil, fmt.Errorf("%q is %s; expected a number that is not negative%s, such as 0.15", key, shown.Value(v), Bound(n, MostCount))
	}
	return &n, nil
}

// Seconds reads a time in seconds: positive, finite, at most 10 years.
func Seconds(key string, v []byte) (time.Duration, error) {
	s, err := strconv.ParseFloat(string(v), 64)
	if err != nil || !(s > 0) || s > mostSeconds {
		return 0, fmt.Errorf("%q is %s; expected seconds, a number greater than 0%s, such as 1.5", key, shown.Value(v), Bound(s, mostSeconds))
	}
	return max(time.Duration(s*float64(time.Second)), 1), nil
}
