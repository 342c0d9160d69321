package llm

import (
	"fmt"
	"strings"

	"github.com/llmagg/llmagg/core/internal/shown"
	"github.com/llmagg/llmagg/core/internal/suggest"
	"github.com/llmagg/llmagg/core/internal/wordlist"
)

// This file checks the parts and the calls in messages: they may lack a field
// that they need, or have a misspelt name or type. A type that resembles no
// known type passes: the server may know it.

// partTypes are the types of parts that formats and well-known servers have.
const partTypes wordlist.List = `
text image_url input_audio file refusal video_url audio_url document_url file_url input_text output_text input_image input_video input_file
image audio video document thinking redacted_thinking reasoning reference search_result tool_use tool_result tool-call tool-result tool_call
server_tool_use image_file image_pil image_embeds audio_embeds prompt_embeds container_upload guardContent cachePoint reasoningContent citationsContent searchResult
`

// problem says what is wrong with a part, as the end of a message that begins
// with the part's place; "" if nothing is wrong.
func (s *partShape) problem(part []byte) string {
	switch {
	case s.typ != nil && s.typ[0] != '"':
		return notText(".type", s.typ)
	case s.typ == nil && s.text != nil && s.text[0] != '"':
		return notText(".text", s.text)
	case s.typ == nil && s.imageURL != nil, is(s.typ, "image_url"):
		return addressProblem("image_url", s.imageURL)
	case s.typ == nil && s.text == nil && s.foreign == "" && !s.others && s.meant() == "":
		return ` has no "type"; expected a part such as {"type": "text", "text": …}`
	case s.typ == nil:
		return ""
	}
	switch kind := string(s.typ[1 : len(s.typ)-1]); kind {
	case "text", "input_text", "output_text":
		return textProblem(s.text)
	case "file":
		if s.file != nil {
			return objectProblem(kind, s.file, "", "file_data", "file_id", "filename")
		}
		if s.fileID == nil && s.bare == nil {
			return ` has no "file"; ` + partForm(kind)
		}
	case "input_audio":
		if audio := memberOf(part, kind); audio == nil || audio[0] != '"' { // Mistral's is the data
			return objectProblem(kind, audio, "", "data", "format")
		}
	case "video_url", "audio_url", "document_url":
		return addressProblem(kind, memberOf(part, kind))
	default:
		return typeProblem(s.typ)
	}
	return ""
}

// notText is the problem of a field that must be a text and is not.
func notText(field string, value []byte) string {
	return field + " is " + shown.Value(value) + "; expected a string"
}

// textProblem says what is wrong with the text of a part that is one.
func textProblem(text []byte) string {
	switch {
	case text == nil:
		return ` has no "text"; expected {"type": "text", "text": …}`
	case text[0] != '"':
		return notText(".text", text)
	}
	return ""
}

// addressProblem says what is wrong with a field that holds an address, bare or
// in an object.
func addressProblem(name string, value []byte) string {
	switch {
	case is(value, "") && value != nil:
		return "." + name + ` is ""; expected an address, or data:…;base64,…`
	case value != nil && (value[0] == '"' || value[0] == '['):
		return ""
	}
	return objectProblem(name, value, "url", "url", "detail")
}

// objectProblem says what is wrong with the object in a field of a part. It
// must have the field needs, or any where that is "".
func objectProblem(name string, object []byte, needs string, names ...string) string {
	form := func() string { return fmt.Sprintf("expected {\"type\": %q, %[1]q: {%q: …}}", name, names[0]) }
	switch {
	case object == nil:
		return fmt.Sprintf(" has no %q; %s", name, form())
	case object[0] != '{':
		return "." + name + " is " + shown.Value(object) + "; " + form()
	}
	if slip, near := slipIn(object, names); near != "" {
		return fmt.Sprintf(".%s has the field %s; did you mean %q?", name, shown.Name(slip), near)
	}
	value := memberOf(object, needs)
	switch {
	case needs == "" && len(object) == 2, needs != "" && (value == nil || is(value, "")):
		return fmt.Sprintf(".%s has no %q; %s", name, names[0], form())
	case needs != "" && value[0] != '"':
		return notText("."+name+"."+needs, value)
	}
	return ""
}

// typeProblem refuses a part's type that is a slip in a known one.
func typeProblem(typ []byte) string {
	var word string // which escapes
	if JSON.Unmarshal(typ, &word) != nil || partTypes.Has(word) {
		return ""
	}
	near := suggest.Nearest(word, partTypes.Words(), max(1, suggest.Slips(word)))
	if near == "" {
		near = spelledOut(word)
	}
	if near != "" && near != word {
		return ".type is " + shown.Text(word) + fmt.Sprintf("; did you mean %q?", near)
	}
	return ""
}

// spelledOut is the known type that a word is short for, as "img_url" is; ""
// for none.
func spelledOut(word string) string {
	var apart strings.Builder // its words
	for i := range len(word) {
		if c := word[i]; i > 0 && 'A' <= c && c <= 'Z' && word[i-1] >= 'a' {
			apart.WriteByte('_')
		}
		apart.WriteByte(word[i])
	}
	parts := strings.FieldsFunc(strings.ToLower(apart.String()), func(c rune) bool { return c == '_' || c == '-' || c == '.' })
	for i, part := range parts {
		switch part {
		case "img", "pic", "picture", "photo":
			parts[i] = "image"
		case "txt":
			parts[i] = "text"
		case "vid":
			parts[i] = "video"
		case "aud", "sound":
			parts[i] = "audio"
		case "doc":
			parts[i] = "document"
		case "link", "uri", "addr":
			parts[i] = "url"
		}
	}
	if long := strings.Join(parts, "_"); partTypes.Has(long) {
		return long
	}
	return ""
}

