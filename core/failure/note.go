package failure

import (
	"encoding/json"
	"maps"
	"slices"
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

const eventNames wordlist.List = "message data chunk delta completion done end"

var failedParts = []string{"err", "fail", "exception", "abort", "cancel", "fault", "timeout", "overload", "invalid", "denied"}

// SaidIn are the words, more than one, that the first of unknown fields says;
// "" for none.
func SaidIn(fields llm.Extra) string {
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if said := OneLine(textOf(fields[name])); strings.Contains(said, " ") {
			return said
		}
	}
	return ""
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
