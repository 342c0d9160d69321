package llm

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestGatheredAnswersKeepUnknownFieldsApart(t *testing.T) {
	var r Response
	require.NoError(t, r.UnmarshalJSON([]byte(`{"id":"1","object":"o","created":1,"model":"m","system_fingerprint":"fp","citations":["u"],"extra":5,
		"choices":[{"index":0,"finish_reason":"stop","odd":1,"message":{"role":"assistant","z":2,"tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{}"},"kept":true}]}}],
		"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3,"cached":1}}`)))
	gathered, err := r.AppendGathered([]byte("> "))
	require.NoError(t, err)
	require.Equal(t, "> ", string(gathered[:2]))
	require.JSONEq(t, `{"id":"1","object":"o","created":1,"model":"m","system_fingerprint":"fp","extra":{"citations":["u"],"extra":5},
		"choices":[{"index":0,"finish_reason":"stop","extra":{"odd":1},"message":{"role":"assistant","content":null,"extra":{"z":2},
		"tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{}"},"kept":true}]}}],
		"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3,"extra":{"cached":1}}}`, string(gathered[2:]))
	plain, err := r.AppendJSON(nil)
	require.NoError(t, err)
	require.NotContains(t, string(plain), `"extra":{`, "only where it was asked for")
}

func TestGatheredDeltasHaveRoleAndContent(t *testing.T) {
	for in, want := range map[string]string{
		`{"choices":[{"index":0,"delta":{}}]}`:                                `{"role":"assistant","content":""}`,
		`{"choices":[{"index":0,"delta":{"content":null}}]}`:                  `{"role":"assistant","content":""}`,
		`{"choices":[{"index":0,"delta":{"role":"tool","content":"x"}}]}`:     `{"role":"tool","content":"x"}`,
		`{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0}]}}]}`:      `{"role":"assistant","content":"","tool_calls":[{"index":0,"function":{"arguments":""}}]}`,
		`{"choices":[{"index":0,"delta":{"content":"x","obfuscation":"y"}}]}`: `{"role":"assistant","content":"x","extra":{"obfuscation":"y"}}`,
	} {
		var c Chunk
		require.NoError(t, c.UnmarshalJSON([]byte(in)))
		data, err := c.AppendGathered(nil)
		require.NoError(t, err)
		require.JSONEq(t, `{"id":"","object":"","created":0,"model":"","choices":[{"index":0,"finish_reason":null,"delta":`+want+`}]}`, string(data), in)
	}
}
