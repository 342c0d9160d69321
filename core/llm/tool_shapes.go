package llm

import (
	"bytes"
	"fmt"

	"github.com/llmagg/llmagg/core/internal/jsontext"
	"github.com/llmagg/llmagg/core/internal/shown"
	"github.com/llmagg/llmagg/core/internal/suggest"
)

// This file reads the tools of a request in the shapes of other APIs. Where a
// tool says all that a function of chat completions does, it becomes one, so
// that every route understands it; where it is neither that nor a vendor's own
// tool, it is refused, since servers pass over it or say nothing that helps.

// shapesOf checks the fields of a request in which other APIs have other
// shapes, and gives those that have to be written again; nil for none. parts
// tells whether a message has such parts.
func shapesOf(data []byte, fields []jsontext.Field, parts bool) (again Extra, err error) {
	var tools, choice []byte
	for i := range fields {
		f := &fields[i]
		v := data[f.Start:f.End]
		var written []byte
		switch {
		case parts && f.Key == "messages":
			written = readMessages(v)
		case v[0] == '[' && f.Key == "tools":
			tools = v
			written, err = readTools(v)
		case v[0] == '[' && f.Key == "functions":
			err = readFunctions(v)
		case f.Key == "tool_choice":
			choice = v
			written = readChoice(v)
		case v[0] == '{' && f.Key == "response_format":
			err = checkFormat(v)
		default:
			err = checkInside(f.Key, v)
		}
		if err != nil {
			return nil, err
		}
		if written != nil {
			if again == nil {
				again = Extra{}
			}
			again[f.Key] = written
		}
	}
	return again, checkChoice(choice, tools)
}

// toolForm is how a tool is written, for errors.
const toolForm = `a tool is {"type": "function", "function": {"name": "weather", "description": …, "parameters": {a JSON schema}}}`

// toolShape are the fields of one tool, of its function, or of tool_choice;
// nil for those that it does not have.
type toolShape struct {
	typ, name, description, strict, cacheControl, function []byte

	schema    []byte // of the parameters
	schemaKey string // under which the schema stands
	wrapper   string // of Gemini's or Bedrock's, around declarations
	others    bool   // fields beside these
}

// shapeOf reads an object whose syntax was checked.
func shapeOf(object []byte) (s toolShape) {
	r := newReader(object)
	for more := r.Object(); more; more = r.NextField() {
		key := r.Key
		field := s.place(string(key))
		from := r.Span()
		if field != nil && r.Data[from] != 'n' {
			*field = r.Data[from:r.Pos]
		}
	}
	return s
}

// place is where the value of a field belongs; nil for none.
func (s *toolShape) place(key string) *[]byte {
	switch key {
	case "type":
		return &s.typ
	case "name":
		return &s.name
	case "description":
		return &s.description
	case "strict":
		return &s.strict
	case "cache_control":
		return &s.cacheControl
	case "function":
		return &s.function
	case "parameters", "input_schema", "inputSchema", "parametersJsonSchema":
		s.others = s.others || s.schemaKey != ""
		s.schemaKey = key
		return &s.schema
	case "functionDeclarations", "function_declarations", "toolSpec":
		s.wrapper = key
	case "title", "annotations", "outputSchema", "_meta", "icons", "execution": // of MCP; a model is not told
	default:
		s.others = true
	}
	return nil
}

// is tells whether a value is this text; nil is "". Not inlined, it saves 4 KB
// of the library.
//
//go:noinline
func is(value []byte, text string) bool {
	return value == nil && text == "" || len(value) == len(text)+2 && value[0] == '"' && string(value[1:len(value)-1]) == text
}

func isText(value []byte) bool { return len(value) > 2 && value[0] == '"' }

// flat tells whether a tool is a function without the object "function" around
// it: Anthropic's, MCP's and the Responses API's. One with more fields is left
// to the vendor that knows them.
func (s *toolShape) flat() bool {
	known := s.typ == nil || is(s.typ, "function") || is(s.typ, "custom") && s.schemaKey == "input_schema"
	return known && s.function == nil && isText(s.name) && s.wrapper == "" && !s.others
}

