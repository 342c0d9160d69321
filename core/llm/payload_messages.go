package llm

import (
	"bytes"
	"strings"

	"github.com/llmagg/llmagg/core/internal/jsontext"
	"github.com/llmagg/llmagg/core/internal/shown"
	"github.com/llmagg/llmagg/core/internal/suggest"
	"github.com/llmagg/llmagg/core/internal/wordlist"
)

// checkMessages passes over the messages and gives the first thing that is
// wrong with them, beside their syntax.
func (r *reader) checkMessages() (wrong error) {
	count := 0
	for more := r.Array(); more; more = r.NextItem() {
		if err := r.checkMessage(count); wrong == nil {
			wrong = err
		}
		count++
	}
	if wrong == nil && count == 0 {
		return Errorf(InvalidArgument, "\"messages\" is empty; a chat needs at least one message")
	}
	return wrong
}

func (r *reader) checkMessage(i int) (wrong error) {
	if r.Next() != '{' {
		from := r.Span()
		if r.Err != nil {
			return nil // the syntax error says more
		}
		return noMessage(i, r.Data[from:r.Pos])
	}
	role, said, null, elsewhere, roleIn := noRole, false, false, "", ""
	for more := r.Object(); more; more = r.NextField() {
		isRole, isContent := string(r.Key) == "role", string(r.Key) == "content"
		said = said || isContent
		if !isRole && !isContent && wrong == nil {
			wrong = nearMessageField(i, r.Key)
			r.parts = r.parts || string(r.Key) == PartsField
			switch {
			case elsewhere == "" && contentFields.Has(string(r.Key)):
				elsewhere = string(r.Key)
			case roleIn == "" && roleFields.Has(string(r.Key)):
				roleIn = string(r.Key)
			}
		}
		field := nameAmong(judged, r.Key)
		first, from := r.Next(), r.Pos
		null = null || isContent && first == 'n'
		problem := ""
		switch {
		case isContent && first == '[':
			if err := r.checkParts(i); wrong == nil {
				wrong = err
			}
		case field == "tool_calls" && first == '[':
			problem = r.callsProblem()
		default:
			r.Skip()
		}
		switch value := r.Data[from:r.Pos]; {
		case wrong != nil || r.Err != nil:
		case isRole && first != '"':
			wrong = Errorf(InvalidArgument, "messages[%d].role is %s; expected a string", i, shown.Value(value))
		case isRole:
			role = value
		case isContent && first != '"' && first != '[' && first != 'n':
			wrong = Errorf(InvalidArgument, "messages[%d].content is %s; expected a string or an array of parts%s", i, shown.Value(value), map[byte]string{'{': "; write the part into an array"}[first])
		case field != "":
			wrong = judgeField(i, field, value, problem)
		}
	}
	switch {
	case wrong != nil || r.Err != nil:
	case !roleKnown(role):
		return unknownRole(i, role, roleIn)
	case !said && elsewhere != "" && string(role) != `"assistant"`:
		return Errorf(InvalidArgument, "messages[%d] has no \"content\", but a field %q; write the text into \"content\"", i, elsewhere)
	case (!said || null) && speakers.Has(string(role[1:len(role)-1])):
		return Errorf(InvalidArgument, "messages[%d] has no \"content\"%s; expected a string or an array of parts", i, map[bool]string{true: ": it is null"}[null])
	}
	return wrong
}

// speakers are the roles whose messages are their texts and nothing else: a
// model may call tools instead, and a tool may have no result.
const speakers wordlist.List = "user system developer"

// checkParts passes over the parts of a content. Which types there are is the
// server's to judge, but for those of other APIs and for slips.
func (r *reader) checkParts(message int) (wrong error) {
	n := 0
	for more := r.Array(); more; more = r.NextItem() {
		if r.Next() == '{' {
			from := r.Pos
			s := r.readPart()
			if wrong == nil && r.Err == nil {
				wrong = r.checkPart(s, r.Data[from:r.Pos], message, n)
			}
		} else if from := r.Span(); wrong == nil && r.Err == nil {
			wrong = Errorf(InvalidArgument, "messages[%d].content[%d] is %s; expected a part such as {\"type\": \"text\", \"text\": …}", message, n, shown.Value(r.Data[from:r.Pos]))
		}
		n++
	}
	return wrong
}

// What other formats call the content of a message, and its role.
const (
	contentFields wordlist.List = "text message msg prompt parts input value body"
	roleFields    wordlist.List = "from type author sender speaker"
)

// messageFields are the fields of a message for which others are mistaken.
var messageFields = []string{"role", "content", "name", "tool_calls", "tool_call_id", "function_call"}

// nearMessageField is the error for a field whose name is so near to a known
// one that it is a slip: what the field holds would not be read by any server.
func nearMessageField(i int, key []byte) error {
	switch string(key) {
	case "name", "tool_calls", "tool_call_id", "function_call", "refusal", "reasoning_content", "reasoning", "audio", "annotations":
		return nil
	}
	name := string(key)
	if near := slipOf(name, messageFields); near != "" {
		return Errorf(InvalidArgument, "messages[%d] has the field %s, which no server knows; did you mean %q?", i, shown.Name(name), near)
	}
	return nil
}

// noRole is the role of a message that has none.
var noRole = []byte(`""`)

