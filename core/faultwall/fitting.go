package faultwall

import (
	"bytes"
	"math"
	"slices"
	"strings"

	"github.com/llmagg/llmagg/core/llm"
)

// schemaPlaces are where the formats have the JSON schema that an answer is to
// fit: OpenAI, Responses, Anthropic, Bedrock, Gemini twice, Ollama.
var schemaPlaces = []string{
	"response_format.json_schema.schema", "text.format.schema", "output_config.format.schema", "outputConfig.textFormat.structure.jsonSchema.schema",
	"generationConfig.responseJsonSchema", "generationConfig.responseSchema", "format",
}

// toolPlaces are where the formats have the name of the only tool that a model
// may call, Gemini in a list.
var toolPlaces = []string{"tool_choice.function.name", "tool_choice.name", "toolConfig.toolChoice.tool.name", "toolConfig.functionCallingConfig.allowedFunctionNames"}

// parameterPlaces are where the formats have a tool's schema.
var parameterPlaces = []string{"function.parameters", "input_schema", "parameters", "parametersJsonSchema", "toolSpec.inputSchema.json"}

// asked is the JSON text, or the call, that a request demands: a value that
// fits its schema. Both are empty where any text will do.
func (c *call) asked() (text string, calls []ToolCall) {
	demands := func(word string) bool { return bytes.Contains(c.body, []byte(word)) }
	var body any
	if !slices.ContainsFunc([]string{"ormat", "tool_choice", "toolChoice", "response"}, demands) || llm.JSON.Unmarshal(c.body, &body) != nil {
		return "", nil
	}
	for _, place := range toolPlaces {
		choice := inside(body, place)
		if names, _ := choice.([]any); len(names) == 1 {
			choice = names[0]
		}
		if name, _ := choice.(string); name != "" {
			return "", []ToolCall{{Name: name, Arguments: fittingTool(body, name)}}
		}
	}
	for _, place := range schemaPlaces {
		schema := inside(body, place)
		if text, is := schema.(string); is && strings.HasPrefix(text, "{") { // Bedrock's is a text
			schema = nil
			_ = llm.JSON.Unmarshal([]byte(text), &schema)
		}
		if root, is := schema.(map[string]any); is {
			return string(toJSON((&fit{root: root}).value(root))), nil
		}
	}
	modes := []any{inside(body, "response_format.type"), inside(body, "text.format.type"), inside(body, "format"), inside(body, "generationConfig.responseMimeType")}
	if slices.ContainsFunc(modes, func(mode any) bool { return mode == "json_object" || mode == "json" || mode == "application/json" }) {
		return "{}", nil
	}
	return "", nil
}

// inside is what stands at a place of nested objects, nil where nothing does.
func inside(value any, place string) any {
	for name := range strings.SplitSeq(place, ".") {
		fields, _ := value.(map[string]any)
		value = fields[name]
	}
	return value
}

// fittingTool is what fits the schema of a tool's arguments.
func fittingTool(body any, name string) any {
	tools, _ := inside(body, "tools").([]any)
	if tools == nil {
		tools, _ = inside(body, "toolConfig.tools").([]any)
	}
	for _, tool := range tools {
		if functions, is := inside(tool, "functionDeclarations").([]any); is { // Gemini's
			tools = append(tools, functions...)
		}
	}
	for _, tool := range tools {
		if name != inside(tool, "function.name") && name != inside(tool, "name") && name != inside(tool, "toolSpec.name") {
			continue
		}
		for _, place := range parameterPlaces {
			if root, is := inside(tool, place).(map[string]any); is {
				return (&fit{root: root}).value(root)
			}
		}
	}
	return object()
}

// fit makes values for JSON schemas: the first that each allows. Of anyOf,
// oneOf and allOf it takes the first option, or null far down; patterns,
// multiples and conditions it does not heed.
type fit struct {
	root   map[string]any
	depth  int // of the value within the answer
	values int // made so far
}

// shallow is the depth down to which an object has its optional properties, and
// optional values are there: a schema may be within itself.
const shallow = 4