// differs tells whether a tool is a function in another shape than that of chat
// completions.
func (s *toolShape) differs() bool { return s.flat() || s.typ == nil && s.function != nil }

// readTools checks tools, and gives them with every function in the shape of
// chat completions; nil where all have it already.
func readTools(tools []byte) ([]byte, error) {
	items, changed := elementsOf(tools), false
	for i, tool := range items {
		s, err := readTool(tool, i)
		if err != nil {
			return nil, err
		}
		changed = changed || s.differs()
	}
	if !changed {
		return nil, nil
	}
	return each(nil, items, func(dst, tool []byte) []byte {
		if s := shapeOf(tool); s.differs() {
			return s.write(dst, tool)
		}
		return append(dst, tool...)
	}), nil
}

// write appends the tool as chat completions write it. A tool that lacks its
// type only keeps its other fields.
func (s *toolShape) write(dst, tool []byte) []byte {
	if s.function != nil {
		dst = append(dst, `{"type":"function"`...)
		r := newReader(tool)
		for more := r.Object(); more; more = r.NextField() {
			key := string(r.Key)
			if from := r.Span(); key != "type" { // it is null
				dst = append(jsontext.AppendText(append(dst, ','), key), ':')
				dst = append(dst, r.Data[from:r.Pos]...)
			}
		}
		return append(dst, '}')
	}
	dst = append(append(dst, `{"type":"function","function":{"name":`...), s.name...)
	for _, f := range []struct {
		name  string
		value []byte
	}{{"description", s.description}, {"parameters", s.schema}, {"strict", s.strict}} {
		if f.value != nil {
			dst = append(append(append(append(dst, `,"`...), f.name...), `":`...), f.value...)
		}
	}
	if dst = append(dst, '}'); s.cacheControl != nil {
		dst = append(append(dst, `,"cache_control":`...), s.cacheControl...)
	}
	return append(dst, '}')
}

// readTool checks one tool.
func readTool(tool []byte, i int) (s toolShape, err error) {
	if tool[0] != '{' {
		return s, Errorf(InvalidArgument, "tools[%d] is %s; %s", i, shown.Value(tool), toolForm)
	}
	s = shapeOf(tool)
	switch {
	case s.wrapper != "" && (s.wrapper != "toolSpec" || s.typ == nil):
		return s, Errorf(InvalidArgument, "tools[%d] has %q, which is the shape of another API; %s (\"extra_body\" sends it as it is)", i, s.wrapper, toolForm)
	case s.function != nil && (s.typ == nil || is(s.typ, "function")):
		return s, checkFunction("tools", i, s.function, ".function")
	case s.function != nil && nearFunction(s.typ):
		return s, Errorf(InvalidArgument, "tools[%d].type is %s; did you mean \"function\"?", i, shown.Value(s.typ))
	case s.flat():
		return s, checkFunction("tools", i, tool, "")
	case is(s.typ, "function"):
		return s, Errorf(InvalidArgument, "tools[%d] has no \"function\"; %s", i, toolForm)
	case s.schema != nil && s.name == nil && s.function == nil:
		return s, Errorf(InvalidArgument, "tools[%d] has no name; %s", i, toolForm)
	case is(s.typ, "object"):
		return s, Errorf(InvalidArgument, "tools[%d] is a JSON schema; %s", i, toolForm)
	}
	return s, nil
}

func nearFunction(typ []byte) bool {
	var word string
	return JSON.Unmarshal(typ, &word) == nil && suggest.Nearest(word, []string{"function"}, 2) != ""
}