// unknownRole is the error for a role; elsewhere is a field in which other
// formats have it, "" without one.
func unknownRole(i int, role []byte, elsewhere string) error {
	const expected = "expected system, developer, user, assistant, tool or function"
	if string(role) == `""` && elsewhere != "" {
		return Errorf(InvalidArgument, "messages[%d].role is missing, but there is a field %q; write \"role\", which is %s", i, elsewhere,
			strings.TrimPrefix(expected, "expected "))
	}
	if string(role) == `""` {
		return Errorf(InvalidArgument, "messages[%d].role is missing; %s", i, expected)
	}
	var name string
	if JSON.Unmarshal(role, &name) != nil {
		name = ""
	}
	if meant := roleMeant(name); meant != "" {
		return Errorf(InvalidArgument, "messages[%d].role is %s; did you mean %q?", i, shown.Value(role), meant)
	}
	return Errorf(InvalidArgument, "messages[%d].role is %s; %s%s", i, shown.Value(role), expected,
		suggest.For(name, []string{"system", "developer", "user", "assistant", "tool", "function"}))
}

// noMessage is the error for a message that is no object.
func noMessage(i int, value []byte) error {
	var pair []string // as ["human", "hi"]
	if value[0] == '[' && JSON.Unmarshal(value, &pair) == nil && len(pair) == 2 {
		role := Role(pair[0])
		if !role.Known() {
			role = roleMeant(pair[0])
		}
		if role != "" {
			return Errorf(InvalidArgument, "messages[%d] is a pair of a role and a text, as other libraries have it; write {\"role\": %q, \"content\": …}", i, role)
		}
	}
	return Errorf(InvalidArgument, "messages[%d] is %s; expected an object with \"role\" and \"content\"", i, shown.Value(value))
}

// roleMeant is the role that other APIs call so; "" for none.
func roleMeant(name string) Role {
	switch strings.ToLower(name) {
	case "model", "ai", "bot", "chatbot":
		return RoleAssistant
	case "human":
		return RoleUser
	}
	return ""
}

// roleKnown tells whether a JSON string is a role's name.
func roleKnown(quoted []byte) bool {
	name := quoted[1 : len(quoted)-1]
	if bytes.IndexByte(name, '\\') >= 0 {
		name = jsontext.Unescape(name, false)
	}
	return Role(name).Known()
}

// unreadable is the error of a request that is no JSON object, for the reason
// err.
func unreadable(data []byte, err error) error {
	if what := otherThanObject(data); what != "" {
		return Errorf(InvalidArgument, "the request is %s; expected an object such as %s", what, requestForm)
	}
	hint := ""
	switch text := bytes.TrimLeft(data, " \t\r\n"); {
	case len(text) == 0:
		return Errorf(InvalidArgument, "the request is empty; expected an object such as %s", requestForm)
	case text[0] != '{':
		hint = "; expected an object such as " + requestForm + " (in C++, llmagg::user(text) makes it)"
	}
	return Errorf(InvalidArgument, "the request is not valid JSON: %v%s", err, hint)
}

// requestForm is how a request is written, for errors.
const requestForm = `{"messages": [{"role": "user", "content": "…"}]}`

// otherThanObject says what JSON other than an object is; "" for what is none.
func otherThanObject(data []byte) string {
	r := newReader(data)
	r.Most = jsontext.MaxDepth
	first, from := r.Next(), r.Pos
	if r.Skip(); first == '{' || r.End() != nil || jsontext.CheckUTF8(data) != nil {
		return ""
	}
	return shown.Value(data[from:r.Pos])
}

// withoutMessages is the error of a request without messages, which may have
// what another API has in their place.
func withoutMessages(fields []jsontext.Field) error {
	for _, f := range fields {
		switch f.Key {
		case "messages":
			return Errorf(InvalidArgument, "\"messages\" is null; expected a non-empty array of {\"role\", \"content\"}")
		case "contents", "prompt", "input", "inputs", "inputText", "text", "query", "question", "conversation", "chat_history", "history":
			return Errorf(InvalidArgument, "the request has no \"messages\", but %q, as other APIs do; write %s", f.Key, requestForm)
		}
	}
	return Errorf(InvalidArgument, "the request has no \"messages\"; expected a non-empty array of {\"role\", \"content\"}")
}

// besideMessages refuses texts that stand beside the messages where other APIs
// have theirs: servers of chats pass over them. An empty text or list passes,
// and an object, such as the "prompt" of the Responses API, which names a
// template.
func besideMessages(data []byte, fields []jsontext.Field) error {
	for _, f := range fields {
		if !otherTexts.Has(f.Key) {
			continue
		}
		inside := bytes.TrimLeft(data[f.Start+1:], " \t\r\n")
		if c := data[f.Start]; c == '"' && data[f.Start+1] != '"' || c == '[' && inside[0] != ']' {
			return besideThem(f.Key)
		}
	}
	return nil
}

// otherTexts are the fields in which other APIs have what is asked.
const otherTexts wordlist.List = "prompt input inputs contents inputText"

func besideThem(name string) error {
	return Errorf(InvalidArgument, "%q is no field of a chat; put the text into a message of \"messages\": {\"role\": \"user\", \"content\": …} (server-specific fields go into \"extra_body\")", name)
}
