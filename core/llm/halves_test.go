package llm

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Half of a character whose other half never comes is replaced when its choice
// ends, in the answer and in the chunks.
func TestHalvesThatStayAloneAreReplaced(t *testing.T) {
	for _, delta := range []string{
		`{"content":"a\ud83d"}`, "{\"content\":\"a\xf0\x9f\"}", `{"content":[{"type":"text","text":"a\ud83d"}]}`,
		`{"refusal":"a\ud83d"}`, `{"reasoning":"a\ud83d"}`, `{"function_call":{"name":"f","arguments":"a\ud83d"}}`,
		`{"tool_calls":[{"index":3,"id":"A","function":{"name":"f","arguments":"a\ud83d"}}]}`,
	} {
		var d ChunkDecoder
		var a, told Accumulator
		for _, chunk := range []string{`{"choices":[{"delta":` + delta + `}]}`, `{"choices":[{"delta":{},"finish_reason":"stop"}]}`} {
			c, err := d.Decode([]byte(chunk))
			require.NoError(t, err)
			told.Add(a.Add(c))
		}
		m := a.Response().Choices[0].Message
		texts := m.PlainText() + m.Refusal + m.ReasoningContent
		if m.FunctionCall != nil {
			texts += m.FunctionCall.Arguments
		}
		for _, call := range m.ToolCalls {
			texts += call.Function.Arguments
		}
		require.Equal(t, "a\uFFFD", texts, delta)
		require.Equal(t, m.PlainText(), told.Text(), delta)
		require.Equal(t, m.ToolCalls, told.Response().Choices[0].Message.ToolCalls, delta)
	}
}