func (f *fit) value(schema map[string]any) any {
	f.depth++
	f.values++
	defer func() { f.depth-- }()
	for range 32 { // references may go in a circle
		reference, is := schema["$ref"].(string)
		if !is {
			break
		}
		schema = f.referred(reference)
	}
	if constant, is := schema["const"]; is || f.depth > 32 || f.values > 1000 { // no value fits a schema that demands itself
		return constant
	}
	if values, _ := schema["enum"].([]any); len(values) > 0 {
		return values[0]
	}
	for _, word := range []string{"anyOf", "oneOf", "allOf"} {
		if options, _ := schema[word].([]any); len(options) > 0 {
			return f.option(options)
		}
	}
	kind := schema["type"]
	if kinds, _ := kind.([]any); len(kinds) > 0 {
		kind = kinds[0]
	}
	switch name, _ := kind.(string); strings.ToLower(name) { // Gemini's own schemas have capitals
	case "string":
		return fittingText(schema)
	case "integer", "number":
		return fittingNumber(schema)
	case "boolean":
		return true
	case "null":
		return nil
	case "array":
		return f.list(schema)
	}
	return f.object(schema)
}

// referred is what a reference within the schema names (RFC 6901).
func (f *fit) referred(reference string) map[string]any {
	schema := f.root
	for _, name := range strings.Split(reference, "/")[1:] {
		schema, _ = schema[strings.ReplaceAll(strings.ReplaceAll(name, "~1", "/"), "~0", "~")].(map[string]any)
	}
	return schema
}

func (f *fit) option(options []any) any {
	chosen, _ := options[0].(map[string]any)
	for _, option := range options {
		if fields, _ := option.(map[string]any); f.depth > shallow && fields["type"] == "null" {
			chosen = fields
		}
	}
	return f.value(chosen)
}

func (f *fit) list(schema map[string]any) any {
	least, _ := schema["minItems"].(float64)
	if least == 0 && f.depth <= shallow {
		least = 1
	}
	if most, is := schema["maxItems"].(float64); is {
		least = min(least, most)
	}
	made := []any{}
	each, _ := schema["items"].(map[string]any)
	tuple, _ := schema["prefixItems"].([]any)
	for i := range max(int(min(least, 100)), len(tuple)) {
		item := each
		if i < len(tuple) {
			item, _ = tuple[i].(map[string]any)
		}
		made = append(made, f.value(item))
	}
	return made
}

func (f *fit) object(schema map[string]any) any {
	made := object()
	properties, _ := schema["properties"].(map[string]any)
	required, _ := schema["required"].([]any)
	for name, property := range properties {
		if fields, _ := property.(map[string]any); f.depth <= shallow || slices.Contains(required, any(name)) {
			made[name] = f.value(fields)
		}
	}
	return made
}

// texts are values of the formats of JSON schemas.
var texts = map[string]string{
	"date-time": "2026-01-31T12:00:00Z", "date": "2026-01-31", "time": "12:00:00Z", "duration": "PT1H", "email": "a@example.com",
	"uri": "https://example.com/", "uuid": "00000000-0000-4000-8000-000000000000", "ipv4": "192.0.2.1", "ipv6": "2001:db8::1",
}

func fittingText(schema map[string]any) string {
	format, _ := schema["format"].(string)
	if text := texts[format]; text != "" {
		return text
	}
	text := "text"
	if least, _ := schema["minLength"].(float64); least > float64(len(text)) {
		text = strings.Repeat("t", int(min(least, 1<<16)))
	}
	if most, is := schema["maxLength"].(float64); is && most < float64(len(text)) {
		text = text[:max(int(most), 0)]
	}
	return text
}

// fittingNumber is a whole number where the bounds allow one, else what lies in
// their middle.
func fittingNumber(schema map[string]any) any {
	bound := func(word string, none int) float64 {
		if n, is := schema[word].(float64); is {
			return n
		}
		return math.Inf(none)
	}
	least, above := bound("minimum", -1), bound("exclusiveMinimum", -1)
	most, below := bound("maximum", 1), bound("exclusiveMaximum", 1)
	number := min(max(1, math.Ceil(least), math.Floor(above)+1), math.Floor(most), math.Ceil(below)-1)
	if number < least || number <= above {
		return max(least, above)/2 + min(most, below)/2
	}
	return number
}
