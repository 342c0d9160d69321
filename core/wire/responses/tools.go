package responses

import (
	"encoding/json"

	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/wire"
)

// tool is a function that the model may call. Strict is always written: this
// API takes functions as strict unless they say otherwise, chat completions do
// not (guide "Migrate to the Responses API").
type tool struct {
	Type        string          `json:"type"`
	Name        string          `json:"name"`
	Description string          `json:"description,omitempty"`
	Parameters  json.RawMessage `json:"parameters"`
	Strict      bool            `json:"strict"`
}

func toolOf(f *llm.Function) json.RawMessage {
	return llm.JSONOf(tool{Type: "function", Name: f.Name, Description: f.Description, Parameters: wire.WholeParameters(f), Strict: f.Strict != nil && *f.Strict})
}

// tools translates tools and functions. An entry of another type is one of the
// API's own ({"type": "web_search"}) and passes as it is.
func (s *settings) tools() error {
	for i := range s.request.Tools {
		t := &s.request.Tools[i]
		var raw json.RawMessage
		switch {
		case wire.IsFunction(t):
			raw = toolOf(t.Function)
		case t.Type == "custom" && wire.IsThere(t.Extra["custom"]):
			var err error
			if raw, err = customTool(t.Extra["custom"]); err != nil {
				return llm.Errorf(llm.BadRequest, "tools[%d] cannot be written: %v", i, err)
			}
		case t.Type == "":
			return llm.Errorf(llm.BadRequest, "tools[%d] has no type and no function", i)
		default:
			delete(t.Extra, "cache_control") // the API caches by itself
			raw = llm.JSONOf(t)
		}
		s.body.Tools = append(s.body.Tools, raw)
	}
	for i := range s.request.Functions {
		s.body.Tools = append(s.body.Tools, toolOf(&s.request.Functions[i]))
	}
	return s.choice()
}

// customTool makes a tool of free text flat, and its grammar.
func customTool(custom json.RawMessage) (json.RawMessage, error) {
	fields, err := flat("custom", custom)
	if err != nil || !wire.IsThere(fields["format"]) {
		return llm.JSONOf(fields), err
	}
	var f struct {
		Type    string          `json:"type"`
		Grammar json.RawMessage `json:"grammar"`
	}
	if llm.JSON.Unmarshal(fields["format"], &f) == nil && wire.IsThere(f.Grammar) {
		var format llm.Extra
		if format, err = flat(f.Type, f.Grammar); err == nil {
			fields["format"] = llm.JSONOf(format)
		}
	}
	return llm.JSONOf(fields), err
}

// flat is an object with a type more.
func flat(kind string, object json.RawMessage) (llm.Extra, error) {
	fields := llm.Extra{}
	if err := llm.JSON.Unmarshal(object, &fields); err != nil {
		return nil, err
	}
	fields["type"] = llm.JSONOf(kind)
	return fields, nil
}

// choice translates tool_choice, or the old function_call. Without tools there
// is nothing to choose.
func (s *settings) choice() error {
	choice, old := s.request.ToolChoice, false
	if !wire.IsThere(choice) {
		choice, old = s.request.FunctionCall, true
	}
	if len(s.body.Tools) == 0 || !wire.IsThere(choice) {
		return nil
	}
	if choice[0] == '"' {
		s.body.ToolChoice = choice
		return nil
	}
	var object struct {
		Allowed *struct {
			Mode  json.RawMessage   `json:"mode"`
			Tools []json.RawMessage `json:"tools"`
		} `json:"allowed_tools"`
	}
	if err := llm.JSON.Unmarshal(choice, &object); err != nil {
		return llm.Errorf(llm.BadRequest, "tool_choice is neither a text nor an object: %v", err)
	}
	switch allowed := object.Allowed; {
	case old:
		fields, err := flat("function", choice)
		if err != nil {
			return llm.Errorf(llm.BadRequest, "tool_choice cannot be written: %v", err)
		}
		s.body.ToolChoice = llm.JSONOf(fields)
	case allowed != nil:
		if !wire.IsThere(allowed.Mode) {
			allowed.Mode = json.RawMessage(`"auto"`)
		}
		for i := range allowed.Tools {
			allowed.Tools[i] = flattened(allowed.Tools[i])
		}
		s.body.ToolChoice = llm.JSONOf(map[string]any{"type": "allowed_tools", "mode": allowed.Mode, "tools": allowed.Tools})
	default:
		s.body.ToolChoice = flattened(choice)
	}
	return nil
}

// flattened is a tool's name without the object that chat completions put
// around it.
func flattened(raw json.RawMessage) json.RawMessage {
	fields := llm.Extra{}
	_ = llm.JSON.Unmarshal(raw, &fields) // what is no object stays as it is
	for _, kind := range []string{"function", "custom"} {
		if inner, err := flat(kind, fields[kind]); err == nil && wire.IsThere(fields[kind]) {
			return llm.JSONOf(inner)
		}
	}
	return raw
}
