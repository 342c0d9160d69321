package faultwall

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"

	"github.com/llmagg/llmagg/core/internal/suggest"
	"github.com/llmagg/llmagg/core/llm"
)

// Event is one item of Step.Events. In JSON it is a string (sent as data as it
// is: "[DONE]"), an object whose keys are all known here (a described event),
// or any other object, which is sent as data itself. {"data": …} forces the
// last meaning. In Go set the fields; what is sent is one of Raw, RawB64,
// Comment, Data or a described chunk, after DelayS and Hold.
type Event struct {
	Data    any     `json:"data,omitempty"`
	Name    string  `json:"event,omitempty"`
	ID      string  `json:"event_id,omitempty"`
	Raw     string  `json:"raw,omitempty"`
	RawB64  []byte  `json:"raw_b64,omitempty"`
	Comment *string `json:"comment,omitempty"`
	DelayS  float64 `json:"delay_s,omitempty"`
	Hold    string  `json:"hold,omitempty"`
	Times   int     `json:"times,omitempty"`

	// The rest describes a well-formed chunk of the request's wire format.

	Role         string          `json:"role,omitempty"`
	Text         *string         `json:"text,omitempty"`
	Reasoning    *string         `json:"reasoning,omitempty"`
	Refusal      *string         `json:"refusal,omitempty"`
	ToolCall     *ToolCallDelta  `json:"tool_call,omitempty"`
	FinishReason string          `json:"finish_reason,omitempty"`
	Usage        json.RawMessage `json:"usage,omitempty"`
	Index        int             `json:"choice,omitempty"`
}

// ToolCallDelta is a piece of a tool call in a stream.
type ToolCallDelta struct {
	Index     int    `json:"index"`
	ID        string `json:"id,omitempty"`
	Name      string `json:"name,omitempty"`
	Arguments string `json:"arguments,omitempty"`
}

// UnmarshalJSON reads the forms named above.
func (e *Event) UnmarshalJSON(text []byte) error {
	*e = Event{}
	text = bytes.TrimSpace(text)
	var keys map[string]json.RawMessage
	if llm.JSON.Unmarshal(text, &keys) != nil || keys == nil {
		data, err := stringOrRaw(bytes.Clone(text))
		e.Data = data
		return err
	}
	known := keysOf(reflect.TypeFor[Event]())
	described := len(keys) > 0
	for key := range keys {
		if _, ok := known[key]; !ok {
			described = false
		}
	}
	if !described {
		return e.literal(keys, known, text)
	}
	type plain Event
	shadow := struct {
		*plain
		Data  written `json:"data"`
		Usage written `json:"usage"`
	}{plain: (*plain)(e)}
	if err := checkObject(text, "", known, nil); err != nil {
		return err
	}
	if err := llm.JSON.Unmarshal(text, &shadow); err != nil {
		return err
	}
	e.Usage = json.RawMessage(shadow.Usage)
	if shadow.Data != nil {
		data, err := stringOrRaw(json.RawMessage(shadow.Data))
		e.Data = data
		return err
	}
	return nil
}

// literal takes an object that is data itself; one with a single key that looks
// like a known one misspelt is refused.
func (e *Event) literal(keys map[string]json.RawMessage, known map[string]reflect.Type, text []byte) error {
	if len(keys) == 1 {
		for key := range keys {
			near := suggest.Nearest(key, slices.Collect(maps.Keys(known)), min(2, len(key)/3))
			if near != "" {
				return fmt.Errorf("unknown key %q; did you mean %q? (to send the object itself, write {\"data\": …})", key, near)
			}
		}
	}
	e.Data = json.RawMessage(bytes.Clone(text))
	return nil
}

// MarshalJSON writes a described event, or {"data": …}.
func (e Event) MarshalJSON() ([]byte, error) {
	type plain Event
	return llm.JSON.Marshal(plain(e))
}

// isChunk reports whether e describes a chunk of the request's wire format.
func (e *Event) isChunk() bool {
	return e.Role != "" || e.Text != nil || e.Reasoning != nil || e.Refusal != nil ||
		e.ToolCall != nil || e.FinishReason != "" || e.Usage != nil
}

// isPause reports whether e sends nothing.
func (e *Event) isPause() bool {
	return !e.isChunk() && e.Data == nil && e.Raw == "" && e.RawB64 == nil && e.Comment == nil
}
