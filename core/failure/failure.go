// Package failure says what an answer that failed means (E1): which code of
// [llm.Code] it has, what the provider said, and how long it asked to wait.
// [Of] judges the JSON value of an event or of a whole answer, [OfFinish] a
// choice that has ended, [Classify] an answer whose status is an error. What is
// known of vendors' forms, codes and finish reasons is data: forms.go and
// said.go, codes.go, reasons.go. What a failure does to its call and its route
// is the table in table.go. [Mask] makes an error fit to be shown. The package
// imports core/llm and core/internal/jsontext only.
package failure

import (
	"bytes"
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/llmagg/llmagg/core/internal/jsontext"
	"github.com/llmagg/llmagg/core/llm"
)

// Of is the failure that a JSON value reports, or nil. A failure is an object
// without choices that has a message or a failure code, or any object with an
// error beside its choices. Text that is not JSON is never a failure here: the
// caller decides about it. The error has no status and no request id; the
// caller adds those of the exchange.
func Of(data []byte) *llm.Error {
	s := readSaid(data)
	if !s.failure() {
		return nil
	}
	return classifySaid(0, nil, data, s)
}

// Reports tells whether a JSON value of no known kind has what only failures
// have: a message alone is not enough.
func Reports(data []byte) bool {
	s := readSaid(data)
	return s.sure || !s.answer && s.strong
}

// HasFailureField tells whether the fields beside the choices of an answer may
// report a failure, so that Of must decide. It is cheap enough for every chunk
// of a stream.
func HasFailureField(beside llm.Extra) bool {
	for name := range beside {
		if slices.Contains(besideChoices, name) {
			return true
		}
	}
	return false
}

// IsFailureField tells whether a field of this name, beside an answer or a
// piece of one, may report a failure, as [SaysSomething] tells of its value.
func IsFailureField(name []byte) bool { return slices.Contains(besideChoices, string(name)) }

// judgeChoice is the failure that a finished choice is, nil if it is an
// answer. empty says that the choice brought nothing: no text, no calls, no
// refusal, no media. choiceError is the choice's own "error", nil without one.
// An empty answer is one only for stop, length, tool_calls and content_filter,
// by whatever word a vendor has for them; with content, a reason that nobody
// knows is passed on.
func judgeChoice(reason string, empty bool, choiceError json.RawMessage) *llm.Error {
	if SaysSomething(choiceError) {
		e := classifySaid(0, nil, choiceError, readSaid(choiceError))
		e.Message = "error inside a choice: " + e.Message
		return e
	}
	end := endOf(reason)
	switch {
	case end.failed():
		return &llm.Error{Code: end.code, ProviderCode: OneLine(reason),
			Message: "the answer ended with finish_reason " + Quoted(reason) + ", which means a failure"}
	case !empty || end.answers():
		return nil
	case end == endNone:
		return llm.Errorf(llm.BadResponse, "the answer is empty and has no finish_reason")
	}
	return &llm.Error{Code: llm.BadResponse, ProviderCode: OneLine(reason),
		Message: "the answer is empty and ended with finish_reason " + Quoted(reason)}
}

// OfFinish is judgeChoice with the fields that a choice has besides
// OpenAI's: its "error", the reason of the server behind a gateway, and
// Gemini's "finishMessage", which explains a reason.
func OfFinish(reason string, empty bool, beside llm.Extra) *llm.Error {
	if len(beside) == 0 && (reason == "stop" || reason == "tool_calls") { // nearly all
		return nil
	}
	e := judgeChoice(reason, empty, beside["error"])
	if native := textOf(beside["native_finish_reason"]); e == nil && empty && endOf(native).failed() {
		e = judgeChoice(native, empty, nil)
	}
	if e == nil || e.ProviderMessage != "" {
		return e
	}
	said := cmp.Or(textOf(beside["finishMessage"]), textOf(beside["finish_message"]))
	if own := beside["native_finish_reason"]; said == "" && len(own) > 0 && own[0] == '{' {
		said = readSaid(own).message
	}
	if e.ProviderMessage = OneLine(said); e.ProviderMessage != "" {
		e.Message += ": " + e.ProviderMessage
	}
	return e
}

// Said is the message of a failure that is JSON, on one line.
func Said(data []byte) string { return OneLine(readSaid(data).message) }

// OfMessage is the failure that a message or a delta reports if it has an
// "error" and no content, else nil.
func OfMessage(m *llm.Message) *llm.Error {
	if len(m.Extra) == 0 || !IsEmpty(m) {
		return nil
	}
	return judgeChoice("stop", false, m.Extra["error"])
}

