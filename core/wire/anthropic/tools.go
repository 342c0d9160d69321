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
		c = cmp.Or(c, &toolChoice{Type: "auto"})
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

// format translates response_format.
func (s *settings) format() error {
	schema, native, way, err := wire.SchemaWay(s.Call, s.request, forcesSchema)
	switch {
	case native != nil:
		return s.output("format", map[string]any{"type": "json_schema", "schema": native})
	case way == wire.ByPrompt:
		s.body.System = append(s.body.System, textBlock(wire.JSONPrompt(schema)))
	case way == wire.ByTool:
		name := wire.SchemaToolName(schema)
		s.body.Tools = []json.RawMessage{llm.JSONOf(tool{Name: name, InputSchema: schema.Schema, Description: wire.SchemaToolText})}
		s.body.ToolChoice = &toolChoice{Type: "tool", Name: name, DisableParallel: true}
	}
	return err
}

// forcesSchema tells whether a schema that is not native is asked for by a
// forced tool: not beside tools that it shall choose among, and not beside
// thoughts, with which no tool can be forced.
func forcesSchema(r *llm.Request) bool {
	return len(r.Tools)+len(r.Functions) == 0 && !wire.IsThere(r.Extra["thinking"])
}
