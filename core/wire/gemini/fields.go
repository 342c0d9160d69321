package gemini

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"

	"github.com/llmagg/llmagg/core/internal/jsontext"
	"github.com/llmagg/llmagg/core/llm"
)

// fields are the fields of one object of an answer, whose values are taken one
// by one; the others are passed on. Its values stand in the answer's bytes.
// Reading a stream's events into maps instead took five times as long.
type fields struct {
	data  []byte
	dirty bool // data is no valid UTF-8
	found jsontext.Fields
}

var errNoObject = errors.New("it is no object")

func readerOf(data []byte, dirty bool) jsontext.Reader {
	return jsontext.Reader{Data: data, Most: jsontext.MaxAnswerDepth, Dirty: dirty, Halves: true, Lenient: true}
}

// often are names of fields that answers have, the most frequent ones first.
var often = [...]string{"content", "finishReason", "index", "usageMetadata", "modelVersion", "responseId", "createTime",
	"promptFeedback", "logprobsResult", "avgLogprobs", "safetyRatings", "groundingMetadata", "citationMetadata"}

// nameOf is a field's name, without a copy where answers have it.
func nameOf(key []byte) string {
	for _, name := range often {
		if string(key) == name {
			return name
		}
	}
	return string(key)
}

// begin forgets the object before.
func (f *fields) begin(r *jsontext.Reader) {
	f.data, f.dirty = r.Data, r.Dirty
	f.found.Reset()
}

// read reads the object that comes next.
func (f *fields) read(r *jsontext.Reader) error {
	if r.Next() != '{' {
		return errNoObject
	}
	f.begin(r)
	for more := r.Object(); more; more = r.NextField() {
		f.add(r)
	}
	return r.Err
}

// add reads a field.
func (f *fields) add(r *jsontext.Reader) {
	name := nameOf(r.Key)
	from := r.Span()
	f.found.Put(jsontext.Field{Key: name, Start: from, End: r.Pos})
}

// see is a field's value, nil where it is null or absent. Some gateways spell
// names in snake_case.
func (f *fields) see(name string) []byte { return f.value(name, false) }

// take is see, and the field is not passed on.
func (f *fields) take(name string) []byte { return f.value(name, true) }

func (f *fields) value(name string, taken bool) []byte {
	i := f.found.Find(name)
	if i < 0 {
		if other := snake[name]; other != "" {
			i = f.found.Find(other)
		}
	}
	if i < 0 {
		return nil
	}
	at := &f.found.List[i]
	raw := f.data[at.Start:at.End]
	if taken {
		at.End = at.Start
	}
	if len(raw) == 0 || raw[0] == 'n' {
		return nil
	}
	return raw
}

// text takes a string; any other value reads as "". before is what probably
// stands there again.
func (f *fields) text(name, before string) string {
	raw := f.take(name)
	if raw == nil {
		return ""
	}
	r := readerOf(raw, f.dirty)
	return r.TextLike(before)
}

// rest are the fields that were not taken, as copies; nil without any.
func (f *fields) rest() (e llm.Extra) {
	for _, at := range f.found.List {
		if at.End > at.Start {
			e.Put(strings.ToValidUTF8(at.Key, "\uFFFD"), validCopy(f.data[at.Start:at.End]))
		}
	}
	return e
}

// validCopy copies a value whose bytes may be no UTF-8.
func validCopy(raw []byte) json.RawMessage {
	return jsontext.ToValid(append([]byte(nil), raw...))
}

// Gateways that write Gemini's messages with a protobuf or Python library spell
// its fields in snake_case, which the format allows everywhere.

// snake are the other spellings of the fields around the content.
var snake = map[string]string{
	"usageMetadata": "usage_metadata", "responseId": "response_id", "modelVersion": "model_version",
	"finishReason": "finish_reason", "logprobsResult": "logprobs_result", "promptFeedback": "prompt_feedback",
	"blockReason": "block_reason", "blockReasonMessage": "block_reason_message",
}

// unsnakeUsage spells the fields of a usage as they are usually spelled.
func unsnakeUsage(raw json.RawMessage) json.RawMessage {
	if !bytes.Contains(raw, []byte("_token")) {
		return raw
	}
	for _, names := range [...][2]string{
		{"prompt_token_count", "promptTokenCount"}, {"candidates_token_count", "candidatesTokenCount"},
		{"thoughts_token_count", "thoughtsTokenCount"}, {"cached_content_token_count", "cachedContentTokenCount"},
		{"tool_use_prompt_token_count", "toolUsePromptTokenCount"}, {"total_token_count", "totalTokenCount"},
		{"prompt_tokens_details", "promptTokensDetails"}, {"candidates_tokens_details", "candidatesTokensDetails"},
		{"token_count", "tokenCount"},
	} {
		raw = bytes.ReplaceAll(raw, []byte(`"`+names[0]+`"`), []byte(`"`+names[1]+`"`))
	}
	return raw
}

// unquote takes arguments that came as a text, which is OpenAI's way.
func (c *functionCall) unquote() {
	var text string
	if len(c.Args) > 0 && c.Args[0] == '"' && llm.JSON.Unmarshal(c.Args, &text) == nil && strings.HasPrefix(text, "{") {
		c.Args = json.RawMessage(text)
	}
}
