package llm

import (
	"encoding/json"
	"strings"

	"github.com/llmagg/llmagg/core/internal/jsontext"
	"github.com/llmagg/llmagg/core/internal/shown"
	"github.com/llmagg/llmagg/core/internal/suggest"
	"github.com/llmagg/llmagg/core/internal/wordlist"
)

// formatForm is how a JSON schema for the answer is written, for errors.
const formatForm = `write {"type": "json_schema", "json_schema": {"name": "answer", "schema": {the JSON schema}}}`

// checkFormat refuses a response_format that no server reads: a schema without
// what goes around it, a type that is a slip. Types that only some servers know
// ("grammar", "regex") pass.
func checkFormat(format []byte) error {
	fields, err := jsontext.FieldsOf(format)
	if err != nil {
		return nil // the syntax was checked
	}
	has := func(names ...string) []byte { return valueOf(format, &fields, names) }
	typ, word := has("type"), ""
	isWord := typ != nil && JSON.Unmarshal(typ, &word) == nil
	inner := has("json_schema")
	switch {
	case typ != nil && typ[0] == '[' || schemaTypes.Has(word), typ == nil && has("properties", "$ref", "$defs", "anyOf", "oneOf", "allOf", "$schema", "enum") != nil:
		return Errorf(InvalidArgument, "request field \"response_format\" is a JSON schema; %s", formatForm)
	case typ == nil && inner != nil:
		return Errorf(InvalidArgument, "response_format has no \"type\"; %s", formatForm)
	case typ == nil:
		return Errorf(InvalidArgument, "response_format has no \"type\"; expected {\"type\": \"text\"}, {\"type\": \"json_object\"} or {\"type\": \"json_schema\", \"json_schema\": …}")
	case !isWord:
		return Errorf(InvalidArgument, "response_format.type is %s; expected \"text\", \"json_object\" or \"json_schema\"", shown.Value(typ))
	}
	if len(fields.List) == 1 || inner != nil || has("schema") != nil {
		if meant := formatType(word); meant != word {
			return Errorf(InvalidArgument, "response_format.type is %s; did you mean %q?", shown.Text(word), meant)
		}
	}
	if word == "json_schema" {
		return checkSchema(inner, has("schema"), has("name") != nil)
	}
	return nil
}

// valueOf is the value of the first of the names that an object has, unless it
// is null.
func valueOf(object []byte, fields *jsontext.Fields, names []string) []byte {
	for _, name := range names {
		if i := fields.Find(name); i >= 0 && object[fields.List[i].Start] != 'n' {
			return object[fields.List[i].Start:fields.List[i].End]
		}
	}
	return nil
}

// checkSchema checks what stands in a format of the type json_schema: inner in
// "json_schema", flat beside the type, where a few servers take it.
func checkSchema(inner, flat []byte, named bool) error {
	switch {
	case inner == nil && flat == nil:
		return Errorf(InvalidArgument, "response_format has no \"json_schema\"; %s", formatForm)
	case inner == nil && named:
		return Errorf(InvalidArgument, "response_format has its name and schema beside the type; %s", formatForm)
	case inner == nil:
		return nil
	case inner[0] != '{':
		return Errorf(InvalidArgument, "response_format.json_schema is %s; expected {\"name\": \"answer\", \"schema\": {the JSON schema}}", shown.Value(inner))
	}
	schema := memberOf(inner, "schema")
	if schema == nil && (memberOf(inner, "properties") != nil || memberOf(inner, "type") != nil) {
		return Errorf(InvalidArgument, "response_format.json_schema is the JSON schema itself; %s", formatForm)
	}
	if schema != nil && schema[0] != '{' && !kindBool.fits(schema) {
		return Errorf(InvalidArgument, "response_format.json_schema.schema is %s; expected an object, the JSON schema", shown.Value(schema))
	}
	problem := kindProblem(inner, kindString, "name", "description")
	if problem == "" {
		problem = kindProblem(inner, kindBool, "strict")
	}
	if problem != "" {
		return Errorf(InvalidArgument, "response_format.json_schema%s", problem)
	}
	return checkNames("response_format.json_schema", inner, schemaNames)
}

// schemaTypes are the types of JSON schemas.
const schemaTypes wordlist.List = "object array string number integer boolean null"

// formatType is the type that a word stands for: itself, where it is none of a
// known one's other names.
func formatType(word string) string {
	switch suggest.Fold(word) {
	case "json", "applicationjson", "application/json", "jsonmode", "jsonobject":
		return "json_object"
	case "schema", "jsonschema":
		return "json_schema"
	case "text/plain", "plain":
		return "text"
	}
	if near := suggest.Nearest(word, []string{"json_object", "json_schema", "text"}, suggest.Slips(word)); near != "" {
		return near
	}
	return word
}

// MarshalJSON writes the format and its unknown fields.
func (f ResponseFormat) MarshalJSON() ([]byte, error) {
	type plain ResponseFormat
	return marshalWithExtra(plain(f), f.Extra)
}

// UnmarshalJSON reads the format and keeps its unknown fields.
func (f *ResponseFormat) UnmarshalJSON(data []byte) error {
	type plain ResponseFormat
	extra, err := unmarshalWithExtra(data, (*plain)(f))
	f.Extra = extra
	return err
}

// Join puts a schema that stands beside the type, as a few servers take it,
// where all others have it.
func (f *ResponseFormat) Join() {
	schema := f.Extra["schema"]
	if f.JSONSchema != nil || len(schema) == 0 || schema[0] != '{' || f.Type != "json_schema" && f.Type != "json_object" {
		return
	}
	f.Type, f.JSONSchema = "json_schema", &JSONSchema{Name: "answer", Schema: schema}
}

// PartsField is the field of an answer's message that holds its parts.
const PartsField = "parts"

// AnswerPart is one piece of an answer, as "parts" of its message has them, in
// their order, where OpenAI's shape alone would lose something: the order of
// texts and calls, or what only the vendor that made it can read. A text, a
// thought or a call that the message has anyway is only named.
//
//	[{"type": "thinking", "owner": "anthropic/claude-opus-4-1", "raw": {"type": "thinking", …, "signature": "…"}},
//	 {"type": "text", "bytes": 12}, {"type": "tool_call", "id": "toolu_1"}]
//
// The list goes back to its owner with the message and to nobody else.
type AnswerPart struct {
	// Type is "text", "thinking", "redacted_thinking", "tool_call", "image",
	// "audio", "refusal", or "other" for what this package does not know.
	Type string `json:"type"`
	// Bytes is the length of a text in the message's content, or of a thought
	// in its reasoning_content.
	Bytes int `json:"bytes,omitempty"`
	// ID is that of a call.
	ID string `json:"id,omitempty"`
	// Owner is who can read Raw: "vendor/model".
	Owner string `json:"owner,omitempty"`
	// Raw is what the vendor said that OpenAI's shape has no place for, byte
	// for byte.
	Raw json.RawMessage `json:"raw,omitempty"`
}

// AnswerParts reads the parts of an answer's message; nil if it has none.
func (m *Message) AnswerParts() (parts []AnswerPart) {
	raw := m.Extra[PartsField]
	if m.Role != RoleAssistant && m.Role != "" || len(raw) == 0 || JSON.Unmarshal(raw, &parts) != nil {
		return nil
	}
	return parts
}

// OwnerOf is the vendor that can read the parts, "" if they have no owner.
func OwnerOf(parts []AnswerPart) string {
	for i := range parts {
		if vendor, _, _ := strings.Cut(parts[i].Owner, "/"); vendor != "" {
			return vendor
		}
	}
	return ""
}
