package openai

import (
	"bytes"
	"encoding/json"

	"github.com/llmagg/llmagg/core/llm"
)

// This file reads answers and chunks that stand inside of another object, and
// finds pieces of an answer in events that are no chunks: a stream in which one
// is passed over has a hole (S4).

// wrappers are fields in which gateways send what they were answered.
var wrappers = [...]string{"data", "result", "response", "output", "chunk", "completion", "payload", "body"}

// wrappedIn is the object with choices in one of these fields; nil for none.
func wrappedIn(fields llm.Extra) json.RawMessage {
	for _, name := range wrappers {
		if raw := fields[name]; len(raw) > 0 && raw[0] == '{' && bytes.Contains(raw, []byte(`"choices"`)) {
			return raw
		}
	}
	return nil
}

// unwrapped is the answer with choices that stands in a field of r; nil for
// none.
func unwrapped(r *llm.Response) *llm.Response {
	raw := wrappedIn(r.Extra)
	if raw == nil {
		return nil
	}
	inside, err := llm.ReadResponse(raw)
	if err != nil || len(inside.Choices) == 0 {
		return nil
	}
	if inside.Usage == nil {
		inside.Usage = r.Usage
	}
	if inside.ID == "" {
		inside.ID = r.ID
	}
	return inside
}

// pieceIn is the field of an event without choices that holds a piece of the
// answer, "" for none. Fields that other events have too count only where
// nothing says what the event is. After the end some servers send all the text
// once more.
func pieceIn(c *llm.Chunk, ended bool) string {
	for _, name := range [...]string{"choices", "choice", "delta", "candidates"} {
		if isThere(c.Extra[name]) && (!ended || name == "choices") {
			return name
		}
	}
	if ended || c.Object != "" && c.Object != "chat.completion.chunk" {
		return ""
	}
	for _, name := range [...]string{"type", "event", "status"} {
		if isThere(c.Extra[name]) {
			return ""
		}
	}
	for _, name := range [...]string{"content", "text", "response", "token", "generated_text", "output_text"} {
		if raw := c.Extra[name]; isThere(raw) && raw[0] == '"' {
			return name
		}
	}
	return ""
}

// isThere tells whether a value is neither nothing nor empty.
func isThere(raw json.RawMessage) bool {
	switch string(raw) {
	case "", "null", "false", `""`, "[]", "{}":
		return false
	}
	return true
}
