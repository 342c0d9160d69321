package gemini

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/llmagg/llmagg/core/llm"
)

// Whatever passes the request's check translates to JSON, to BAD_REQUEST or to
// UNSUPPORTED.
func FuzzRequest(f *testing.F) {
	f.Add([]byte(`{`+hello+`,"tools":[{"type":"function","function":{"name":"f","parameters":{"const":1}}}],"tool_choice":"auto","generationConfig":{"top_k":1}}`), "gemini-3")
	f.Add([]byte(`{"messages":[{"role":"assistant","tool_calls":[{"id":"1","function":{"name":"f","arguments":"{"}}]},{"role":"tool","tool_call_id":"1","content":"{} "}]}`), "gemini-2.5-pro")
	f.Add([]byte(`{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:a/b,%41"}},{"type":"file","file":{"file_id":"x"}}]}],"reasoning_effort":"none","safety_settings":[null]}`), "")
	f.Add([]byte(`{"messages":[{"role":"assistant","content":"ab","images":[{"type":"image_url","image_url":{"url":"data:a/b;base64,AA"}}],"tool_calls":[{"id":"1","function":{"name":"f","arguments":"{}"}}],"parts":[{"type":"text","bytes":2,"owner":"gemini/m","raw":{"thoughtSignature":"s"}},{"type":"image","owner":"gemini/m"},{"type":"other","owner":"gemini/m","raw":{"x":1}},{"type":"tool_call","id":"1"}]}]}`), "gemini-3")
	f.Fuzz(func(t *testing.T, data []byte, model string) {
		p, err := llm.OwnRequest(data, llm.CallOptions{})
		if err != nil {
			return
		}
		r, err := p.Request()
		if err != nil {
			return
		}
		r.Model = model
		body, err := translated(nil, r)
		if err != nil {
			require.Contains(t, []llm.Code{llm.BadRequest, llm.Unsupported}, llm.CodeOfError(err))
			return
		}
		require.True(t, json.Valid(body), "%s", body)
	})
}

// Whatever an event holds, it reads as a chunk that can be written, or not.
func FuzzAnswer(f *testing.F) {
	f.Add([]byte(`{"candidates":[{"content":{"parts":[{"text":"a","thought":true},{"functionCall":{"name":"f","args":{}}},{"inlineData":{}},{"x":1}]},"finishReason":"STOP","index":-1}],"usageMetadata":{"totalTokenCount":1e300}}`))
	f.Add([]byte(`{"promptFeedback":{"blockReason":"OTHER"}}`))
	f.Add([]byte(`{"candidates":[null,{"content":null,"logprobsResult":{"chosenCandidates":[{}]},"index":"1"}],"responseId":7}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		g := newReader("m")
		for range 2 {
			c, err := g.Chunk("", data)
			if err != nil {
				require.Contains(t, []llm.Code{llm.BadResponse, llm.ContentFilter}, llm.CodeOfError(err))
				return
			}
			written, err := c.MarshalJSON()
			require.NoError(t, err)
			require.True(t, json.Valid(written), "%s", written)
		}
		if r, err := newReader("m").response(data); err == nil {
			require.NotEmpty(t, r.Choices)
			_, err = r.MarshalJSON()
			require.NoError(t, err)
		}
	})
}