// contentNames are fields in which answers stand. One that is still among the
// unknown fields of a message or a choice has a form, or a place, that nobody
// could read.
var contentNames = [...]string{"content", "tool_calls", "function_call", "toolCalls", "tool_call", "functionCall", "message", "messages", "delta", "text", "parts",
	"output", "output_text", "response", "answer", "generated_text", "completion"}

// OfUnread is the failure of an answer that is empty except for a field in an
// unknown form; name is that field's, and the result is nil without a name.
func OfUnread(name string) *llm.Error {
	if name == "" {
		return nil
	}
	return llm.Errorf(llm.BadResponse, "the answer is empty but for its field %q, whose form cannot be read", name)
}

// OfHole is the failure of a chunk's choice that holds a piece of the answer
// in an unknown form and nothing else; nil where it does not.
func OfHole(c *llm.ChunkChoice) *llm.Error {
	for _, name := range [...]string{"delta", "content", "text"} {
		if SaysSomething(c.Extra[name]) {
			return ofHole(name)
		}
	}
	if name := UnreadIn(c.Delta.Extra); name != "" && (name != llm.PartsField || llm.OwnerOf(c.Delta.AnswerParts()) == "") {
		return ofHole(name) // parts with an owner are kept whole, read or not
	}
	if c.FinishReason != "" {
		return nil
	}
	for _, name := range jsontext.NamesOf(c.Extra) {
		if raw := c.Extra[name]; len(raw) > 0 && (raw[0] == '{' || raw[0] == '[') && (bytes.Contains(raw, []byte(`"content":`)) || bytes.Contains(raw, []byte(`"delta":`))) {
			return ofHole(name)
		}
	}
	return nil
}

func ofHole(field string) *llm.Error {
	return llm.Errorf(llm.BadResponse, "a piece of the answer has its field %q in a form that cannot be read", field)
}

// OfPieces is the failure of a message or a delta of which the content, or a
// part of it, has a form that nobody can read; nil where it has not.
func OfPieces(m *llm.Message) *llm.Error {
	for i := range m.Parts {
		part := &m.Parts[i]
		if part.Text != "" || part.Type != "" && !strings.HasSuffix(part.Type, "text") {
			continue
		}
		if name := UnreadIn(part.Extra); name != "" {
			return ofHole(name)
		}
		if SaysSomething(part.Extra["value"]) {
			return ofHole("value")
		}
	}
	if len(m.Extra) > 0 && SaysSomething(m.Extra["content"]) {
		return ofHole("content")
	}
	return nil
}

// OfCall is the failure of a piece of a call in an unknown form; nil where it
// can be read.
func OfCall(c *llm.ToolCall) *llm.Error {
	switch {
	case SaysSomething(c.Extra["function"]):
		return ofHole("function")
	case SaysSomething(c.Function.Extra["name"]):
		return ofHole("name")
	}
	return nil
}

// OfNameless is the failure of an answer with a call that nobody could make.
func OfNameless() *llm.Error {
	return llm.Errorf(llm.BadResponse, "the answer has a tool call without the name of its function")
}

// OfJoined is the failure of a streamed answer that its pieces do not make: of
// a call without a name, or of a whole message beside them that says more, or
// otherwise, since the caller has the pieces already.
func OfJoined(a *llm.Accumulator) *llm.Error {
	switch {
	case a.Nameless():
		return OfNameless()
	case a.Differs():
		return OfDifference()
	}
	return nil
}

// OfDifference is the failure of a stream of which the server says the whole
// once more, and not as its pieces do.
func OfDifference() *llm.Error {
	return llm.Errorf(llm.BadResponse, "the pieces of the answer do not make the whole that the server says at its end: one is missing, or was changed")
}

// UnreadIn is the name of a field that holds an answer in an unknown form, or
// "".
func UnreadIn(fields llm.Extra) string {
	if len(fields) > 0 {
		for _, name := range contentNames {
			if raw := fields[name]; SaysSomething(raw) && (name != llm.PartsField || unreadPart(raw)) {
				return name
			}
		}
		for _, name := range jsontext.NamesOf(fields) {
			if !slices.Contains(contentNames[:], name) && isContentName(name) && SaysSomething(fields[name]) {
				return name
			}
		}
	}
	return ""
}

// isContentName tells whether a field may be one in which answers stand: some
// servers write names in their language's way, as "Content".
func isContentName(name string) bool {
	return slices.ContainsFunc(contentNames[:], func(known string) bool { return strings.EqualFold(known, name) })
}

// IsOwnWork tells whether an item or a part of this type is no text of the
// answer, whatever is in it: a thought, a tool of the server's, its summary of
// the messages.
func IsOwnWork(kind string) bool {
	return kind == "compaction" || kind == "summary_text" || IsThought(kind) || strings.Contains(kind, "tool") || strings.Contains(kind, "call")
}

