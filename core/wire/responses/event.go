package responses

import (
	"iter"
	"strings"

	"github.com/llmagg/llmagg/core/internal/jsontext"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/wire"
)

// event is any event; kind says which fields count. Raw values are slices of
// the event's bytes, which are its decoder's: what is kept is copied.
type event struct {
	kind    string
	number  int64 // sequence_number; -1 for none
	output  int   // output_index; -1 for none
	content int   // content_index, or summary_index
	itemID  string
	delta   string // of a text
	odd     []byte // a delta that is no text
	none    bool   // there is no delta, not even null
	whole   []byte // of what deltas were pieces of: a text, or arguments

	item, part, response, annotation, logprobs, usage []byte
	object                                            string
}

// spoken is what an event said that the next one probably says, too.
type spoken struct{ kind, itemID string }

// readEvent reads an event of which kind is the type, "" for none. before is
// the event before it, of which many texts come again.
func readEvent(kind string, data []byte, before *spoken) (e event, err error) {
	e = event{kind: kind, number: -1, output: -1, none: true}
	r := wire.AnswerReader(data)
	if r.Next() != '{' {
		return e, llm.Errorf(llm.BadResponse, "the event is no JSON object")
	}
	for more := r.Object(); more; more = r.NextField() {
		switch string(r.Key) {
		case "type":
			if named := r.TextLike(before.kind); named != "" {
				e.kind, before.kind = named, named
			}
		case "sequence_number":
			e.number = int64(r.Index(-1))
		case "output_index":
			e.output = r.Index(-1)
		case "content_index", "summary_index":
			e.content = r.Index(0)
		case "item_id":
			e.itemID = r.TextOrNumberLike(before.itemID)
			before.itemID = e.itemID
		case "call_id": // of servers that name the call instead of its item
			if id := r.TextOrNumber(); e.itemID == "" {
				e.itemID = id
			}
		case "delta":
			e.readDelta(&r)
		case "text", "refusal", "arguments", "input", "transcript":
			e.whole = wire.Span(&r)
		case "item":
			e.item = wire.Span(&r)
		case "part":
			e.part = wire.Span(&r)
		case "response":
			e.response = wire.Span(&r)
		case "annotation":
			e.annotation = wire.Span(&r)
		case "logprobs":
			e.logprobs = wire.Span(&r)
		case "usage": // of servers that write it beside the answer
			e.usage = wire.Span(&r)
		case "object":
			e.object = r.Text()
		default:
			wire.Other(&r)
		}
	}
	if err := r.End(); err != nil {
		return e, llm.Errorf(llm.BadResponse, "the event is not valid JSON: %v", err)
	}
	return e, e.takeOdd()
}

// readDelta reads "delta", a text. An object in its place is looked at when the
// event's kind is known.
func (e *event) readDelta(r *jsontext.Reader) {
	e.none = false
	if first := r.Next(); first != '"' && first != 'n' {
		e.odd = wire.Span(r)
		return
	}
	r.Halves = true
	e.delta = r.Piece()
	r.Halves = false
}

// takeOdd takes a delta that is no text: arguments may be the object itself,
// and a text in an unknown form is a hole (S4).
func (e *event) takeOdd() error {
	switch {
	case len(e.odd) == 0 && !e.none || !strings.HasPrefix(e.kind, "response."):
	case strings.HasSuffix(e.kind, "_arguments.delta") && len(e.odd) > 0 && e.odd[0] == '{':
		e.delta = text(e.odd)
	case len(e.odd) > 0 && e.odd[0] == '{' && thoughtForm(e.kind[len("response."):]) != "":
		if e.delta = partText(e.odd); e.delta == "" {
			return llm.Errorf(llm.BadResponse, "its delta has no text")
		}
	case strings.HasSuffix(e.kind, "text.delta"), strings.HasSuffix(e.kind, "refusal.delta"), strings.HasSuffix(e.kind, "reasoning.delta"), strings.HasSuffix(e.kind, "_arguments.delta"),
		strings.HasSuffix(e.kind, "audio.delta"), strings.HasSuffix(e.kind, "transcript.delta"):
		return llm.Errorf(llm.BadResponse, "its delta is no text")
	}
	return nil
}

// text is the text that a value is, or the JSON of an object in its place.
func text(raw []byte) string {
	if len(raw) > 0 && raw[0] == '"' {
		r := wire.AnswerReader(raw)
		return r.Piece()
	}
	if len(raw) > 0 && raw[0] == '{' {
		r := wire.AnswerReader(raw)
		return string(r.Raw())
	}
	return ""
}

// argumentsOf is text of a call's arguments, which may be a list, too.
func argumentsOf(raw []byte) string {
	if len(raw) > 0 && raw[0] == '[' {
		return string(raw)
	}
	return text(raw)
}

// listed are the elements of a list with their places; a value that is no list
// stands in the place of one with it alone.
func listed(raw []byte) iter.Seq2[int, []byte] {
	return func(yield func(int, []byte) bool) {
		if len(raw) > 0 && raw[0] != '[' && raw[0] != '{' {
			yield(0, raw)
			return
		}
		i := 0
		for item := range elements(raw) {
			if !yield(i, item) {
				return
			}
			i++
		}
	}
}

// elements are those of a list, as they stand, or of an object in its place.
func elements(raw []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		if len(raw) == 0 || raw[0] != '[' && raw[0] != '{' {
			return
		}
		r := wire.AnswerReader(raw)
		for more := r.List(); more; more = r.NextItem() {
			from := r.Span()
			if r.Err != nil || !yield(r.Data[from:r.Pos]) {
				return
			}
		}
	}
}
