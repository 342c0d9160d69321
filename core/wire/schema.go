package wire

import "github.com/llmagg/llmagg/core/llm"

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

// ForcedSchema is the request of a call that asks for a JSON schema that the
// model does not take natively; nil for any other.
func ForcedSchema(c *Call) *llm.Request {
	if !c.Payload.Mentions(`"json_schema"`) {
		return nil
	}
	r, err := c.Payload.Request()
	if err != nil || r.ResponseFormat == nil || r.ResponseFormat.JSONSchema == nil || r.ResponseFormat.Type != "json_schema" {
		return nil
	}
	if native, _ := closedSchema(c, c.Model, "", r.ResponseFormat.JSONSchema.Schema); native != nil {
		return nil
	}
	return r
}

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