// checkFunction checks a function of tools[i], or functions[i]. at is where it
// stands in there.
func checkFunction(list string, i int, function []byte, at string) error {
	if function[0] != '{' {
		return Errorf(InvalidArgument, "%s[%d]%s is %s; expected an object with \"name\" and \"parameters\"", list, i, at, shown.Value(function))
	}
	s := shapeOf(function)
	switch {
	case list == "functions" && s.function != nil:
		return Errorf(InvalidArgument, "functions[%d] is a tool; put it into \"tools\"", i)
	case !isText(s.name):
		return Errorf(InvalidArgument, "%s[%d]%s has no \"name\" that is a text; expected {\"name\": \"weather\", \"description\": …, \"parameters\": {a JSON schema}}", list, i, at)
	case s.schema != nil && s.schemaKey != "parameters" && (at != "" || list == "functions"):
		return Errorf(InvalidArgument, "%s[%d]%s has %q; write the JSON schema into \"parameters\"", list, i, at, s.schemaKey)
	case s.schema != nil && s.schema[0] != '{':
		return Errorf(InvalidArgument, "%s[%d]%s.%s is %s; expected an object, the JSON schema of the arguments", list, i, at, s.schemaKey, shown.Value(s.schema))
	case s.others:
		return checkNames(fmt.Sprintf("%s[%d]%s", list, i, at), function, functionNames)
	}
	return nil
}

// readFunctions checks the old form of tools.
func readFunctions(functions []byte) error {
	for i, function := range elementsOf(functions) {
		if err := checkFunction("functions", i, function, ""); err != nil {
			return err
		}
	}
	return nil
}

// readChoice gives tool_choice in the shape of chat completions, nil where it
// has it already: Anthropic and the Responses API name a function without the
// object around it, and Anthropic's words are types.
func readChoice(choice []byte) []byte {
	if choice[0] != '{' {
		return nil
	}
	s := shapeOf(choice)
	if s.others || s.function != nil || s.schema != nil || s.wrapper != "" {
		return nil
	}
	switch {
	case isText(s.name) && (s.typ == nil || is(s.typ, "function") || is(s.typ, "tool")):
		return append(append([]byte(`{"type":"function","function":{"name":`), s.name...), "}}"...)
	case s.name != nil:
	case is(s.typ, "any"):
		return []byte(`"required"`)
	case is(s.typ, "auto") || is(s.typ, "none") || is(s.typ, "required"):
		return s.typ
	}
	return nil
}

// choiceForm is how a tool is chosen, for errors.
const choiceForm = `{"type": "function", "function": {"name": …}}`

// checkChosen refuses a choice of a function that names none.
func checkChosen(choice []byte) error {
	s := shapeOf(choice)
	switch {
	case s.typ != nil && s.typ[0] != '"':
		return Errorf(InvalidArgument, "tool_choice.type is %s; expected a string", shown.Value(s.typ))
	case s.function != nil && !is(s.typ, "function") && nearFunction(s.typ):
		return Errorf(InvalidArgument, "tool_choice.type is %s; did you mean \"function\"?", shown.Value(s.typ))
	case is(s.typ, "function") && s.function == nil && !isText(s.name):
		return Errorf(InvalidArgument, "tool_choice has no \"function\"; expected %s", choiceForm)
	case s.function != nil && (s.function[0] != '{' || !isText(memberOf(s.function, "name"))):
		return Errorf(InvalidArgument, "tool_choice.function has no \"name\" that is a text; expected %s", choiceForm)
	}
	return nil
}

// checkChoice refuses a word that is the name of a tool, or a slip.
func checkChoice(choice, tools []byte) error {
	switch {
	case choice == nil:
		return nil
	case choice[0] == '{':
		return checkChosen(choice)
	case choice[0] != '"':
		return nil
	}
	var word string // which escapes
	if JSON.Unmarshal(choice, &word) != nil {
		return nil
	}
	if err := checkWords("tool_choice", choice); err != nil {
		return err
	}
	// A known word may stand in a schema as well ("required").
	known, _ := valueWords.Find("tool_choice")
	if tools != nil && !known.Has(word) && bytes.Contains(tools, jsontext.AppendText(nil, word)) {
		return Errorf(InvalidArgument, "request field \"tool_choice\" is %s; to have a tool called, write %s with its name", shown.Text(word), choiceForm)
	}
	return nil
}
