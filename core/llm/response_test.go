package llm

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestResponseIsReadLeniently(t *testing.T) {
	var r Response
	require.NoError(t, r.UnmarshalJSON([]byte(`{"id":"1","created":1.0,"choices":[{"index":0,"message":{"role":null,"content":null,"tool_calls":[{"id":"a","function":{"name":"f","arguments":{"x":1}}}],"vendor":7}}],"usage":null,"system_fingerprint":"fp"}`)))
	require.Equal(t, RoleAssistant, r.Choices[0].Message.Role)
	require.Equal(t, `{"x":1}`, r.Choices[0].Message.ToolCalls[0].Function.Arguments)
	require.Nil(t, r.Usage, "unknown is not zero")
	out, err := json.Marshal(&r)
	require.NoError(t, err)
	require.JSONEq(t, `{"id":"1","object":"","created":1,"model":"","choices":[{"index":0,"message":{"role":"assistant","tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{\"x\":1}"}}],"vendor":7},"finish_reason":null}],"usage":null,"system_fingerprint":"fp"}`, string(out))
}

func TestResponseRefusesWhatIsNoObject(t *testing.T) {
	for _, in := range []string{``, `[]`, `"x"`, `{"a":1}x`, `{"choices":[`, `<html>`} {
		require.Error(t, new(Response).UnmarshalJSON([]byte(in)), in)
	}
}

func TestAccumulatorJoinsTextToolCallsAndReasoning(t *testing.T) {
	var a Accumulator
	for _, line := range []string{
		`{"id":"x","model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}`,
		`{"choices":[{"index":0,"delta":{"reasoning_content":"hm "}}]}`,
		`{"choices":[{"index":0,"delta":{"tool_calls":[{"index":1,"id":"b","type":"function","function":{"name":"g","arguments":""}}]}}]}`,
		`{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"a","type":"function","function":{"name":"f","arguments":"{\"p\""}}]}}]}`,
		`{"choices":[{"index":0,"delta":{"tool_calls":[{"index":1,"function":{"arguments":"{}"}}]}}]}`,
		`{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":":1}"}}]}}]}`,
		`{"choices":[{"index":0,"delta":{"content":"Hé"},"logprobs":{"content":[{"token":"H"}]}}]}`,
		`{"choices":[{"index":0,"delta":{"content":"llo"},"logprobs":{"content":[{"token":"llo"}]},"finish_reason":"stop"}]}`,
		`{"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":4}}`,
	} {
		var c Chunk
		require.NoError(t, c.UnmarshalJSON([]byte(line)))
		a.Add(&c)
	}
	r := a.Response()
	m := r.Choices[0].Message
	require.Equal(t, "Héllo", m.Content)
	require.Equal(t, "hm ", m.ReasoningContent)
	require.Equal(t, 7, r.Usage.TotalTokens)
	require.Equal(t, "stop", r.Choices[0].FinishReason)
	require.Len(t, m.ToolCalls, 2)
	require.Equal(t, []string{"a", "b"}, []string{m.ToolCalls[0].ID, m.ToolCalls[1].ID}, "an index is a place in the list")
	require.Equal(t, `{"p":1}`, m.ToolCalls[0].Function.Arguments)
	require.JSONEq(t, `{"content":[{"token":"H"},{"token":"llo"}]}`, string(r.Choices[0].Logprobs))
}

// A hedge that lost may be listed after the attempt that answered.
func TestTheRouteOfAResponseIsTheOneThatAnswered(t *testing.T) {
	r := Response{Attempts: []Attempt{{Provider: "p", Model: "a", Code: Unavailable}, {Provider: "p", Model: "b"}, {Provider: "p", Model: "c", Code: Canceled}}}
	require.Equal(t, "p/b", r.Route())
	require.Empty(t, new(Response).Route())
}
