package llm

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/llmagg/llmagg/core/internal/jsontext"
	"github.com/llmagg/llmagg/core/internal/shown"
	"github.com/llmagg/llmagg/core/internal/suggest"
	"github.com/llmagg/llmagg/core/internal/wordlist"
)

// This file reads the tools of a request in the shapes of other APIs. Where a
// tool says all that a function of chat completions does, it becomes one, so
// that every route understands it; where it is neither that nor a vendor's own
// tool, it is refused, since servers pass over it or say nothing that helps.

// shapesOf checks the fields of a request in which other APIs have other
// shapes, and gives those that have to be written again; nil for none. parts
// tells whether a message has such parts.
func shapesOf(data []byte, fields []jsontext.Field, parts bool) (again Extra, err error) {
	bare, has := false, false // an empty list of tools, which many servers refuse, is none
	for i := range fields {
		f := &fields[i]
		v := data[f.Start:f.End]
		var written []byte
		switch {
		case parts && f.Key == "messages":
			written = readMessages(v)
		case v[0] == '[' && (f.Key == "tools" || f.Key == "functions") && bytes.Equal(bytes.TrimSpace(v[1:]), v[len(v)-1:]):
			written, bare = []byte("null"), true
		case v[0] == '[' && f.Key == "tools":
			has = true
			written, err = readTools(v)
		case v[0] == '[' && f.Key == "functions":
			has = true
			err = readFunctions(v)
		case f.Key == "tool_choice":
			written, err = readChoice(v)
		case v[0] == '{' && f.Key == "response_format":
			err = checkFormat(v)
		default:
			err = checkInside(f.Key, v)
		}
		if err != nil {
			return nil, err
		}
		if written != nil {
			again.Put(f.Key, written)
		}
	}
	if bare && !has {
		again.unsayTools(data, fields)
	}
	return again, nil
}

// unsayTools takes away what a request says of tools that it does not have.
func (e Extra) unsayTools(data []byte, fields []jsontext.Field) {
	for i := range fields {
		f := &fields[i]
		if v := string(data[f.Start:f.End]); f.Key == "parallel_tool_calls" || f.Key == "tool_choice" && (v == `"auto"` || v == `"none"`) {
			e[f.Key] = []byte("null")
		}
	}
}

// toolForm is how a tool is written, for errors. As a constant it would be in
// the library with each of them.
var toolForm = `a tool is {"type": "function", "function": {"name": "weather", "description": …, "parameters": {a JSON schema}}}`

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
		field := s.place(string(r.Key))
		if value := r.value(); field != nil && value != nil {
			*field = value
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
		s, problem := readTool(tool)
		if problem != "" {
			return nil, Errorf(InvalidArgument, "tools[%d]%s", i, problem)
		}
		if s.differs() {
			items[i], changed = s.written(tool), true
		}
	}
	if !changed {
		return nil, nil
	}
	return JSONOf(items), nil
}

// written is the tool as chat completions write it. A tool that lacks its type
// only keeps its other fields.
func (s *toolShape) written(tool []byte) []byte {
	if s.function != nil {
		made := eachField(nil, tool, func(dst []byte, key string, value []byte) []byte {
			if key == "type" { // it is null
				return dst
			}
			return append(dst, value...)
		})
		return append(made[:len(made)-1], `,"type":"function"}`...)
	}
	made := fmt.Appendf(nil, `{"type":"function","function":{"name":%s`, s.name)
	for i, value := range [...][]byte{s.description, s.schema, s.strict} {
		if value != nil {
			made = fmt.Appendf(made, ",%q:%s", functionNames[i+1], value)
		}
	}
	if made = append(made, '}'); s.cacheControl != nil {
		made = fmt.Appendf(made, `,"cache_control":%s`, s.cacheControl)
	}
	return append(made, '}')
}

// readTool reads one tool; problem says what is wrong with it, as the end of a
// message that begins with the tool's place, "" if nothing is.
func readTool(tool []byte) (s toolShape, problem string) {
	if tool[0] != '{' {
		return s, " is " + shown.Value(tool) + "; " + toolForm
	}
	s = shapeOf(tool)
	switch {
	case s.wrapper != "" && (s.wrapper != "toolSpec" || s.typ == nil):
		return s, ` has "` + s.wrapper + `", which is the shape of another API; ` + toolForm + ` ("extra_body" sends it as it is)`
	case s.function != nil && (s.typ == nil || is(s.typ, "function")):
		if problem = functionProblem(s.function, false); problem != "" {
			problem = ".function" + problem
		}
		return s, problem
	case s.function != nil && nearFunction(s.typ):
		return s, ".type is " + shown.Value(s.typ) + `; did you mean "function"?`
	case s.flat():
		return s, functionProblem(tool, true)
	case is(s.typ, "function"):
		return s, ` has no "function"; ` + toolForm
	case s.schema != nil && s.name == nil && s.function == nil:
		return s, " has no name; " + toolForm
	case is(s.typ, "object"):
		return s, " is a JSON schema; " + toolForm
	}
	return s, ""
}

