package wire

import (
	"encoding/json"
	"unicode/utf8"

	"github.com/llmagg/llmagg/core/internal/jsontext"
)

// MaxAnswerDepth is how deeply an answer may be nested.
const MaxAnswerDepth = 10_000

// AnswerReader reads an answer, an event or a value of one, leniently.
func AnswerReader(data []byte) jsontext.Reader {
	return jsontext.Reader{Data: data, Most: MaxAnswerDepth, Lenient: true, Dirty: !utf8.Valid(data)}
}

// Span passes over the value that comes next and gives it where it stands; nil
// for null.
func Span(r *jsontext.Reader) json.RawMessage {
	from := r.Span()
	if r.Err != nil || r.Data[from] == 'n' {
		return nil
	}
	return r.Data[from:r.Pos]
}
