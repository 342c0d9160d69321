package anthropic

import (
	"cmp"
	"encoding/json"
	"slices"

	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/wire"
)

// tool is a function that the model may call.
type tool struct {
	Name         string          `json:"name"`
	Description  string          `json:"description,omitempty"`
	InputSchema  json.RawMessage `json:"input_schema"`
	Strict       bool            `json:"strict,omitempty"`
	CacheControl json.RawMessage `json:"cache_control,omitempty"`
}

// toolChoice says which tools the model may or must use.
type toolChoice struct {
	Type            string `json:"type"` // "auto", "any", "tool" or "none"
	Name            string `json:"name,omitempty"`
	DisableParallel bool   `json:"disable_parallel_tool_use,omitempty"`
}

func (s *settings) add(f *llm.Function, extra llm.Extra) {
	t := tool{Name: f.Name, Description: f.Description, CacheControl: extra["cache_control"]}
	t.InputSchema, t.Strict = wire.StrictTool(s.Call, s.request.Model, f)
	s.body.Tools = append(s.body.Tools, llm.JSONOf(t))
}

// tools translates tools and functions. An entry that is one of Anthropic's own
// ({"type": "web_search_20250305", "name": "web_search"}) passes as it is.
func (s *settings) tools() error {
	for i := range s.request.Tools {
		t := &s.request.Tools[i]
		switch {
		case wire.IsFunction(t):
			s.add(t.Function, t.Extra)
		case t.Function == nil && (wire.IsThere(t.Extra["name"]) || wire.IsThere(t.Extra["input_schema"])):
			s.body.Tools = append(s.body.Tools, llm.JSONOf(t))
		default:
			return wire.Unsupported("tools[%d] has the type %q; Anthropic takes functions and its own tools", i, t.Type)
		}
	}
	for i := range s.request.Functions {
		s.add(&s.request.Functions[i], nil)
	}
	return s.choice()
}

// choice translates tool_choice, or the old function_call, and
// parallel_tool_calls. Without tools there is nothing to choose.
func (s *settings) choice() error {
	if len(s.body.Tools) == 0 {
		return nil
	}
	chosen, err := wire.ChoiceOf(s.request)
	if err != nil {
		return err
	}
	var c *toolChoice
	switch {
	case chosen == nil:
	case chosen.Name != "":
		c = &toolChoice{Type: "tool", Name: chosen.Name, DisableParallel: chosen.NoParallel}
	case chosen.Word == "required":
		c = &toolChoice{Type: "any"}
	default:
		c = &toolChoice{Type: chosen.Word, DisableParallel: chosen.NoParallel}
	}
	if chosen != nil && chosen.Allowed != nil {
		s.allow(chosen.Allowed)
	}
	if p := s.request.ParallelToolCalls; p != nil && !*p {
		if c == nil {
			c = &toolChoice{Type: "auto"}
		}
		c.DisableParallel = c.Type != "none"
	}
	s.body.ToolChoice = c
	return nil
}

// allow leaves only the named tools: Anthropic has no allowed_tools.
func (s *settings) allow(names []string) {
	s.body.Tools = slices.DeleteFunc(s.body.Tools, func(raw json.RawMessage) bool {
		var t tool
		return llm.JSON.Unmarshal(raw, &t) != nil || !slices.Contains(names, t.Name)
	})
}

// format translates response_format. A schema is asked for natively where the
// model can, and can this one (API docs, "Structured outputs"), else by a tool
// that the model has to call, whose input is then the answer, and where no tool
// can be forced, in the instructions. There JSON without a schema is asked for,
// too, as Anthropic's guide does.
func (s *settings) format() error {
	schema, asked, err := wire.FormatOf(s.request.ResponseFormat)
	switch {
	case err != nil || !asked:
		return err
	case schema == nil:
		return s.prompt(nil)
	}
	if native := wire.NativeSchema(s.Call, s.request.Model, schema); native != nil {
		return s.output("format", map[string]any{"type": "json_schema", "schema": native})
	}
	if !forcesSchema(s.request) {
		return s.prompt(schema)
	}
	s.body.Tools = []json.RawMessage{llm.JSONOf(tool{Name: schemaToolName(schema), InputSchema: schema.Schema,
		Description: "Give the answer by calling this tool."})}
	s.body.ToolChoice = &toolChoice{Type: "tool", Name: schemaToolName(schema), DisableParallel: true}
	s.Adapt("response_format", wire.ByTool)
	return nil
}

// prompt asks for JSON in the instructions.
func (s *settings) prompt(schema *llm.JSONSchema) error {
	s.body.System = append(s.body.System, textBlock(wire.JSONPrompt(schema)))
	s.Adapt("response_format", wire.ByPrompt)
	return nil
}

// forcesSchema tells whether a schema that is not native is asked for by a
// forced tool: not beside tools that it shall choose among, and not beside
// thoughts, with which no tool can be forced.
func forcesSchema(r *llm.Request) bool {
	return len(r.Tools)+len(r.Functions) == 0 && !wire.IsThere(r.Extra["thinking"])
}

// schemaToolName is the name of the tool whose input is the answer.
func schemaToolName(s *llm.JSONSchema) string {
	return plainID(cmp.Or(s.Name, "answer"))
}

// schemaToolOf is the name of the tool whose input is the answer to a call; ""
// for a call that has none.
func schemaToolOf(c *wire.Call) string {
	if r := wire.ForcedSchema(c); r != nil && forcesSchema(r) {
		return schemaToolName(r.ResponseFormat.JSONSchema)
	}
	return ""
}
