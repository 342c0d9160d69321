package llm

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/llmagg/llmagg/core/internal/shown"
	"github.com/llmagg/llmagg/core/internal/suggest"
	"github.com/llmagg/llmagg/core/internal/wordlist"
)

// This file checks the parts and the calls in messages: they may lack a field
// that they need, have a misspelt name or type, or something else than a text
// where every server takes a text. A type that resembles no known type passes:
// the server may know it.

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
	case s.detail != nil && s.detail[0] != '"':
		return notText(".detail", s.detail)
	case s.fileID != nil && s.fileID[0] != '"':
		return notText(".file_id", s.fileID)
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
		if problem := textProblem(s.text); problem != "" || !s.others {
			return problem
		}
		return slipProblem(part, []string{"cache_control"})
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
//
//go:noinline
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
	case isText(value):
		return localProblem("."+name, value)
	case value != nil && value[0] == '[':
		return ""
	}
	if problem := objectProblem(name, value, "url", "url", "detail"); problem != "" {
		return problem
	}
	return detailProblem("."+name+".detail", memberOf(value, "detail"))
}

// detailProblem says that the detail of an image is a slip in a known word.
func detailProblem(at string, v []byte) string {
	words, _ := valueWords.Find("detail")
	var word string
	if !isText(v) || JSON.Unmarshal(v, &word) != nil {
		return ""
	}
	if near := slipInWord(word, words.Words()); near != "" {
		return at + " is " + shown.Text(word) + fmt.Sprintf("; did you mean %q?", near)
	}
	return ""
}

