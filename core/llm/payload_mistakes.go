package llm

import (
	"bytes"

	"github.com/llmagg/llmagg/core/internal/jsontext"
	"github.com/llmagg/llmagg/core/internal/shown"
	"github.com/llmagg/llmagg/core/internal/wordlist"
)

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
		hint = "; expected an object such as " + requestForm
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