func nearFunction(typ []byte) bool {
	var word string
	return JSON.Unmarshal(typ, &word) == nil && suggest.Nearest(word, []string{"function"}, 2) != ""
}

// functionProblem says what is wrong with a function, as [readTool] does. A
// flat tool, which is its function, may have its schema under other names.
func functionProblem(function []byte, flat bool) string {
	if function[0] != '{' {
		return " is " + shown.Value(function) + `; expected an object with "name" and "parameters"`
	}
	s := shapeOf(function)
	switch {
	case !isText(s.name):
		return ` has no "name" that is a text; expected {"name": "weather", "description": …, "parameters": {a JSON schema}}`
	case s.description != nil && s.description[0] != '"':
		return notText(".description", s.description)
	case s.schema != nil && s.schemaKey != "parameters" && !flat:
		return ` has "` + s.schemaKey + `"; write the JSON schema into "parameters"`
	case s.schema != nil && s.schema[0] != '{':
		return "." + s.schemaKey + " is " + shown.Value(s.schema) + "; expected an object, the JSON schema of the arguments"
	case s.strict != nil && !kindBool.fits(s.strict):
		return ".strict is " + shown.Value(s.strict) + "; expected true or false"
	case s.others:
		return slipProblem(function, functionNames)
	}
	return ""
}

// readFunctions checks the old form of tools.
func readFunctions(functions []byte) error {
	for i, function := range elementsOf(functions) {
		problem := functionProblem(function, false)
		if function[0] == '{' && memberOf(function, "function") != nil {
			problem = ` is a tool; put it into "tools"`
		}
		if problem != "" {
			return Errorf(InvalidArgument, "functions[%d]%s", i, problem)
		}
	}
	return nil
}

// readChoice checks tool_choice, and gives it in the shape of chat completions,
// nil where it has it already: Anthropic and the Responses API name a function
// without the object around it, and Anthropic's words are types.
func readChoice(choice []byte) ([]byte, error) {
	const form = `{"type": "function", "function": {"name": …}}`
	if choice[0] != '{' {
		return nil, checkChoice("tool_choice", choice, choiceWords, `, "required" or, to have a tool called, `+form)
	}
	s := shapeOf(choice)
	switch {
	case s.typ != nil && s.typ[0] != '"':
		return nil, Errorf(InvalidArgument, "tool_choice.type is %s; expected a string", shown.Value(s.typ))
	case s.function != nil && !is(s.typ, "function") && nearFunction(s.typ):
		return nil, Errorf(InvalidArgument, "tool_choice.type is %s; did you mean \"function\"?", shown.Value(s.typ))
	case is(s.typ, "function") && s.function == nil && !isText(s.name):
		return nil, Errorf(InvalidArgument, "tool_choice has no \"function\"; expected %s", form)
	case s.function != nil && (s.function[0] != '{' || !isText(memberOf(s.function, "name"))):
		return nil, Errorf(InvalidArgument, "tool_choice.function has no \"name\" that is a text; expected %s", form)
	case s.others || s.function != nil || s.schema != nil || s.wrapper != "": // a vendor knows it
	case isText(s.name) && (s.typ == nil || is(s.typ, "function") || is(s.typ, "tool")):
		return fmt.Appendf(nil, `{"type":"function","function":{"name":%s}}`, s.name), nil
	case s.name != nil:
	case is(s.typ, "any"):
		return []byte(`"required"`), nil
	case is(s.typ, "auto") || is(s.typ, "none") || is(s.typ, "required"):
		return s.typ, nil
	}
	return nil, nil
}

// checkChoice refuses a word that no vendor chooses by: the name of a tool, or
// a slip. words are those that they do, folded; form is what else they take.
func checkChoice(field string, choice []byte, words wordlist.List, form string) error {
	var word string // which escapes
	if choice[0] != '"' || JSON.Unmarshal(choice, &word) != nil || words.Has(strings.ToLower(word)) {
		return nil
	}
	if err := checkWords(field, choice); err != nil {
		return err
	}
	return Errorf(InvalidArgument, "request field %q is %s; expected \"auto\", \"none\"%s (\"extra_body\" sends it as it is)", field, shown.Text(word), form)
}

// The words by which vendors choose; "validated", "custom" and "tool" are
// Gemini's, Hunyuan's and Reka's.
const (
	choiceWords   wordlist.List = "auto none required any validated custom tool"
	functionWords wordlist.List = "auto none"
)
