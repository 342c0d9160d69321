package ollama

import (
	"encoding/json"
	"strconv"

	"github.com/llmagg/llmagg/core/internal/jsontext"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/wire"
)

// This file reads calls. Ollama sends each whole, its arguments as an object;
// gateways that translate a stream to its format send them in pieces, as texts,
// which the accumulator joins.

// made is a call that an answer made, or a piece of one.
type made struct {
	id, name  string
	index     int // -1 for none
	arguments json.RawMessage
}

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

// call is a call, or a piece of one, as a delta. What has a name gets an id of
// its own where the server gives it none; the accumulator tells which of them
// are pieces of one call. A call that is whole is nobody's piece, whatever its
// index says.
func (s *stream) call(made *made) llm.ToolCall {
	arguments, whole := text(made.arguments)
	c := llm.ToolCall{Index: made.index, ID: made.id, Function: llm.FunctionCall{Name: made.name, Arguments: arguments}}
	switch {
	case made.name == "":
		if made.arguments == nil {
			c.Function.Arguments = ""
		}
		return c
	case whole:
		c.Index = -1
	}
	if c.Type = "function"; c.ID == "" {
		c.ID = "call_" + s.ids + "_" + strconv.Itoa(s.calls)
	}
	s.calls++
	return c
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
	return wire.ArgumentsOf(arguments), true
}
