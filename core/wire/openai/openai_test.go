package openai_test

import (
	"net/http"
	"testing"

	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/wire"
	"github.com/llmagg/llmagg/core/wire/openai"
	"github.com/stretchr/testify/require"
)

func call(t *testing.T, request string) *wire.Call {
	t.Helper()
	p, err := llm.OwnRequest([]byte(request), llm.CallOptions{})
	require.NoError(t, err)
	return &wire.Call{Payload: p, Model: "up"}
}

const hello = `"messages":[{"role":"user","content":"hello"}]`

func TestURLAndKey(t *testing.T) {
	f := openai.New(wire.Options{At: wire.RootOf("https://h/v1?api-version=1"), Key: "k"})
	require.Equal(t, "https://h/v1/chat/completions?api-version=1", f.URL("up", true))
	require.Equal(t, "https://h/v1/models?api-version=1", f.Models())
	h := http.Header{}
	f.Authorize(h)
	require.Equal(t, "Bearer k", h.Get("Authorization"))
}

// Usage is asked for in streams, where somebody wants it and the vendor knows
// the question; it can be left out.
func TestBody(t *testing.T) {
	f := openai.New(wire.Options{StreamUsage: true})
	c := call(t, `{`+hello+`}`)
	c.Stream, c.Usage = true, true
	body, err := f.Body(nil, c)
	require.NoError(t, err)
	require.JSONEq(t, `{`+hello+`,"model":"up","stream":true,"stream_options":{"include_usage":true}}`, string(body))
	require.True(t, c.Added)
	require.Equal(t, llm.OmitStreamOptions, f.Suspects(c)[0].Name)

	c.Usage, c.Omit = true, []string{llm.OmitStreamOptions}
	body, err = f.Body(nil, c)
	require.NoError(t, err)
	require.JSONEq(t, `{`+hello+`,"model":"up","stream":true}`, string(body))
	require.Equal(t, []string{llm.OmitStreamOptions}, c.Left)
	require.False(t, c.Usage)

	c = call(t, `{`+hello+`}`)
	body, err = f.Body([]byte("before"), c)
	require.NoError(t, err)
	require.JSONEq(t, `{`+hello+`,"model":"up","stream":false}`, string(body)[len("before"):])
	require.Equal(t, llm.OmitStream, f.Suspects(c)[0].Name)
}

func TestStream(t *testing.T) {
	s := openai.New(wire.Options{}).Stream(&wire.Call{})
	c, err := s.Chunk("", []byte(`{"choices":[{"index":0,"delta":{"content":"a"}}]}`))
	require.NoError(t, err)
	require.Equal(t, "a", c.Choices[0].Delta.Content)
	require.Equal(t, "chat.completion.chunk", c.Object)
	require.False(t, s.Complete())
	c, err = s.Chunk("", []byte("[DONE]"))
	require.NoError(t, err)
	require.Nil(t, c)
	require.True(t, s.Complete())
	_, err = s.Chunk("", []byte("words"))
	require.Error(t, err)
}

func TestResponse(t *testing.T) {
	f := openai.New(wire.Options{})
	r, err := f.Response([]byte(`{"choices":[{"message":{"content":"hi"}}]}`), nil)
	require.NoError(t, err)
	require.Equal(t, "chat.completion", r.Object)
	for _, none := range []string{`{}`, `words`, `{"choices":[]}`} {
		_, err := f.Response([]byte(none), nil)
		require.Equal(t, llm.BadResponse, llm.CodeOfError(err), none)
	}
}

// What a vendor's row does at every request is no reason to ask once more.
func TestSuspectsAreNotWhatIsDoneAlready(t *testing.T) {
	p, err := llm.OwnRequest([]byte(`{"tools":[{"type":"function","function":{"name":"f","parameters":{}}}],"messages":[{"role":"user","content":"a"},{"role":"user","content":"b"},`+
		`{"role":"assistant","content":null,"tool_calls":[{"id":"long_id_of_a_call","type":"function","function":{"name":"f","arguments":"{}"}}]},{"role":"tool","tool_call_id":"long_id_of_a_call","content":"1"}]}`), llm.CallOptions{})
	require.NoError(t, err)
	for quirks, want := range map[*wire.Quirks]int{
		nil: 3, {ToolIDs: 9}: 2, {ToolIDs: 9, Turns: wire.OneSystem | wire.Alternate, WholeTools: true}: 0,
	} {
		named := 0
		for _, s := range openai.New(wire.Options{Quirks: quirks}).Suspects(&wire.Call{Payload: p, Stream: true}) {
			if s.Named {
				named++
			}
		}
		require.Equal(t, want, named)
	}
}

// A signature of Gemini's goes to Google's servers, to an unknown server that
// may have sent it, and to a model that may be Gemini's; to nobody else.
func TestSignaturesOfGemini(t *testing.T) {
	const signed = `"tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{}"},"extra_content":{"google":{"thought_signature":"c2ln"}}}]`
	const native = `,"parts":[{"type":"tool_call","id":"c","owner":"gemini/gemini-3-pro","raw":{"thoughtSignature":"c2ln"}}]`
	for _, c := range []struct {
		owner, model, parts string
		goes                bool
	}{
		{"gemini", "gemini-3-pro", native, true},
		{"gemini", "gemini-3-pro", "", true},
		{"vertex", "google/gemini-3-pro", native, true},
		{"vertex", "google/gemini-3-pro", "", true},
		{"", "fast", "", true},
		{"", "google/gemini-3-pro", native, true},
		{"", "fast", native, false},
		{"groq", "fast", native, false},
		{"groq", "fast", "", false},
	} {
		f := openai.New(wire.Options{Owner: c.owner})
		to := call(t, `{"messages":[{"role":"user","content":"hello"},{"role":"assistant",`+signed+c.parts+`},{"role":"tool","tool_call_id":"c","content":"1"}]}`)
		to.Model = c.model
		body, err := f.Body(nil, to)
		require.NoError(t, err)
		if c.goes {
			require.Contains(t, string(body), "c2ln", c)
			continue
		}
		require.NotContains(t, string(body), "c2ln", c)
		require.Contains(t, to.Left, "messages.tool_calls.extra_content", c)
	}
}

// NVIDIA's own rankings have an address for each model, other servers one for
// all. No key goes to a host that base_url does not name.
func TestRankingsOfNVIDIA(t *testing.T) {
	for base, want := range map[string]string{
		"https://integrate.api.nvidia.com/v1": "",
		"https://ai.api.nvidia.com/v1":        "https://ai.api.nvidia.com/v1/retrieval/nvidia/llama-3_2-nv-rerankqa-1b-v2/reranking",
		"http://nim:8000/v1":                  "http://nim:8000/v1/ranking",
	} {
		w := openai.New(wire.Options{At: wire.RootOf(base), Others: wire.NVIDIA})
		require.Equal(t, want, w.(wire.Reranker).RerankURL("nvidia/llama-3.2-nv-rerankqa-1b-v2"))
	}
}