// unreadPart tells whether parts of an answer are not what a format keeps of
// it, thoughts, a server's own tools or its summary of the messages, but hold a
// text of the answer.
func unreadPart(raw json.RawMessage) bool {
	var parts []llm.AnswerPart
	if llm.JSON.Unmarshal(raw, &parts) != nil || llm.OwnerOf(parts) == "" {
		return true
	}
	return slices.ContainsFunc(parts, func(p llm.AnswerPart) bool {
		kind := textOf(fieldsOf(p.Raw)["type"])
		return p.Type == "other" && !IsOwnWork(kind) && TextIn(p.Raw) != ""
	})
}

// IsEmpty tells whether a whole message has nothing that a caller could use.
// Reasoning alone is not an answer.
func IsEmpty(m *llm.Message) bool {
	if m.Content != "" || m.Refusal != "" || m.HasCalls() || len(m.Audio) > maxEmpty || SaysSomething(m.Audio) {
		return false
	}
	for i := range m.Parts {
		if part := &m.Parts[i]; !IsThought(part.Type) && !part.IsEmpty() {
			return false
		}
	}
	for name, raw := range m.Extra {
		if !strings.HasPrefix(name, "reasoning") && !strings.HasPrefix(name, "thinking") && name != "error" &&
			SaysSomething(raw) && !isContentName(name) && !strings.EqualFold(name, "role") {
			return false
		}
	}
	return true
}

// maxEmpty is how large a value with nothing in it may be.
const maxEmpty = 256

// IsThought tells whether a part of this type is reasoning.
func IsThought(kind string) bool {
	return strings.HasPrefix(kind, "thinking") || strings.HasPrefix(kind, "reasoning") || kind == "redacted_thinking"
}

// FieldsOf says which fields an answer has in the place of those of its format;
// "" for none.
func FieldsOf(fields llm.Extra) string {
	const most = 6
	var names []string
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if len(names) == most {
			names = append(names, "…")
			break
		}
		names = append(names, OneLine(Quoted(name)))
	}
	if len(names) == 0 {
		return ""
	}
	return "; the fields that came are " + strings.Join(names, ", ")
}

// ofMissing is the failure of an answer with a choice that only says that it
// ended well: there is no message.
func ofMissing(data []byte) *llm.Error {
	var choices []json.RawMessage
	_ = llm.JSON.Unmarshal(fieldsOf(data)["choices"], &choices) // other formats have none
	for _, raw := range choices {
		f := fieldsOf(raw)
		some := false
		for _, name := range [...]string{"message", "delta", "text", "content"} {
			some = some || len(f[name]) > 0 && (f[name][0] == '{' || f[name][0] == '"')
		}
		if reason := textOf(f["finishreason"]); !some && (reason == "stop" || reason == "tool_calls") {
			return llm.Errorf(llm.BadResponse, "the answer has no message, though its finish_reason is %s", Quoted(reason))
		}
	}
	return nil
}

// OfResponse is the failure that a whole answer with choices reports, or nil.
func OfResponse(r *llm.Response, data []byte) *llm.Error {
	if HasFailureField(r.Extra) {
		if e := Of(jsontext.WithoutOddNumbers(data)); e != nil {
			return e
		}
	}
	if e := ofChoices(r); e != nil || slices.ContainsFunc(r.Choices, func(c llm.Choice) bool { return !IsEmpty(&c.Message) || llm.OwnerOf(c.Message.AnswerParts()) != "" }) {
		return e
	}
	if e := OfUnread(TextIn(data)); e != nil {
		return e
	}
	return ofMissing(data)
}

func ofChoices(r *llm.Response) *llm.Error {
	for i := range r.Choices {
		c := &r.Choices[i]
		if e := OfMessage(&c.Message); e != nil {
			return e
		}
		if e := OfPieces(&c.Message); e != nil {
			return e
		}
		for j := range c.Message.ToolCalls {
			call := &c.Message.ToolCalls[j]
			if e := OfCall(call); e != nil {
				return e
			}
			if call.Function.Name == "" && call.Custom == nil {
				return OfNameless()
			}
		}
		empty := IsEmpty(&c.Message)
		if e := OfFinish(c.FinishReason, empty, c.Extra); e != nil {
			return e
		}
		if empty {
			if e := OfUnread(cmp.Or(UnreadIn(c.Message.Extra), UnreadIn(c.Extra))); e != nil {
				return e
			}
		}
	}
	return nil
}

// OfCustom is OfResponse for a whole answer of a client that the application
// wrote.
func OfCustom(r *llm.Response) *llm.Error {
	if len(r.Choices) == 0 {
		return llm.Errorf(llm.BadResponse, "the answer has no choices")
	}
	return ofChoices(r)
}
