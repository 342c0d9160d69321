package wire

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	"github.com/llmagg/llmagg/core/internal/jsontext"
	"github.com/llmagg/llmagg/core/llm"
)

// NativeSchema gives the call's schema as Claude takes it natively (API docs,
// "Structured outputs", JSON schema limitations), and notes what it lacks; nil
// for a model without native schemas and for a schema that says what Claude
// cannot: maps, recursion, a $ref to elsewhere.
func NativeSchema(c *Call, model string, s *llm.JSONSchema) json.RawMessage {
	native, changes := closedSchema(c, model, "response_format.", s.Schema)
	c.adaptOnce(changes)
	return native
}

// StrictTool gives the parameters of a function and whether the model keeps to
// them strictly, which it does natively or not at all (API docs, "Strict tool
// use": the limitations are those of structured outputs).
func StrictTool(c *Call, model string, f *llm.Function) (parameters json.RawMessage, strict bool) {
	parameters = Parameters(f)
	if f.Strict == nil || !*f.Strict {
		return parameters, false
	}
	native, changes := closedSchema(c, model, "tools.parameters.", parameters)
	if native == nil {
		c.adaptOnce([]string{"tools.strict: " + LeftOut})
		return parameters, false
	}
	c.adaptOnce(changes)
	return native, true
}

// adaptOnce notes changes, which several schemas may have in common.
func (c *Call) adaptOnce(changes []string) {
	for _, change := range changes {
		if !slices.Contains(c.Adapted, change) {
			c.Adapted = append(c.Adapted, change)
		}
	}
}

// omitNative names native schemas, where a server has refused one: together
// they may be too large for it ("The compiled grammar is too large"), too many,
// or unknown to it, as to some servers of other vendors.
const omitNative = "native schemas"

// NativeSchemas are suspected where a request may have some.
func NativeSchemas(c *Call) []Suspect {
	if !ClaudeOf(c.Model).Formats() || !c.Payload.Mentions(`"json_schema"`) && !c.Payload.Mentions(`"strict"`) {
		return nil
	}
	return []Suspect{{Name: omitNative, Words: []string{"grammar", "compilation", "strict", "outputconfig", "textformat"}, Named: true}}
}

// closedSchema is the schema for Claude and what it lacks there; place is where
// it stands. It is nil where the schema cannot be said natively.
func closedSchema(call *Call, model, place string, schema json.RawMessage) (native json.RawMessage, changes []string) {
	if !ClaudeOf(model).Formats() {
		return nil, nil
	}
	if slices.Contains(call.Omit, omitNative) {
		call.Leave(omitNative)
		return nil, nil
	}
	c := closer{root: schema, place: place, seen: map[string]bool{}}
	if native = c.schema(nil, schema); c.odd {
		return nil, nil
	}
	return native, c.changes
}

// closer writes a schema for Claude: each object says that it has no further
// properties. The fields keep their order, in which the model writes.
type closer struct {
	root    []byte
	place   string          // of the schema, for changes
	seen    map[string]bool // by their $ref: read to the end?
	changes []string
	odd     bool // the schema says what Claude cannot
}

// unbound are keywords that Claude refuses, or does not know, and without which
// it takes more values: the answer's reader checks them.
const unbound = " minimum maximum exclusiveMinimum exclusiveMaximum multipleOf minLength maxLength minItems maxItems uniqueItems minProperties maxProperties discriminator format "

// unsaid are keywords without which a schema is another one.
const unsaid = " patternProperties propertyNames prefixItems additionalItems contains not if then else dependencies dependentRequired dependentSchemas unevaluatedProperties unevaluatedItems $dynamicRef "

// formats are the formats of texts that Claude knows.
const formats = ` "date-time" "time" "date" "duration" "email" "hostname" "uri" "ipv4" "ipv6" "uuid" `

