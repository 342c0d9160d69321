package wire

import (
	"encoding/json"

	"github.com/llmagg/llmagg/core/llm"
)

// PieceIn is the field of an event without choices that holds a piece of the
// answer, as another format has it; "" for none. Fields that other events have,
// too, count only where nothing says what the event is. After the end some
// servers send all the text once more.
func PieceIn(c *llm.Chunk, ended bool) string {
	for _, name := range [...]string{"choices", "choice", "delta", "candidates"} {
		if says(c.Extra[name]) && (!ended || name == "choices") {
			return name
		}
	}
	if ended || c.Object != "" && c.Object != "chat.completion.chunk" {
		return ""
	}
	for _, name := range [...]string{"type", "event", "status"} {
		if says(c.Extra[name]) {
			return ""
		}
	}
	for _, name := range [...]string{"content", "text", "response", "token", "generated_text", "output_text"} {
		if raw := c.Extra[name]; says(raw) && raw[0] == '"' {
			return name
		}
	}
	return ""
}

// says tells whether a value is neither nothing nor empty.
func says(raw json.RawMessage) bool {
	switch string(raw) {
	case "", "null", "false", `""`, "[]", "{}":
		return false
	}
	return true
}
