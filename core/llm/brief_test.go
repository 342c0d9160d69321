package llm

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// said is how chunks of a stream are told, "{" for one that is told whole.
func said(t *testing.T, chunks ...string) (told []string) {
	t.Helper()
	var d ChunkDecoder
	var before Brief
	for _, text := range chunks {
		c, err := d.Decode([]byte(text))
		require.NoError(t, err)
		data, err := before.Append(nil, c)
		require.NoError(t, err)
		if data[0] == '{' {
			whole, err := c.AppendGathered(nil)
			require.NoError(t, err)
			require.Equal(t, string(whole), string(data), "as for readers that do not ask for it")
			data = data[:1]
		}
		told = append(told, string(data))
	}
	return told
}

const (
	plainChunk = `{"id":"1","object":"o","created":1,"model":"m","system_fingerprint":"fp","choices":[{"index":0,"delta":{"content":"a"}}]}`
	finalChunk = `{"id":"1","object":"o","created":1,"model":"m","system_fingerprint":"fp","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}`
)

func TestAChunkOfWhichOnlyTheTextIsNewIsThatText(t *testing.T) {
	first := `{"id":"1","object":"o","created":1,"model":"m","system_fingerprint":"fp","choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}`
	require.Equal(t, []string{"{", `"a"`, `"a"`, "{", "{", `"a"`}, said(t, first, plainChunk, plainChunk, finalChunk, plainChunk, plainChunk))
}

func TestAChunkThatDiffersInMoreThanItsTextIsToldWhole(t *testing.T) {
	for _, other := range []string{
		`{"id":"2","object":"o","created":1,"model":"m","system_fingerprint":"fp","choices":[{"index":0,"delta":{"content":"b"}}]}`,
		`{"id":"1","object":"p","created":1,"model":"m","system_fingerprint":"fp","choices":[{"index":0,"delta":{"content":"b"}}]}`,
		`{"id":"1","object":"o","created":2,"model":"m","system_fingerprint":"fp","choices":[{"index":0,"delta":{"content":"b"}}]}`,
		`{"id":"1","object":"o","created":1,"model":"n","system_fingerprint":"fp","choices":[{"index":0,"delta":{"content":"b"}}]}`,
		`{"id":"1","object":"o","created":1,"model":"m","system_fingerprint":"fq","choices":[{"index":0,"delta":{"content":"b"}}]}`,
		`{"id":"1","object":"o","created":1,"model":"m","choices":[{"index":0,"delta":{"content":"b"}}]}`,
		`{"id":"1","object":"o","created":1,"model":"m","system_fingerprint":"fp","service_tier":"t","choices":[{"index":0,"delta":{"content":"b"}}]}`,
		`{"id":"1","object":"o","created":1,"model":"m","system_fingerprint":"fp","odd":1,"choices":[{"index":0,"delta":{"content":"b"}}]}`,
		`{"id":"1","object":"o","created":1,"model":"m","system_fingerprint":5,"choices":[{"index":0,"delta":{"content":"b"}}]}`,
		`{"id":"1","object":"o","created":1,"model":"m","system_fingerprint":"fp","choices":[]}`,
		`{"id":"1","object":"o","created":1,"model":"m","system_fingerprint":"fp","choices":[{"index":1,"delta":{"content":"b"}}]}`,
		`{"id":"1","object":"o","created":1,"model":"m","system_fingerprint":"fp","choices":[{"index":0,"delta":{"content":"b"}},{"index":1,"delta":{"content":"c"}}]}`,
		`{"id":"1","object":"o","created":1,"model":"m","system_fingerprint":"fp","choices":[{"index":0,"delta":{"role":"tool","content":"b"}}]}`,
		`{"id":"1","object":"o","created":1,"model":"m","system_fingerprint":"fp","choices":[{"index":0,"delta":{"content":"b"},"logprobs":{"content":[]}}]}`,
		`{"id":"1","object":"o","created":1,"model":"m","system_fingerprint":"fp","choices":[{"index":0,"delta":{"content":"b"},"odd":1}]}`,
		`{"id":"1","object":"o","created":1,"model":"m","system_fingerprint":"fp","choices":[{"index":0,"delta":{"content":"b","obfuscation":"x"}}]}`,
		`{"id":"1","object":"o","created":1,"model":"m","system_fingerprint":"fp","choices":[{"index":0,"delta":{"content":"b","reasoning_content":"r"}}]}`,
		`{"id":"1","object":"o","created":1,"model":"m","system_fingerprint":"fp","choices":[{"index":0,"delta":{"content":"b","refusal":"r"}}]}`,
		`{"id":"1","object":"o","created":1,"model":"m","system_fingerprint":"fp","choices":[{"index":0,"delta":{"content":"b","tool_calls":[{"index":0}]}}]}`,
		`{"id":"1","object":"o","created":1,"model":"m","system_fingerprint":"fp","choices":[{"index":0,"delta":{"content":[{"type":"text","text":"b"}]}}]}`,
		`{"id":"1","object":"o","created":1,"model":"m","system_fingerprint":"fp","choices":[{"index":0,"delta":{"content":"b"}}],"usage":{"prompt_tokens":1}}`,
	} {
		require.Equal(t, []string{"{", "{"}, said(t, plainChunk, other), other)
	}
}
