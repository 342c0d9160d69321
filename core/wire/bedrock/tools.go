package bedrock

import (
	"encoding/json"
	"slices"

	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/wire"
)

type toolConfig struct {
	Tools      []tool      `json:"tools"`
	ToolChoice *toolChoice `json:"toolChoice,omitempty"`
}

// tool is a function, or a point for the cache behind one. Raw, if set, is
// written as it is.
type tool struct {
	Spec       *toolSpec       `json:"toolSpec,omitempty"`
	CachePoint json.RawMessage `json:"cachePoint,omitempty"`

	Raw json.RawMessage `json:"-"`
}

// MarshalJSON writes the tool.
func (t tool) MarshalJSON() ([]byte, error) {
	type plain tool
	if t.Raw != nil {
		return t.Raw, nil
	}
	return llm.JSON.Marshal(plain(t))
}

type toolSpec struct {
	Name        string      `json:"name"`
	Description string      `json:"description,omitempty"`
	InputSchema inputSchema `json:"inputSchema"`
	Strict      bool        `json:"strict,omitempty"`
}

type inputSchema struct {
	JSON json.RawMessage `json:"json"`
}

// toolChoice says which tools the model may or must use: one field is set.
type toolChoice struct {
	Auto *struct{}  `json:"auto,omitempty"`
	Any  *struct{}  `json:"any,omitempty"`
	Tool *namedTool `json:"tool,omitempty"`
}

type namedTool struct {
	Name string `json:"name"`
}

func (s *settings) toolOf(f *llm.Function) tool {
	parameters, strict := wire.StrictTool(s.Call, s.request.Model, f)
	return tool{Spec: &toolSpec{Name: f.Name, Description: f.Description, InputSchema: inputSchema{parameters}, Strict: strict}}
}

// tools translates tools and functions. An entry that is one of Converse's own
// ({"type": "systemTool", "systemTool": {"name": …}}) passes as it is.
func (s *settings) tools() error {
	var tools []tool
	for i := range s.request.Tools {
		t := &s.request.Tools[i]
		switch {
		case wire.IsFunction(t):
			tools = append(tools, s.toolOf(t.Function))
		case (t.Type == "systemTool" || t.Type == "toolSpec") && wire.IsThere(t.Extra[t.Type]):
			tools = append(tools, tool{Raw: append(append([]byte(`{"`+t.Type+`":`), t.Extra[t.Type]...), '}')})
		default:
			return wire.Unsupported("tools[%d] has the type %q; expected a function or one of Converse's own tools", i, t.Type)
		}
		if raw := t.Extra["cache_control"]; wire.IsThere(raw) {
			s.marked = true
			if slices.Contains(s.Call.Omit, omitCache) {
				s.Call.Leave(omitCache)
				continue
			}
			tools = append(tools, tool{CachePoint: cachePoint(raw)})
		}
	}
	for i := range s.request.Functions {
		tools = append(tools, s.toolOf(&s.request.Functions[i]))
	}
	if len(tools) == 0 && (len(s.called) > 0 || s.results) {
		// Bedrock demands the tools that a history calls, also where the call
		// has none to offer.
		names := s.called
		if len(names) == 0 {
			names = []string{"tool"}
		}
		for _, name := range names {
			tools = append(tools, s.toolOf(&llm.Function{Name: name}))
		}
		s.body.ToolConfig = &toolConfig{Tools: tools}
		return nil
	}
	if len(tools) > 0 {
		s.body.ToolConfig = &toolConfig{Tools: tools}
	}
	return s.choice()
}

// choice translates tool_choice, or the old function_call. Without tools there
// is nothing to choose. Converse has neither allowed tools nor a choice of
// none: then the tools are left out, unless the history needs them.
func (s *settings) choice() error {
	config := s.body.ToolConfig
	if config == nil {
		return nil
	}
	s.Call.Lacks(s.request, "parallel_tool_calls")
	chosen, err := wire.ChoiceOf(s.request)
	if chosen == nil {
		return err
	}
	if chosen.Allowed != nil {
		s.allow(chosen.Allowed)
	}
	switch {
	case chosen.Name != "":
		config.ToolChoice = &toolChoice{Tool: &namedTool{chosen.Name}}
	case chosen.Word == "auto":
		config.ToolChoice = &toolChoice{Auto: &struct{}{}}
	case chosen.Word != "none":
		config.ToolChoice = &toolChoice{Any: &struct{}{}}
	case len(s.called) > 0 || s.results:
		s.Call.Adapt("tool_choice", "none to auto")
	default:
		if s.body.ToolConfig = nil; s.marked {
			s.Call.Leave("tools.cache_control")
		}
	}
	return nil
}

// allow leaves only the named tools, each with its mark for the cache.
func (s *settings) allow(names []string) {
	config, allowed := s.body.ToolConfig, false
	config.Tools = slices.DeleteFunc(config.Tools, func(t tool) bool {
		if t.CachePoint != nil {
			if !allowed {
				s.Call.Leave("tools.cache_control")
			}
			return !allowed
		}
		allowed = t.Spec != nil && slices.Contains(names, t.Spec.Name)
		return !allowed
	})
}

// format translates response_format.
func (s *settings) format() error {
	schema, native, way, err := wire.SchemaWay(s.Call, s.request, forcesSchema)
	switch {
	case native != nil:
		said := map[string]any{"schema": string(native)}
		if schema.Name != "" {
			said["name"] = schema.Name
		}
		return s.output("textFormat", map[string]any{"type": "json_schema", "structure": map[string]any{"jsonSchema": said}})
	case way == wire.ByPrompt:
		s.body.System = append(s.body.System, textBlock(wire.JSONPrompt(schema)))
	case way == wire.ByTool:
		name := wire.SchemaToolName(schema)
		s.body.ToolConfig = &toolConfig{ToolChoice: &toolChoice{Tool: &namedTool{name}},
			Tools: []tool{s.toolOf(&llm.Function{Name: name, Parameters: schema.Schema, Description: wire.SchemaToolText})}}
	}
	return err
}

// forcesSchema tells whether a schema that is not native is asked for by a
// forced tool: not beside tools, which a history that calls some needs, too,
// and not beside thoughts, with which no tool can be forced. Only Claude and
// Nova can be forced to call a tool (API reference, "ToolChoice").
func forcesSchema(r *llm.Request) bool {
	return len(r.Tools)+len(r.Functions) == 0 && !wire.IsThere(r.Extra["thinking"]) && (isClaude(r.Model) || isNova(r.Model)) &&
		!slices.ContainsFunc(r.Messages, func(m llm.Message) bool {
			return m.Role == llm.RoleTool || m.Role == llm.RoleFunction || m.Role == llm.RoleAssistant && (len(m.ToolCalls) > 0 || m.FunctionCall != nil)
		})
}
