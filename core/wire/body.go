package wire

import (
	"encoding/json"
	"slices"

	"github.com/llmagg/llmagg/core/internal/jsontext"
	"github.com/llmagg/llmagg/core/llm"
)

// This file writes the bodies of requests.

// IsThere tells whether a field has a value: it is there, and not null.
func IsThere(raw []byte) bool { return len(raw) > 0 && string(raw) != "null" }

// BodyOf makes the body of a call's request, which asks for the upstream's
// model, in a format whose answers have their usage unasked.
func BodyOf[B any](c *Call, make func(*llm.Request, *Call) (B, error)) (r *llm.Request, body B, err error) {
	c.Usage = false
	if r, err = c.Payload.Request(); err != nil {
		return nil, body, err
	}
	r.Model = c.Model
	c.prepare(r)
	body, err = make(r, c)
	return r, body, err
}

// prepare changes a request where all formats need it: calls get ids of their
// own, and instructions are what the user says where the server has refused
// them.
func (c *Call) prepare(r *llm.Request) {
	if c.Payload.Mentions(`"tool_calls"`) {
		ownIDs(r.Messages)
	}
	if slices.Contains(c.Omit, OmitSystem) {
		c.NoInstructions(r)
	}
}

// IsInstruction tells whether a message is one of the instructions.
func IsInstruction(m *llm.Message) bool {
	return m.Role == llm.RoleSystem || m.Role == llm.RoleDeveloper
}

// NoInstructions makes the instructions of a request what the user says, for a
// model that knows none. Called, not inlined, for less of the library.
//
//go:noinline
func (c *Call) NoInstructions(r *llm.Request) {
	for i := range r.Messages {
		if IsInstruction(&r.Messages[i]) {
			r.Messages[i].Role = llm.RoleUser
			c.Leave(OmitSystem)
		}
	}
}

// Body is the body of a request that writes its fields itself, in order:
// writing it by reflection took a third of the time of an attempt's request.
type Body interface{ WriteFields(o *jsontext.Object) }

// WriteBody appends a request's body as JSON, and those of the request's
// further fields that are named and there. vendor is for the error.
func WriteBody(dst []byte, body Body, vendor string, extra llm.Extra, names []string) ([]byte, error) {
	w := jsontext.Writer{Buf: dst}
	o := w.Object()
	body.WriteFields(&o)
	for _, name := range names {
		if raw := extra[name]; IsThere(raw) {
			o.Foreign(name, raw)
		}
	}
	o.End()
	if w.Err != nil {
		return dst, llm.Errorf(llm.BadRequest, "the request cannot be written for %s: %v", vendor, w.Err)
	}
	return w.Buf, nil
}

// WriteRaws writes a field that is a list of JSON texts, if there are any.
func WriteRaws(o *jsontext.Object, name string, list []json.RawMessage) {
	if len(list) > 0 {
		jsontext.WriteList(o.Field(name), list, func(raw *json.RawMessage, w *jsontext.Writer) { w.Raw(*raw) })
	}
}

// AppendField adds a field to the object that dst ends with, which has others.
func AppendField(dst []byte, name string, value []byte) []byte {
	dst = jsontext.AppendText(append(dst[:len(dst)-1], ','), name)
	return append(append(append(dst, ':'), value...), '}')
}

// OtherFields are the names of a request's further fields that are there, but
// for those that the format knows, in order.
func OtherFields(extra llm.Extra, known ...[]string) (names []string) {
	for name, raw := range extra {
		if IsThere(raw) && !slices.ContainsFunc(known, func(list []string) bool { return slices.Contains(list, name) }) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// With is an object of the caller's with a field more, unless it has that. what
// is the object's name, for errors.
func With(own []byte, what, name string, value any) ([]byte, error) {
	object := llm.Extra{}
	if IsThere(own) && llm.JSON.Unmarshal(own, &object) != nil {
		return nil, llm.Errorf(llm.BadRequest, "%s is not a JSON object", what)
	}
	if IsThere(object[name]) {
		return own, nil
	}
	object[name] = llm.JSONOf(value)
	return llm.JSONOf(object), nil
}