func (c *closer) schema(dst, raw []byte) []byte {
	fields, err := jsontext.FieldsOf(raw)
	if err != nil { // true is any value
		c.odd = true
		return dst
	}
	has := func(name string) bool { return fields.Find(name) >= 0 }
	object := has("properties")
	if i := fields.Find("type"); i >= 0 {
		object = object || bytes.Contains(raw[fields.List[i].Start:fields.List[i].End], []byte(`"object"`))
	}
	closed := has("additionalProperties")
	if object && !closed && !has("properties") || !object && !slices.ContainsFunc([]string{"type", "enum", "const", "$ref", "anyOf", "oneOf", "allOf"}, has) ||
		has("anyOf") && has("oneOf") {
		c.odd = true
	}
	dst = append(dst, '{')
	for _, f := range fields.List {
		before, name := len(dst), f.Key
		if name == "oneOf" {
			name = "anyOf"
			c.change("oneOf", name)
		}
		if dst[before-1] != '{' {
			dst = append(dst, ',')
		}
		dst = append(jsontext.AppendText(dst, name), ':')
		at := len(dst)
		if dst = c.field(dst, name, raw[f.Start:f.End]); len(dst) == at {
			dst = dst[:before]
		}
	}
	if object && !closed { // it has properties before this
		dst = append(dst, `,"additionalProperties":false`...)
	}
	return append(dst, '}')
}

// field writes the value of a keyword, or nothing for one that is left out.
func (c *closer) field(dst []byte, keyword string, value []byte) []byte {
	word := " " + keyword + " "
	switch {
	case strings.Contains(unsaid, word), keyword == "additionalProperties" && string(value) != "false",
		keyword == "allOf" && (bytes.Contains(value, []byte(`"$ref"`)) || bytes.Contains(value, []byte(`"properties"`))): // closed objects exclude each other
		c.odd = true
	case keyword == "minItems" && (string(value) == "0" || string(value) == "1"), keyword == "format" && strings.Contains(formats, " "+string(value)+" "):
	case strings.Contains(unbound, word):
		c.change(keyword, LeftOut)
		return dst
	case keyword == "$ref":
		c.follow(value)
	case keyword == "items":
		return c.schema(dst, value)
	case keyword == "anyOf", keyword == "allOf":
		return c.list(dst, value)
	case keyword == "properties", keyword == "$defs", keyword == "definitions":
		if len(value) == 0 || value[0] != '{' {
			c.odd = true
			return dst
		}
		r := jsontext.Reader{Data: value, Most: jsontext.MaxDepth}
		return jsontext.AppendObject(dst, &r, func(dst []byte, _ string, value []byte) []byte { return c.schema(dst, value) })
	}
	return append(dst, value...)
}

func (c *closer) list(dst, value []byte) []byte {
	items, err := jsontext.ItemsOf(value)
	if err != nil {
		c.odd = true
	}
	dst = append(dst, '[')
	for i, item := range items {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = c.schema(dst, item)
	}
	return append(dst, ']')
}

// at is the part of the root that a $ref of this schema leads to, nil for none.
func (c *closer) at(ref string) []byte {
	part := c.root
	if !strings.HasPrefix(ref, "#/$defs/") && !strings.HasPrefix(ref, "#/definitions/") {
		return nil
	}
	for _, name := range strings.SplitN(ref, "/", 3)[1:] {
		fields, err := jsontext.FieldsOf(part)
		i := fields.Find(name)
		if err != nil || i < 0 {
			return nil
		}
		part = part[fields.List[i].Start:fields.List[i].End]
	}
	return part
}

// follow reads what a $ref leads to, which must not lead back to it.
func (c *closer) follow(value []byte) {
	var ref string
	if llm.JSON.Unmarshal(value, &ref) != nil {
		c.odd = true
		return
	}
	read, met := c.seen[ref]
	if met {
		c.odd = c.odd || !read
		return
	}
	c.seen[ref] = false
	c.schema(nil, c.at(ref)) // what is nowhere is no schema
	c.seen[ref] = true
}

func (c *closer) change(keyword, became string) {
	if change := c.place + keyword + ": " + became; !slices.Contains(c.changes, change) {
		c.changes = append(c.changes, change)
	}
}
