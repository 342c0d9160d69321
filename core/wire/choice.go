package wire

import (
	"encoding/json"
	"strings"

	"github.com/llmagg/llmagg/core/internal/jsontext"
	"github.com/llmagg/llmagg/core/llm"
)

// This file reads what a request says of the tools that may be called.

// IsFunction reports whether an entry of tools is a function.
func IsFunction(t *llm.Tool) bool {
	return t.Function != nil && (t.Type == "function" || t.Type == "")
}

var noParameters = json.RawMessage(`{"type":"object","properties":{}}`)

// Parameters are a function's parameters: an empty object where it has none,
// else with the type that vendors demand and some tools forget.
func Parameters(f *llm.Function) json.RawMessage {
	if !IsThere(f.Parameters) {
		return noParameters
	}
	return objectSchema(f.Parameters, false)
}

// WholeParameters are [Parameters] with properties, too: OpenAI demands them.
func WholeParameters(f *llm.Function) json.RawMessage {
	return objectSchema(Parameters(f), true)
}

// objectSchema is a schema with a type, or with properties, "object" and none
// where it has neither these nor says elsewhere what is meant.
func objectSchema(schema json.RawMessage, properties bool) json.RawMessage {
	keys, added := " type ", `{"type":"object",`
	if properties {
		keys, added = " properties $ref anyOf oneOf allOf ", `{"properties":{},`
	}
	r := jsontext.Reader{Data: schema, Most: jsontext.MaxAnswerDepth}
	if r.Next() != '{' {
		return schema
	}
	from := r.Pos + 1
	if !r.Object() {
		return noParameters
	}
	for more := true; more; more = r.NextField() {
		if strings.Contains(keys, " "+string(r.Key)+" ") {
			return schema
		}
		r.Skip()
	}
	return append([]byte(added), schema[from:]...)
}

// NamedTool names a function, in the form of today or in the old one.
type NamedTool struct {
	Plain    string `json:"name"`
	Function struct {
		Name string `json:"name"`
	} `json:"function"`
}

// Name is the function's name; "" for none.
func (n *NamedTool) Name() string { return n.Function.Name + n.Plain }

// NamedTools is an object that chooses tools: one, or the allowed ones.
type NamedTools struct {
	NamedTool
	Allowed struct {
		Mode  string      `json:"mode"`
		Tools []NamedTool `json:"tools"`
	} `json:"allowed_tools"`
}

// AllowedNames are the names of the allowed tools.
func (n *NamedTools) AllowedNames() (names []string) {
	for i := range n.Allowed.Tools {
		names = append(names, n.Allowed.Tools[i].Name())
	}
	return names
}

// Names are all names that the object has.
func (n *NamedTools) Names() (names []string) {
	for _, name := range append([]string{n.Name()}, n.AllowedNames()...) {
		if name != "" {
			names = append(names, name)
		}
	}
	return names
}

// Choice is tool_choice, or the old function_call, and the field's name; nil
// where neither is there.
func Choice(r *llm.Request) (choice json.RawMessage, field string) {
	switch {
	case IsThere(r.ToolChoice):
		return r.ToolChoice, "tool_choice"
	case IsThere(r.FunctionCall):
		return r.FunctionCall, "function_call"
	}
	return nil, ""
}

// ReadChoice reads a choice: a word, or else an object, for which object is.
func ReadChoice(choice json.RawMessage, field string, object any) (word string, isWord bool, err error) {
	if llm.JSON.Unmarshal(choice, &word) == nil {
		return word, true, nil
	}
	if err := llm.JSON.Unmarshal(choice, object); err != nil {
		return "", false, llm.Errorf(llm.BadRequest, "%s cannot be read: %v", field, err)
	}
	return "", false, nil
}

// UnknownChoice is the error of a choice by a word that is none.
func UnknownChoice(field, word string) error {
	return llm.Errorf(llm.BadRequest, "%s is %q; expected auto, none, required or an object that names a function", field, word)
}

// NamelessChoice is the error of an object that names no tool.
func NamelessChoice(field string) error {
	return llm.Errorf(llm.BadRequest, "%s names no function", field)
}
