package cache

import (
	"errors"
	"slices"
	"unicode/utf8"

	"github.com/llmagg/llmagg/core/internal/jsontext"
	"github.com/llmagg/llmagg/core/llm"
)

// Keepable tells whether an answer may be kept: every choice has ended by
// itself or at its length, none was filtered, and it holds something.
func Keepable(r *llm.Response) bool {
	if len(r.Choices) == 0 || r.Empty() {
		return false
	}
	return !slices.ContainsFunc(r.Choices, func(c llm.Choice) bool {
		switch c.FinishReason {
		case "stop", "length", "tool_calls", "function_call":
			return false
		}
		return true
	})
}

// encode writes an answer as it is kept: without what belongs to its call.
func encode(r *llm.Response) ([]byte, error) {
	kept := *r
	kept.Attempts, kept.Cost, kept.CallID, kept.Cache = nil, nil, 0, ""
	answer, err := kept.AppendJSON(nil)
	if err != nil {
		return nil, err
	}
	return jsontext.Encode(make([]byte, 0, len(answer)+96), func(w *jsontext.Writer) {
		o := w.Object()
		if r.Cost != nil {
			o.StrUnlessEmpty("currency", r.Cost.Currency)
		}
		if n := len(r.Attempts); n > 0 {
			o.Str("route", r.Attempts[n-1].Route())
		}
		o.Field("answer").Raw(answer)
		o.End()
	})
}

var errForeign = errors.New("the kept value is no answer")

// decode reads what encode wrote.
func decode(value []byte) (*Answer, error) {
	if !utf8.Valid(value) {
		return nil, errForeign
	}
	a := &Answer{Currency: "USD"}
	r := jsontext.Reader{Data: value, Most: jsontext.MaxDepth}
	var answer []byte
	for more := r.Object(); more; more = r.NextField() {
		switch string(r.Key) {
		case "currency":
			a.Currency = r.Text()
		case "route":
			a.Route = r.Text()
		case "answer":
			from := r.Span()
			if r.Err == nil {
				answer = value[from:r.Pos]
			}
		}
	}
	if err := r.End(); err != nil {
		return nil, err
	}
	if answer == nil {
		return nil, errForeign
	}
	response, err := llm.ReadResponse(answer)
	if err != nil {
		return nil, err
	}
	a.Response = response
	if !Keepable(response) {
		return nil, errForeign
	}
	return a, nil
}
