package openai

import (
	"bytes"
	"cmp"
	"encoding/json"
	"strings"

	"github.com/llmagg/llmagg/core/internal/jsontext"
	"github.com/llmagg/llmagg/core/llm"
)

// This file reads answers and chunks that stand inside of another object, and
// finds pieces of an answer in events that are no chunks: a stream in which one
// is passed over has a hole (S4).

// wrappedIn is the object with choices in one of the fields, or in its text;
// nil for none. Gateways send what they were answered as "data", "result",
// "output" and under other names.
func wrappedIn(fields llm.Extra) json.RawMessage {
	for _, name := range jsontext.NamesOf(fields) {
		if raw := fields[name]; len(raw) > 0 && raw[0] == '{' && bytes.Contains(raw, []byte(`"choices"`)) {
			return raw
		} else if len(raw) > 0 && raw[0] == '"' && bytes.Contains(raw, []byte(`\"choices\"`)) {
			var text string
			if llm.JSON.Unmarshal(raw, &text) == nil && strings.HasPrefix(text, "{") {
				return json.RawMessage(text)
			}
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
	inside.Usage = cmp.Or(inside.Usage, r.Usage)
	inside.ID, inside.Model = cmp.Or(inside.ID, r.ID), cmp.Or(inside.Model, r.Model)
	return inside
}

// wrapped is the chunk that stands in a field of outer.
func (s *stream) wrapped(name string, inside json.RawMessage, outer *llm.Chunk) (*llm.Chunk, error) {
	c, err := s.Chunk(name, inside)
	if c != nil {
		c.Usage = cmp.Or(c.Usage, outer.Usage)
		c.ID, c.Model = cmp.Or(c.ID, outer.ID), cmp.Or(c.Model, outer.Model)
	}
	return c, err
}
