package wire

import (
	"cmp"
	"encoding/json"

	"github.com/llmagg/llmagg/core/llm"
)

// A vendor that takes no JSON schema for its answers is asked in the best of
// the ways that it has, and the attempt's "adapted" says which: a tool that the
// model has to call, whose input is then the answer (ByTool), its JSON mode
// with the schema in the prompt (ByJSONMode), or the prompt alone (ByPrompt).
const (
	ByTool     = "forced tool"
	ByJSONMode = "JSON mode with the schema in the prompt"
	ByPrompt   = "in the prompt"
)

// BySchema is of a server that takes schemas, but has no JSON mode.
const BySchema = "schema of any object"

// FormatOf reads response_format: asked tells whether it asks for JSON, and
// schema is nil where any object will do. The error is that of a type of none
// of the kinds, and of a schema that is not whole.
func FormatOf(f *llm.ResponseFormat) (schema *llm.JSONSchema, asked bool, err error) {
	switch {
	case f == nil || f.Type == "text" || f.Type == "":
		return nil, false, nil
	case f.Type == "json_object":
		return nil, true, nil
	case f.Type != "json_schema":
		return nil, false, llm.Errorf(llm.BadRequest, "response_format has the type %q; expected text, json_object or json_schema", f.Type)
	case f.JSONSchema == nil || !IsThere(f.JSONSchema.Schema):
		return nil, false, llm.Errorf(llm.BadRequest, "response_format has no json_schema.schema")
	}
	return f.JSONSchema, true, nil
}

// SchemaWay is how Claude is asked for what response_format asks for: natively
// where the model can, and can this schema (API docs, "Structured outputs"),
// else [ByTool] where forces says that one can be forced, else [ByPrompt], as
// JSON without a schema is. The latter two are noted.
func SchemaWay(c *Call, r *llm.Request, forces func(*llm.Request) bool) (schema *llm.JSONSchema, native json.RawMessage, way string, err error) {
	schema, asked, err := FormatOf(r.ResponseFormat)
	if err != nil || !asked {
		return nil, nil, "", err
	}
	if schema != nil && !goesOn(r) {
		if native = NativeSchema(c, r.Model, schema); native != nil {
			return schema, native, "", nil
		}
	}
	way = ByPrompt
	if schema != nil && !goesOn(r) && forces(r) {
		way = ByTool
	}
	c.Adapt("response_format", way)
	return schema, nil, way, nil
}

// goesOn tells whether the model shall go on with an answer that the request
// begins: Claude refuses that beside a schema that binds it (API docs,
// "Structured outputs", "Feature compatibility").
func goesOn(r *llm.Request) bool {
	n := len(r.Messages)
	return n > 0 && r.Messages[n-1].Role == llm.RoleAssistant
}

// SchemaTool is the name of the tool whose input is the answer to a call; ""
// for a call that has none.
func SchemaTool(c *Call, forces func(*llm.Request) bool) string {
	if !c.Payload.Mentions(`"json_schema"`) {
		return ""
	}
	r, err := c.Payload.Request()
	if err != nil || r.ResponseFormat == nil || r.ResponseFormat.JSONSchema == nil || r.ResponseFormat.Type != "json_schema" {
		return ""
	}
	r.Model = c.Model
	schema := r.ResponseFormat.JSONSchema
	if native, _ := closedSchema(c, c.Model, "", schema.Schema); native != nil || goesOn(r) || !forces(r) {
		return ""
	}
	return SchemaToolName(schema)
}

// SchemaToolText is what that tool says of itself.
const SchemaToolText = "Give the answer by calling this tool."

// SchemaToolName is its name for a schema.
func SchemaToolName(s *llm.JSONSchema) string { return PlainID(cmp.Or(s.Name, "answer"), "_-") }

// JSONPrompt asks a model in words for an answer in JSON, which has to follow
// the schema where there is one. Vendors' JSON modes want the word JSON in the
// prompt.
func JSONPrompt(s *llm.JSONSchema) string {
	const alone = "Answer with one JSON object and nothing else."
	if s == nil || !IsThere(s.Schema) {
		return alone
	}
	return "Answer with one JSON value that follows this JSON schema, and nothing else: no explanation, no code fence.\n" + string(s.Schema)
}