// localProblem says that an address is the path of a file beside the caller's
// program, which no server can read. A path from the root passes: a server may
// have such a file itself.
func localProblem(at string, address []byte) string {
	if len(address) > 500 || strings.ContainsAny(string(address[:2]), `/\`) || bytes.IndexByte(address, ':') > 0 { // long ones are data
		return ""
	}
	if dot := bytes.LastIndexByte(address, '.'); dot < 0 || !mediaEndings.Has(strings.ToLower(string(address[dot+1:len(address)-1]))) {
		return ""
	}
	return at + " is " + shown.Value(address) + ", a path, which servers do not read; expected an address with https://, or the file as data:…;base64,…"
}

// mediaEndings are how names of images, audio, video and documents end.
const mediaEndings wordlist.List = "png jpg jpeg gif webp bmp tif tiff svg heic avif mp3 wav ogg flac mp4 mov webm pdf"

// objectProblem says what is wrong with the object in a field of a part. It
// must have the field needs, or any where that is "". Its known fields are
// texts.
func objectProblem(name string, object []byte, needs string, names ...string) string {
	form := func() string { return fmt.Sprintf("expected {\"type\": %q, %[1]q: {%q: …}}", name, names[0]) }
	switch {
	case object == nil:
		return fmt.Sprintf(" has no %q; %s", name, form())
	case object[0] != '{':
		return "." + name + " is " + shown.Value(object) + "; " + form()
	}
	problem := slipProblem(object, names)
	if problem == "" {
		problem = kindProblem(object, kindString, names...)
	}
	if problem != "" {
		return "." + name + problem
	}
	switch value := memberOf(object, needs); {
	case needs == "" && len(object) == 2, needs != "" && (value == nil || is(value, "")):
		return fmt.Sprintf(".%s has no %q; %s", name, names[0], form())
	case needs != "":
		return localProblem("."+name+"."+needs, value)
	}
	return ""
}

// kindProblem is the problem of the first of the named fields of an object that
// is neither of a kind nor null; "" without one.
func kindProblem(object []byte, kind fieldKind, names ...string) string {
	for _, name := range names {
		if value := memberOf(object, name); value != nil && !kind.fits(value) {
			return "." + name + " is " + shown.Value(value) + "; expected " + kindText[kind]
		}
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
		if v := r.value(); found && v != nil {
			value = v
		}
	}
	return value
}

// value passes over a value, which comes next; it is nil for null.
func (r *reader) value() []byte {
	if from := r.Span(); r.Err == nil && r.Data[from] != 'n' {
		return r.Data[from:r.Pos]
	}
	return nil
}

// judged are the fields of a message that judgeField looks at.
var judged = []string{"tool_calls", "function_call", "name", "tool_call_id", "refusal"}

// judgeField checks the calls, or the text, in a field of a message; problem is
// that of its list of calls. What else stands beside the role and the content
// is the server's to judge.
func judgeField(message int, field string, value []byte, problem string) error {
	switch {
	case value[0] == 'n': // null: as if it were not there
	case field == "tool_calls":
		if value[0] != '[' {
			problem = " is " + shown.Value(value) + "; expected an array, where " + callForm
		}
	case field == "function_call":
		r := newReader(value)
		_, problem = r.calledProblem("", "arguments")
	case value[0] != '"' && (field != "tool_call_id" || !mayBeID(value)):
		problem = notText("", value)
	}
	if problem == "" {
		return nil
	}
	return Errorf(InvalidArgument, "messages[%d].%s%s", message, field, problem)
}

// mayBeID tells whether a value may be the id of a call: some servers number
// theirs.
func mayBeID(value []byte) bool { return value[0] == '"' || isNumber(value) }

// callForm is how a call is written, for errors.
const callForm = `a call is {"id": …, "type": "function", "function": {"name": …, "arguments": "{…}"}}`

// callsProblem passes over a list of calls, which comes next, and says what is
// wrong with the first wrong one.
func (r *reader) callsProblem() (problem string) {
	i := 0
	for more := r.Array(); more; more = r.NextItem() {
		if wrong := r.callProblem(); wrong != "" && problem == "" {
			problem = fmt.Sprintf("[%d]%s", i, wrong)
		}
		i++
	}
	return problem
}

func (r *reader) callProblem() string {
	if first := r.Next(); first != '{' {
		from := r.Span()
		if first == 'n' || r.Err != nil { // null is no call
			return ""
		}
		return " is " + shown.Value(r.Data[from:r.Pos]) + "; " + callForm
	}
	var typ, id []byte
	function, custom, inFunction, inCustom := false, false, "", ""
	start := r.Pos
	for more := r.Object(); more; more = r.NextField() {
		switch string(r.Key) {
		case "type":
			typ = r.value()
		case "id":
			id = r.value()
		case "function":
			function, inFunction = r.calledProblem(".function", "arguments")
		case "custom":
			custom, inCustom = r.calledProblem(".custom", "input")
		}
	}
	switch {
	case r.Err != nil: // the syntax error says more
		return ""
	case typ != nil && typ[0] != '"':
		return notText(".type", typ)
	case id != nil && !mayBeID(id):
		return notText(".id", id)
	case custom && (is(typ, "custom") || is(typ, "")):
		return inCustom
	case function && (is(typ, "function") || is(typ, "")):
		return inFunction
	case function && nearFunction(typ):
		return fmt.Sprintf(".type is %s; did you mean \"function\"?", typ)
	case function:
		return ""
	}
	if problem := slipProblem(r.Data[start:r.Pos], []string{"function"}); problem != "" {
		return problem
	}
	if is(typ, "function") {
		return ` has no "function"; ` + callForm
	}
	return ""
}

// calledProblem passes over what a call names, which comes next: a function
// with its arguments, or a tool with its input. A few servers take arguments as
// an object instead of its text.
func (r *reader) calledProblem(at, text string) (there bool, problem string) {
	first, start := r.Next(), r.Pos
	if first != '{' {
		if called := r.value(); called != nil {
			return true, fmt.Sprintf("%s is %s; expected {\"name\": …, %q: …}", at, shown.Value(called), text)
		}
		return false, ""
	}
	var name, said []byte
	for more := r.Object(); more; more = r.NextField() {
		switch string(r.Key) {
		case "name":
			name = r.value()
		case text:
			said = r.value()
		}
	}
	switch {
	case r.Err != nil:
	case said != nil && said[0] != '"' && said[0] != '{':
		problem = notText(at+"."+text, said)
	case name != nil && name[0] != '"':
		problem = notText(at+".name", name)
	case said == nil || name == nil:
		if problem = slipProblem(r.Data[start:r.Pos], []string{"name", text}); problem != "" {
			problem = at + problem
		}
	}
	return true, problem
}
