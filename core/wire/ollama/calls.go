package ollama

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"

	"github.com/llmagg/llmagg/core/internal/jsontext"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/wire"
)

// This file reads calls. Ollama sends each whole, its arguments as an object;
// gateways that translate a stream to its format send them in pieces, as texts.

// made is a call that an answer made, or a piece of one.
type made struct {
	id, name  string
	index     int // -1 for none
	arguments json.RawMessage
}

// openCall is a call whose arguments came as a text that is no JSON yet.
type openCall struct {
	made
	number int // among the calls
}

// maxOpen is how many open calls are looked through for each piece.
const maxOpen = wire.MaxChoices

func callIn(r *jsontext.Reader) made {
	c := made{index: -1}
	for more := wire.Object(r); more; more = r.NextField() {
		switch string(r.Key) {
		case "id":
			c.id = wire.ID(r)
		case "function":
			for more := wire.Object(r); more; more = r.NextField() {
				c.field(r)
			}
		default:
			c.field(r)
		}
	}
	return c
}

// field reads a field of a function, which some servers leave out around them.
func (c *made) field(r *jsontext.Reader) {
	switch string(r.Key) {
	case "index":
		c.index = r.Index(-1)
	case "name":
		c.name = wire.Text(r)
	case "arguments", "parameters":
		c.arguments = wire.Span(r)
	}
}

// call is a call, or a piece of one, as a delta. A call has an id of its own
// where the server gives it none.
func (s *stream) call(made *made) llm.ToolCall {
	arguments, whole := text(made.arguments)
	number, again := s.numbers[made.id]
	if !again {
		number = s.calls
	}
	c := llm.ToolCall{Index: number, ID: made.id, Type: "function", Function: llm.FunctionCall{Name: made.name, Arguments: arguments}}
	if !s.whole && (!whole || made.name == "") {
		if to := s.goesOn(made, arguments); to != nil {
			c.Index, c.ID, c.Type, c.Function.Name = to.number, "", "", ""
			return c
		}
		if len(s.open) == maxOpen {
			s.open = append(s.open[:0], s.open[1:]...)
		}
		s.open = append(s.open, openCall{*made, number})
	}
	switch {
	case again: // all of it once more, or arguments in the place of none
		return c
	case c.ID == "":
		c.ID = "call_" + s.ids + "_" + strconv.Itoa(number)
	case s.numbers == nil:
		s.numbers = map[string]int{}
		fallthrough
	default:
		s.numbers[made.id] = number
	}
	s.calls++
	return c
}

// goesOn is the open call that a piece belongs to: by its id, else by its
// index, else the last one; nil for none. Another name begins another call, as
// does the same one before a text that begins like arguments.
func (s *stream) goesOn(piece *made, text string) *openCall {
	begins := piece.name != "" && piece.id == "" && (text == "" || strings.IndexByte("{[\" \t\r\n", text[0]) >= 0)
	for i := len(s.open) - 1; i >= 0; i-- {
		switch to := &s.open[i]; {
		case begins, piece.name != "" && piece.name != to.name, piece.id != "" && piece.id != to.id, piece.index >= 0 && piece.index != to.index:
		default:
			return to
		}
	}
	return nil
}

// text is a call's arguments as text, without the white space around their
// tokens; whole tells whether they are JSON. Some models are said to write them
// as a text already.
func text(arguments json.RawMessage) (written string, whole bool) {
	if len(arguments) > 0 && arguments[0] == '"' {
		r := wire.AnswerReader(arguments)
		r.Halves = true
		written = r.Piece()
		return written, json.Valid([]byte(written))
	}
	var compact bytes.Buffer
	if !wire.IsThere(arguments) || json.Compact(&compact, arguments) != nil {
		return "{}", true
	}
	return compact.String(), true
}
