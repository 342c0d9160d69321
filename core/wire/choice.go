package wire

import (
	"cmp"
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

// namedTool names a function, in the form of today or in the old one.
type namedTool struct {
	Plain    string `json:"name"`
	Function struct {
		Name string `json:"name"`
	} `json:"function"`
}

func (n *namedTool) name() string { return n.Function.Name + n.Plain }

// Chosen is what a request says of the tools that may be called.
type Chosen struct {
	Field      string   // where it says so
	Word       string   // "auto", "none", "any" or "required", maybe of those that are allowed
	Name       string   // of the one that must be called
	Allowed    []string // the names of those that may be called; nil for all
	NoParallel bool     // one at a time, in Anthropic's form
}

// ChoiceOf reads tool_choice, or the old function_call; nil where neither is
// there.
func ChoiceOf(r *llm.Request) (*Chosen, error) {
	c, raw := &Chosen{Field: "tool_choice"}, r.ToolChoice
	if !IsThere(raw) {
		c.Field, raw = "function_call", r.FunctionCall
	}
	if !IsThere(raw) {
		return nil, nil
	}
	var object struct {
		Type string `json:"type"`
		namedTool
		Allowed struct {
			Mode  string      `json:"mode"`
			Tools []namedTool `json:"tools"`
		} `json:"allowed_tools"`
		NoParallel bool `json:"disable_parallel_tool_use"`
	}
	field := c.Field
	if llm.JSON.Unmarshal(raw, &c.Word) != nil {
		if err := llm.JSON.Unmarshal(raw, &object); err != nil {
			return nil, llm.Errorf(llm.BadRequest, "%s cannot be read: %v", field, err)
		}
		for i := range object.Allowed.Tools {
			if name := object.Allowed.Tools[i].name(); name != "" {
				c.Allowed = append(c.Allowed, name)
			}
		}
		switch c.Name, c.NoParallel = object.name(), object.NoParallel; {
		case c.Name != "":
			c.Allowed = nil
			return c, nil
		case c.Allowed != nil:
			c.Word, field = cmp.Or(object.Allowed.Mode, "auto"), field+".allowed_tools.mode"
		case object.Type != "" && object.Allowed.Tools == nil:
			c.Word, field = object.Type, field+".type"
		default:
			return nil, llm.Errorf(llm.BadRequest, "%s names no function", field)
		}
	}
	switch c.Word {
	case "auto", "none", "any", "required":
		return c, nil
	}
	return nil, llm.Errorf(llm.BadRequest, "%s is %q; expected auto, none, required or an object that names a function", field, c.Word)
}
