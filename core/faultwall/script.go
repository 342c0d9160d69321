package faultwall

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"

	"github.com/llmagg/llmagg/core/llm"
)

// Script says how the wall (the test server) behaves, as SCRIPT.md describes.
// The zero Script is a healthy server that knows every model.
type Script struct {
	Models     map[string]Plan `json:"models,omitempty"`
	Default    *Plan           `json:"default,omitempty"`
	Health     *Plan           `json:"health,omitempty"`
	RequireKey string          `json:"require_key,omitempty"`
	Batches    *Batches        `json:"batches,omitempty"`
	Accept     Accept          `json:"accept,omitzero"`
	Down       bool            `json:"down,omitempty"`
	Options    *Options        `json:"options,omitempty"`
}

// Plan is the behaviour of one model (or of the health check).
type Plan struct {
	Steps      []Step `json:"steps,omitempty"`
	After      string `json:"after,omitempty"`
	RequireKey string `json:"require_key,omitempty"`
	Quota      *Quota `json:"quota,omitempty"`
}

// Values of Plan.After.
const (
	AfterRepeatLast = "repeat_last" // repeat the last step
	AfterLoop       = "loop"        // start again at the first step
	AfterOK         = "ok"          // healthy answers
)

// Accept says what happens to connections; see Script.Accept.
type Accept struct {
	// All holds for every connection, unless it is empty.
	All string
	// Each has one entry for each connection, in the order of their arrival.
	// Connections after the last entry are served.
	Each []string
}

// Values in Accept.
const (
	AcceptOK      = "ok"      // serve the connection
	AcceptReset   = "reset"   // reset it at once
	AcceptClose   = "close"   // close it at once
	AcceptSilence = "silence" // read nothing, answer nothing, keep it open
	AcceptGarbage = "garbage" // send bytes that are neither TLS nor HTTP, close
)

// UnmarshalJSON reads a string (All) or a list of strings (Each).
func (a *Accept) UnmarshalJSON(text []byte) error {
	*a = Accept{}
	if len(text) > 0 && text[0] == '"' {
		return llm.JSON.Unmarshal(text, &a.All)
	}
	if llm.JSON.Unmarshal(text, &a.Each) != nil {
		return mistake(text, "a string or a list of strings")
	}
	return nil
}

// MarshalJSON writes what UnmarshalJSON reads.
func (a Accept) MarshalJSON() ([]byte, error) {
	if a.All != "" {
		return llm.JSON.Marshal(a.All)
	}
	return llm.JSON.Marshal(a.Each)
}

// IsZero reports whether a is unset, so that encoding/json leaves it out.
func (a Accept) IsZero() bool { return a.All == "" && a.Each == nil }

// fate returns what happens to the n-th connection, counted from 0.
func (a Accept) fate(n int) string {
	switch {
	case a.All != "":
		return a.All
	case n < len(a.Each):
		return a.Each[n]
	}
	return AcceptOK
}

// ParseScript reads and checks a script. It refuses an unknown key, a value of
// a wrong type, and fields that contradict each other. The error says where the
// mistake is; for an unknown key it also names the nearest known key. Empty
// text gives the zero Script.
func ParseScript(text []byte) (Script, error) {
	var script Script
	if len(text) == 0 {
		return script, nil
	}
	err := json.Compact(new(bytes.Buffer), text) // its error says where the text is not valid JSON
	if err == nil {
		err = checkJSON(text, reflect.TypeFor[Script](), "")
	}
	if err != nil {
		return Script{}, fmt.Errorf("faultwall: script: %w", err)
	}
	if err := llm.JSON.Unmarshal(text, &script); err != nil {
		return Script{}, fmt.Errorf("faultwall: script: %w", err)
	}
	if err := script.check(); err != nil {
		return Script{}, err
	}
	return script, nil
}

// MustScript is ParseScript for scripts that are constants of a test: it
// panics on an error.
func MustScript(text string) Script {
	script, err := ParseScript([]byte(text))
	if err != nil {
		panic(err)
	}
	return script
}

// Set returns a pointer to v, for the optional fields of Step and Event:
// Step{Text: faultwall.Set("")}.
func Set[T any](v T) *T { return &v }
