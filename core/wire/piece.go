package wire

import (
	"cmp"
	"encoding/json"

	"github.com/llmagg/llmagg/core/failure"
	"github.com/llmagg/llmagg/core/llm"
)

// Placeless finds pieces of an answer in the events of one stream that are no
// pieces of its format. A stream in which one is passed over has a hole (S4).
type Placeless struct{ behind string }

// Find gives an error for an event that has such a piece. After the end some
// servers send all the text once more: that is one only where the answer goes
// on behind it.
func (p *Placeless) Find(c *llm.Chunk, data []byte, ended bool) error {
	if len(c.Choices) > 0 {
		if p.behind != "" && c.Text() != "" {
			return llm.Errorf(llm.BadResponse, "the answer goes on behind an event with text in its field %q", p.behind)
		}
		return nil
	}
	if len(c.Extra) == 0 {
		return nil
	}
	field := pieceIn(c.Extra, data)
	if ended && field != "choices" {
		p.behind = cmp.Or(field, p.behind)
		return nil
	}
	if field == "" {
		return nil
	}
	e := llm.Errorf(llm.BadResponse, "it is no piece of the answer's format, but has text in its field %q%s", field, failure.FieldsOf(c.Extra))
	if said := failure.SaidIn(c.Extra); said != "" {
		e.Message += "; the server said: " + said
	}
	return e
}

// pieceIn is the field of an event that holds a piece of the answer, as another
// format has it; "" for none. Other events have texts, too: where one says what
// it is, that has to be a text.
func pieceIn(fields llm.Extra, data []byte) string {
	for _, name := range [...]string{"choices", "choice", "delta", "candidates", "tool_calls", "function_call"} {
		if says(fields[name]) {
			return name
		}
	}
	if failure.IsAside(data) {
		return ""
	}
	if name := failure.TextIn(data); name != "" {
		return name
	}
	for _, name := range [...]string{"token", "result", "reply", "chunk", "generation"} {
		if failure.SaysSomething(fields[name]) && HasText(fields[name]) { // no "ok"
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
