package failure

import (
	"encoding/json"
	"testing"

	"github.com/llmagg/llmagg/core/llm"
	"github.com/stretchr/testify/require"
)

// What a failure says does not depend on the order in which a map gives its
// fields, which varies from run to run.
func TestWordsAreTheSameInEachRun(t *testing.T) {
	same := func(what func() string) {
		first := what()
		require.NotEmpty(t, first)
		for range 100 {
			require.Equal(t, first, what())
		}
	}
	text := json.RawMessage(`"x"`)
	same(func() string {
		return UnreadIn(llm.Extra{"Content": text, "Text": text, "Parts": text, "CONTENT": text})
	})
	piece := json.RawMessage(`{"content": 1}`)
	same(func() string {
		return OfHole(&llm.ChunkChoice{Extra: llm.Extra{"b": piece, "c": piece, "a": piece}}).Message
	})
	same(func() string {
		return TextIn([]byte(`{"outputs":[{"text":"a"}],"choices":[{"answer":"b"}],"result":{"response":"c"},"data":{"output":"d"}}`))
	})
	same(func() string { return TextIn([]byte(`{"Text":{"value":"a"},"TEXT":"b","RESPONSE":"c"}`)) })
	same(func() string { return Of([]byte(`{"errorMsg":"a","Error_Msg":"b","ERROR-MSG":"c"}`)).Message })
	same(func() string {
		return Of([]byte(`{"error":{"type":"x","data":{"b":1},"a":["no"],"field":["one"]}}`)).Message
	})
}
