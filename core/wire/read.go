package wire

import (
	"encoding/json"
	"errors"
	"unicode/utf8"

	"github.com/llmagg/llmagg/core/failure"
	"github.com/llmagg/llmagg/core/internal/jsontext"
	"github.com/llmagg/llmagg/core/llm"
)

// AnswerReader reads an answer, an event or a value of one, leniently.
func AnswerReader(data []byte) jsontext.Reader {
	return jsontext.Reader{Data: data, Most: jsontext.MaxAnswerDepth, Lenient: true, Dirty: !utf8.Valid(data)}
}

// Span passes over the value that comes next and gives it where it stands; nil
// for null. Numbers that JSON does not have are null in it, since what is read
// from it later is for strict readers.
func Span(r *jsontext.Reader) json.RawMessage {
	from := r.Span()
	if r.Err != nil || r.Data[from] == 'n' {
		return nil
	}
	return Since(r, from)
}

// Since is what has been read from a place on, as Span gives it.
func Since(r *jsontext.Reader, from int) json.RawMessage {
	if r.Odd {
		return jsontext.WithoutOddNumbers(r.Data[from:r.Pos])
	}
	return r.Data[from:r.Pos]
}

var (
	errReported = errors.New("it reports a failure")
	errCalls    = errors.New("it has calls in the form of chat completions")
)

// Other passes over the value of a field that a format does not have. Where it
// reports a failure, beside whatever is good, or has a call in OpenAI's form,
// that is the error of the reading.
func Other(r *jsontext.Reader) {
	why := errReported
	switch key := r.Key; {
	case string(key) == "tool_calls", string(key) == "function_call":
		why = errCalls
	case !failure.IsFailureField(key):
		r.Skip()
		return
	}
	if failure.SaysSomething(Span(r)) {
		r.Stop(why)
	}
}

// SaysNothing tells whether an event of no kind is no piece of an answer and
// no failure: servers send such ones so that the connection stays.
func SaysNothing(data []byte) bool {
	var fields llm.Extra
	return llm.JSON.Unmarshal(data, &fields) == nil && failure.UnreadIn(fields) == "" && failure.TextIn(data) == "" && failure.Of(data) == nil
}

// HasText tells whether a value that stands where a format has none is a text,
// or has one in it.
func HasText(raw json.RawMessage) bool {
	return len(raw) > len(`""`) && raw[0] == '"' || failure.TextIn(raw) != ""
}

// UnknownEvent is what becomes of an event of a kind that a format does not
// know: nil, or an error where it reports a failure or has a text of the
// answer.
func UnknownEvent(data []byte) error {
	if !failure.Reports(data) && failure.TextIn(data) == "" {
		return nil
	}
	return llm.Errorf(llm.BadResponse, "the event is no piece of an answer")
}

// The functions below read what an answer means nothing without: a value of
// another type is an error of the reading, null is an absent one.

// Text reads a text.
func Text(r *jsontext.Reader) string { return TextLike(r, "") }

// ID reads the id of a call, a text. Some servers number their calls.
func ID(r *jsontext.Reader) string {
	if c := r.Next(); c >= '0' && c <= '9' {
		return r.TextOrNumber()
	}
	return Text(r)
}

// TextLike is Text where the value probably equals another one, which is then
// not copied.
func TextLike(r *jsontext.Reader, other string) string {
	if !expect(r, '"', "a text") {
		return ""
	}
	return r.TextLike(other)
}

// Piece reads a text that, in a delta, may begin or end inside a character.
func Piece(r *jsontext.Reader) llm.Piece {
	if !expect(r, '"', "a text") {
		return ""
	}
	return llm.Piece(r.Piece())
}

// ArgumentsPiece reads a piece of a call's arguments. Some servers send an
// object in the place of its text.
func ArgumentsPiece(r *jsontext.Reader) string {
	if r.Next() == '"' {
		return r.Piece()
	}
	var p llm.ArgumentsPiece
	if raw := Span(r); raw != nil {
		if err := p.UnmarshalJSON(raw); err != nil {
			r.Stop(err)
		}
	}
	return string(p)
}

// Object begins an object and moves to its first field; false if there is none.
func Object(r *jsontext.Reader) bool { return expect(r, '{', "an object") && r.Object() }

// expect tells whether a value that begins so comes next, and passes over null.
func expect(r *jsontext.Reader, first byte, what string) bool {
	switch r.Next() {
	case first:
		return true
	case 'n':
		r.Skip()
		return false
	}
	return r.Stop(r.Fail("expected " + what))
}