// memberOf is the value of a field of an object, nil where it has none or null.
func memberOf(object []byte, name string) (value []byte) {
	r := newReader(object)
	for more := r.Object(); more; more = r.NextField() {
		found := string(r.Key) == name
		if from := r.Span(); found && r.Err == nil && r.Data[from] != 'n' {
			value = r.Data[from:r.Pos]
		}
	}
	return value
}

// callsField is the name of a message's field that holds calls, "" for others.
func callsField(key []byte) string {
	switch string(key) {
	case "tool_calls":
		return "tool_calls"
	case "function_call":
		return "function_call"
	}
	return ""
}

// passCalls passes over a list of calls, which comes next, and tells whether
// each calls a function and has all that it needs. Nearly all do, and need no
// second look.
func (r *reader) passCalls() (plain bool) {
	plain = true
	for more := r.Array(); more; more = r.NextItem() {
		if r.Next() != '{' {
			plain = false
			continue
		}
		called := false
		for more := r.Object(); more; more = r.NextField() {
			isType, isFunction := string(r.Key) == "type", string(r.Key) == "function"
			plain = plain && string(r.Key) != "custom"
			if isFunction && r.Next() == '{' {
				called = true
				plain = r.passCalled() && plain
				continue
			}
			from := r.Span()
			plain = plain && !isFunction && r.Err == nil && (!isType || is(r.Data[from:r.Pos], "function"))
		}
		plain = plain && called
	}
	return plain
}

func (r *reader) passCalled() bool {
	named, said, plain := false, false, true
	for more := r.Object(); more; more = r.NextField() {
		named = named || string(r.Key) == "name"
		isSaid := string(r.Key) == "arguments"
		first := r.Next()
		if isSaid {
			said, plain = true, plain && first == '"'
		}
	}
	return named && said && plain
}

// judgeCalls checks the calls in a field of a message. What else stands beside
// the role and the content is the server's to judge.
func judgeCalls(message int, field string, value []byte) error {
	problem := ""
	switch {
	case value[0] == 'n': // null: as if it were not there
	case field == "tool_calls":
		problem = callsProblem(value)
	default:
		problem = calledProblem("", value, "arguments")
	}
	if problem == "" {
		return nil
	}
	return Errorf(InvalidArgument, "messages[%d].%s%s", message, field, problem)
}

// callForm is how a call is written, for errors.
const callForm = `a call is {"id": …, "type": "function", "function": {"name": …, "arguments": "{…}"}}`

func callsProblem(calls []byte) string {
	if calls[0] != '[' {
		return " is " + shown.Value(calls) + "; expected an array, where " + callForm
	}
	for i, call := range elementsOf(calls) {
		if problem := callProblem(call); problem != "" {
			return fmt.Sprintf("[%d]%s", i, problem)
		}
	}
	return ""
}

func callProblem(call []byte) string {
	switch call[0] {
	case 'n': // null is no call
		return ""
	case '{':
	default:
		return " is " + shown.Value(call) + "; " + callForm
	}
	typ, function, custom := memberOf(call, "type"), memberOf(call, "function"), memberOf(call, "custom")
	switch {
	case typ != nil && typ[0] != '"':
		return notText(".type", typ)
	case custom != nil && (is(typ, "custom") || is(typ, "")):
		return calledProblem(".custom", custom, "input")
	case function != nil && (is(typ, "function") || is(typ, "")):
		return calledProblem(".function", function, "arguments")
	case function != nil && nearFunction(typ):
		return fmt.Sprintf(".type is %s; did you mean \"function\"?", typ)
	case function != nil:
		return ""
	}
	if slip, _ := slipIn(call, []string{"function"}); slip != "" {
		return fmt.Sprintf(" has the field %s; did you mean \"function\"?", shown.Name(slip))
	}
	if is(typ, "function") {
		return ` has no "function"; ` + callForm
	}
	return ""
}

// calledProblem says what is wrong with what a call names: a function with its
// arguments, or a tool with its input. A few servers take arguments as an
// object instead of its text.
func calledProblem(at string, called []byte, text string) string {
	if called[0] != '{' {
		return fmt.Sprintf("%s is %s; expected {\"name\": …, %q: …}", at, shown.Value(called), text)
	}
	var said []byte
	r, named := newReader(called), false
	for more := r.Object(); more; more = r.NextField() {
		isSaid := string(r.Key) == text
		named = named || string(r.Key) == "name"
		from := r.Span()
		if isSaid {
			said = r.Data[from:r.Pos]
		}
	}
	if said != nil && said[0] != '"' && said[0] != '{' && said[0] != 'n' {
		return notText(at+"."+text, said)
	}
	if said == nil || !named {
		if slip, near := slipIn(called, []string{"name", text}); near != "" {
			return fmt.Sprintf("%s has the field %s; did you mean %q?", at, shown.Name(slip), near)
		}
	}
	return ""
}
