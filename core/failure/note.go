package failure

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/llmagg/llmagg/core/internal/jsontext"
	"github.com/llmagg/llmagg/core/internal/suggest"
	"github.com/llmagg/llmagg/core/internal/wordlist"
	"github.com/llmagg/llmagg/core/llm"
)

// OfEvent is [Of] for an event of a stream that its server calls name, "" for
// no name. A message under a name of its own, such as "status", is a note of
// the server's, unless the name speaks of a failure or the event has what only
// failures have.
func OfEvent(name string, data []byte) *llm.Error {
	s := readSaid(data)
	if !s.failure() || isNoteName(name) && !s.sure && !s.strong {
		return nil
	}
	return classifySaid(0, nil, data, s)
}

// IsNote tells whether an event of this name, which is no piece of the answer
// in any form, is a note of the server's. Under the names of signs of life
// texts are no answer either.
func IsNote(name string, data []byte) bool {
	s := readSaid(data)
	return isNoteName(name) && !s.sure && !s.strong && !s.answer && fieldsOf(data) != nil &&
		(slices.Contains(aliveWords, suggest.Fold(name)) || TextIn(data) == "")
}

// isNoteName tells whether an event's name neither is that of any event nor
// speaks of a failure.
func isNoteName(name string) bool {
	name = suggest.Fold(name)
	return name != "" && !eventNames.Has(name) && !wordlist.AnyIn(name, failedParts)
}

// IsAside tells whether an event says of itself that it is none of the answer:
// its kind is no text, or its status is an end.
func IsAside(data []byte) bool {
	f := fieldsOf(data)
	for _, name := range [...]string{"type", "event", "object"} {
		kind := suggest.Fold(textOf(f[name]))
		if kind != "" && (IsOwnWork(kind) || !wordlist.AnyIn(kind, textKinds) || wordlist.AnyIn(kind, aliveWords) || wordlist.AnyIn(kind, foundKinds)) {
			return true
		}
	}
	status := textOf(f["status"])
	return status != "" && (IsKnownReason(status) || SaysSomething(f["content"]) || SaysSomething(f["text"]))
}

// textKinds are parts of what servers call events with a text of the answer.
var textKinds = []string{"text", "content", "delta", "token", "chunk", "completion", "message", "answer", "output", "response", "generat"}

// foundKinds are parts of what servers call events with what they found for an
// answer, or say about it: "context", "retrieved_chunks".
var foundKinds = []string{"context", "retriev", "search", "source", "metadata"}

const eventNames wordlist.List = "message data chunk delta completion done end"

var failedParts = []string{"err", "fail", "exception", "abort", "cancel", "fault", "timeout", "overload", "invalid", "denied"}

// SaidIn are the words, more than one, that the first of unknown fields says,
// or a value in it; "" for none.
func SaidIn(fields llm.Extra) string { return saidIn(fields, 0) }

func saidIn(fields llm.Extra, depth int) string {
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		raw := bytes.TrimSpace(fields[name])
		if said := OneLine(textOf(raw)); AreWords(said) {
			return said
		}
		if len(raw) == 0 || raw[0] != '{' && raw[0] != '[' || depth > maxDepth || answerNames.Has(suggest.Fold(name)) {
			continue
		}
		if said := saidIn(membersOf(raw), depth+1); said != "" {
			return said
		}
	}
	return ""
}

// AreWords tells whether a text is for people: it has blanks, or letters of a
// language that has none between its words.
func AreWords(text string) bool {
	return strings.Contains(text, " ") || strings.ContainsFunc(text, func(r rune) bool { return r > '\u2E7F' && r != '\uFFFD' })
}

// membersOf are the fields of an object, or the items of a list by their place.
func membersOf(raw json.RawMessage) llm.Extra {
	var fields llm.Extra
	if raw[0] == '{' {
		_ = llm.JSON.Unmarshal(raw, &fields) // none where it cannot be read
		return fields
	}
	var items []json.RawMessage
	_ = llm.JSON.Unmarshal(raw, &items)
	fields = llm.Extra{}
	for i, item := range items[:min(len(items), maxListed)] {
		fields[strconv.Itoa(i)] = item
	}
	return fields
}

// Explain adds to a failure that a finish reason is what the event, or the
// answer, with the reason says of it, wherever in it that stands. A reason that
// says nothing but "failed" means then what the words mean.
func Explain(e *llm.Error, data []byte) {
	if e.ProviderMessage != "" || len(data) == 0 {
		return
	}
	said := OneLine(explanation(jsontext.Bare(data), 0))
	if said == "" || strings.Contains(e.Message, said) {
		return
	}
	e.ProviderMessage, e.Message = said, e.Message+": "+said
	if code := OfWords(said); e.Code == llm.Unavailable && code != llm.BadResponse {
		e.Code = code
	}
}

// answerNames are fields in which the answer stands, or the request.
const answerNames wordlist.List = "reasoningcontent reasoning thinking arguments input tools usage usagemetadata logprobs content toolcalls functioncall text parts " +
	"outputtext response answer generatedtext completion annotations citations citationmetadata groundingmetadata urlcontextmetadata searchresults sources documents"

// explanation is the message in a value, of what stands deepest in it last; ""
// without any.
func explanation(raw json.RawMessage, depth int) string {
	var s said
	if s.read(raw, depth); s.message != "" || depth > maxDepth || len(raw) == 0 {
		return s.message
	}
	if raw[0] == '[' {
		var items []json.RawMessage
		if llm.JSON.Unmarshal(raw, &items) != nil || len(items) == 0 {
			return ""
		}
		return explanation(items[0], depth+1)
	}
	f := fieldsOf(raw)
	for _, name := range jsontext.NamesOf(f) {
		if value := f[name]; len(value) > 0 && (value[0] == '{' || value[0] == '[') && !answerNames.Has(name) {
			if said := explanation(value, depth+1); said != "" {
				return said
			}
		}
	}
	for _, name := range [...]string{"nativefinishreason", "stopreason"} { // another word than OpenAI's
		if said := textOf(f[name]); said != "" && !IsKnownReason(said) {
			return said
		}
	}
	return ""
}
