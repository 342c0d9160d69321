package llm

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

// A stream that gives the parts of its answer more than once gives all of them
// each time: the last list holds.
func TestPartsOfAStream(t *testing.T) {
	var a Accumulator
	for _, delta := range []string{`{"content":"Hel"}`, `{"parts":[{"type":"text","bytes":3,"owner":"gemini/m","raw":{"x":1}}]}`,
		`{"content":"lo","parts":[{"type":"text","bytes":5,"owner":"gemini/m","raw":{"x":1}}]}`} {
		var c Chunk
		require.NoError(t, c.UnmarshalJSON([]byte(`{"choices":[{"index":0,"delta":`+delta+`}]}`)))
		a.Add(&c)
	}
	r := a.Response()
	require.Equal(t, []AnswerPart{{Type: "text", Bytes: 5, Owner: "gemini/m", Raw: json.RawMessage(`{"x":1}`)}}, r.Choices[0].Message.AnswerParts())
}
