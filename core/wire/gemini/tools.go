package gemini

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/wire"
)

// declaration declares a function. Its parameters go as
// parametersJsonSchema, not as the older parameters: that is a subset of
// OpenAPI 3.0 which refuses much of what callers send ($ref, $defs,
// additionalProperties, type lists), while "the full JSON Schema may be sent"
// here (genai types.go on responseJsonSchema; the two are mutually exclusive).
type declaration struct {
	Name        string          `json:"name"`
	Description string          `json:"description,omitempty"`
	Parameters  json.RawMessage `json:"parametersJsonSchema,omitempty"`
}

type callingConfig struct {
	Mode  string   `json:"mode"`
	Names []string `json:"allowedFunctionNames,omitempty"`
}

// toolsOf translates tools and functions, and the choice among them. An
// entry without a type is one of Gemini's own ({"googleSearch": {}}) and
// passes as it is.
func toolsOf(req *llm.Request) (tools []json.RawMessage, config json.RawMessage, err error) {
	var functions []declaration
	for i := range req.Tools {
		tool := &req.Tools[i]
		switch {
		case wire.IsFunction(tool):
			functions = append(functions, declarationOf(tool.Function))
		case tool.Type == "" && len(tool.Extra) > 0:
			tools = append(tools, llm.JSONOf(tool.Extra))
		default:
			return nil, nil, wire.Unsupported("tools[%d] has the type %q; Gemini takes functions and its own tools", i, tool.Type)
		}
	}
	for i := range req.Functions {
		functions = append(functions, declarationOf(&req.Functions[i]))
	}
	if len(functions) > 0 {
		tools = append(tools, llm.JSONOf(map[string][]declaration{"functionDeclarations": functions}))
	}
	config, err = toolConfig(req, len(functions) > 0)
	return tools, config, err
}

func declarationOf(f *llm.Function) declaration {
	d := declaration{Name: f.Name, Description: f.Description}
	parameters := f.Parameters
	if wire.IsThere(parameters) {
		parameters = wire.Parameters(f)
	}
	// A function without parameters leaves its schema out: Gemini refuses an
	// object type that has no properties.
	var schema struct {
		Type       string                     `json:"type"`
		Properties map[string]json.RawMessage `json:"properties"`
	}
	if llm.JSON.Unmarshal(parameters, &schema) == nil && schema.Type == "object" && len(schema.Properties) == 0 {
		var fields llm.Extra
		_ = llm.JSON.Unmarshal(parameters, &fields) // read just above
		for _, plain := range []string{"type", "properties", "required", "title", "description", "$schema"} {
			delete(fields, plain)
		}
		if string(fields["additionalProperties"]) == "false" {
			delete(fields, "additionalProperties")
		}
		if len(fields) == 0 {
			return d
		}
	}
	d.Parameters = schemaOf(parameters)
	return d
}

// toolConfig translates tool_choice, or the old function_call, into the
// caller's own toolConfig, if any. Without functions there is nothing to
// choose.
func toolConfig(req *llm.Request, functions bool) (json.RawMessage, error) {
	own := ownField(req.Extra, "toolConfig", "tool_config")
	if !functions {
		return own, nil
	}
	chosen, err := wire.ChoiceOf(req)
	if err != nil {
		return nil, err
	}
	if chosen == nil {
		return own, nil
	}
	config := llm.Extra{}
	if len(own) > 0 && llm.JSON.Unmarshal(own, &config) != nil {
		return nil, llm.Errorf(llm.BadRequest, "toolConfig is not a JSON object")
	}
	if ownField(config, "functionCallingConfig", "function_calling_config") != nil {
		return own, nil
	}
	config["functionCallingConfig"] = llm.JSONOf(callingOf(chosen))
	return llm.JSONOf(config), nil
}

func callingOf(c *wire.Chosen) callingConfig {
	switch {
	case c.Name != "":
		return callingConfig{"ANY", []string{c.Name}}
	case c.Allowed != nil && c.Word == "auto":
		return callingConfig{"VALIDATED", c.Allowed} // as AUTO, and allowed to be limited to some functions
	case c.Word == "auto", c.Word == "none":
		return callingConfig{strings.ToUpper(c.Word), nil}
	}
	return callingConfig{"ANY", c.Allowed}
}

// schemaOf adapts a JSON schema: "$schema" goes, and "const", which Gemini
// reads over, becomes an enum of one value. What else it does not know it
// ignores. A schema without either passes byte for byte.
func schemaOf(schema json.RawMessage) json.RawMessage {
	if !bytes.Contains(schema, []byte(`"const"`)) && !bytes.Contains(schema, []byte(`"$schema"`)) {
		return schema
	}
	fields := llm.Extra{}
	if llm.JSON.Unmarshal(schema, &fields) != nil {
		return schema // true, false, or not for us to judge
	}
	delete(fields, "$schema")
	if value, ok := fields["const"]; ok && len(fields["enum"]) == 0 {
		fields["enum"] = json.RawMessage(fmt.Sprintf("[%s]", value))
	}
	delete(fields, "const")
	for key, value := range fields {
		switch key {
		case "items", "additionalProperties", "not":
			fields[key] = schemaOf(value)
		case "properties", "$defs", "definitions", "patternProperties":
			children := llm.Extra{}
			if llm.JSON.Unmarshal(value, &children) == nil {
				for name, child := range children {
					children[name] = schemaOf(child)
				}
				fields[key] = llm.JSONOf(children)
			}
		case "anyOf", "oneOf", "allOf", "prefixItems":
			var children []json.RawMessage
			if llm.JSON.Unmarshal(value, &children) == nil {
				for i, child := range children {
					children[i] = schemaOf(child)
				}
				fields[key] = llm.JSONOf(children)
			}
		}
	}
	return llm.JSONOf(fields)
}
