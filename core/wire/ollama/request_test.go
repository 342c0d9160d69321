package ollama

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/llmagg/llmagg/tests/lineartime"
	"github.com/stretchr/testify/require"

	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/wire"
)

func callFor(t testing.TB, request string) *wire.Call {
	t.Helper()
	p, err := llm.OwnRequest([]byte(request), llm.CallOptions{})
	require.NoError(t, err)
	return &wire.Call{Payload: p, Model: "llama3.2"}
}

const hello = `"messages":[{"role":"user","content":"hi"}]`

func TestBody(t *testing.T) {
	for _, c := range []struct{ request, body string }{
		{`{` + hello + `}`, `{"model":"llama3.2","stream":false,"messages":[{"role":"user","content":"hi"}]}`},
		{`{` + hello + `,"temperature":0.5,"top_p":0.9,"max_tokens":5,"seed":3,"stop":"END","presence_penalty":1,"frequency_penalty":0.25,"num_ctx":8192,"top_k":40,"options":{"num_ctx":16384,"x":1},"keep_alive":"10m"}`,
			`{"model":"llama3.2","stream":false,"messages":[{"role":"user","content":"hi"}],"keep_alive":"10m",
			"options":{"temperature":0.5,"top_p":0.9,"num_predict":5,"seed":3,"stop":["END"],"presence_penalty":1,"frequency_penalty":0.25,"num_ctx":16384,"top_k":40,"x":1}}`},
		{`{` + hello + `,"response_format":{"type":"json_object"},"reasoning_effort":"none"}`,
			`{"model":"llama3.2","stream":false,"messages":[{"role":"user","content":"hi"}],"format":"json","think":false}`},
		{`{` + hello + `,"response_format":{"type":"json_schema","json_schema":{"name":"n","schema":{"type":"object"}}},"reasoning_effort":"high","logprobs":true,"top_logprobs":2}`,
			`{"model":"llama3.2","stream":false,"messages":[{"role":"user","content":"hi"}],"format":{"type":"object"},"think":"high","logprobs":true,"top_logprobs":2}`},
		{`{` + hello + `,"think":true,"format":"json"}`, `{"model":"llama3.2","stream":false,"messages":[{"role":"user","content":"hi"}],"format":"json","think":true}`},
		{`{"messages":[{"role":"developer","content":"short"},{"role":"user","content":[{"type":"text","text":"a"},{"type":"image_url","image_url":{"url":"data:image/png;base64,aGk="}},{"type":"text","text":"b"},
			{"type":"file","file":{"file_data":"data:text/plain;base64,YWJj"}}]}]}`,
			`{"model":"llama3.2","stream":false,"messages":[{"role":"system","content":"short"},{"role":"user","content":"a\nb\nabc","images":["aGk="]}]}`},
		{`{"messages":[{"role":"user","content":"hi"},{"role":"assistant","content":null,"reasoning_content":"hm","tool_calls":[{"id":"c1","type":"function","function":{"name":"look","arguments":"{\"a\": 1}"}},{"id":"c2","type":"function","function":{"name":"see","arguments":""}}]},
			{"role":"tool","tool_call_id":"c2","content":"sun"}],"tools":[{"type":"function","function":{"name":"look","parameters":{"type":"object"}}}]}`,
			`{"model":"llama3.2","stream":false,"messages":[{"role":"user","content":"hi"},{"role":"assistant","content":"","thinking":"hm","tool_calls":[{"id":"c1","function":{"name":"look","arguments":{"a":1}}},{"id":"c2","function":{"name":"see","arguments":{}}}]},
			{"role":"tool","content":"sun","tool_name":"see","tool_call_id":"c2"}],"tools":[{"type":"function","function":{"name":"look","parameters":{"type":"object"}}}]}`},
		{`{` + hello + `,"tools":[{"type":"function","function":{"name":"look"}}],"tool_choice":"none"}`, `{"model":"llama3.2","stream":false,"messages":[{"role":"user","content":"hi"}]}`},
	} {
		body, err := New(wire.Options{}).Body(nil, callFor(t, c.request))
		require.NoError(t, err, c.request)
		require.JSONEq(t, c.body, string(body))
	}
}

// What Ollama cannot do stands in the trail, or sends the call to another
// route.
func TestNothingIsLeftOutInSilence(t *testing.T) {
	c := callFor(t, `{`+hello+`,"logit_bias":{"1":2},"user":"u","parallel_tool_calls":false,"reasoning_effort":"max","x_new":1,
		"tools":[{"type":"function","function":{"name":"look"}},{"type":"function","function":{"name":"see"}}],"tool_choice":{"type":"function","function":{"name":"see"}}}`)
	body, err := New(wire.Options{}).Body(nil, c)
	require.NoError(t, err)
	require.NotContains(t, string(body), "look")
	require.ElementsMatch(t, []string{"tool_choice: auto among the named tools", "reasoning_effort: max to high", "logit_bias: left out", "user: left out", "parallel_tool_calls: left out", "x_new: left out"}, c.Adapted)
	for request, code := range map[string]llm.Code{
		`{` + hello + `,"n":2}`: llm.Unsupported,
		`{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"https://h/a.png"}}]}]}`:              llm.Unsupported,
		`{"messages":[{"role":"user","content":[{"type":"file","file":{"file_id":"f"}}]}]}`:                                  llm.Unsupported,
		`{"messages":[{"role":"user","content":[{"type":"file","file":{"file_data":"data:application/pdf;base64,aGk="}}]}]}`: llm.Unsupported,
		`{"messages":[{"role":"user","content":[{"type":"input_audio","input_audio":{"data":"aGk=","format":"wav"}}]}]}`:     llm.Unsupported,
		`{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,"}}]}]}`:       llm.BadRequest,
		`{` + hello + `,"tools":[{"type":"custom","custom":{"name":"c"}}]}`:                                                  llm.Unsupported,
		`{` + hello + `,"options":3}`: llm.BadRequest,
		`{` + hello + `,"response_format":{"type":"json_schema","json_schema":{"name":"n"}}}`: llm.BadRequest,
	} {
		_, err := New(wire.Options{}).Body(nil, callFor(t, request))
		require.Equal(t, code, llm.CodeOfError(err), request)
	}
}

func TestAdvice(t *testing.T) {
	f := New(wire.Options{}).(wire.Adviser)
	for _, c := range []struct {
		status       int
		said, advice string
	}{
		{404, `model "llama3.2" not found, try pulling it first`, "ollama pull llama3.2"},
		{404, "model 'llama3.2' not found", "ollama pull llama3.2"},
		{404, "404 page not found", ""},
		{400, "registry.ollama.ai/library/x does not support tools", "leave out the tools"},
		{400, `"x" does not support thinking`, "reasoning_effort"},
	} {
		advice := f.Advice(&llm.Error{Status: c.status, ProviderMessage: c.said}, &wire.Call{Model: "llama3.2"})
		require.Contains(t, advice, c.advice)
		require.Equal(t, c.advice == "", advice == "")
	}
	require.Contains(t, f.Advice(&llm.Error{Status: 404, ProviderMessage: "model not found"}, &wire.Call{Model: "a; rm -rf b"}), `"a; rm -rf b"`)
}

// Whatever passes the request's check translates to JSON, to BAD_REQUEST or to
// UNSUPPORTED.
func FuzzRequest(f *testing.F) {
	f.Add([]byte(`{` + hello + `,"tools":[{"type":"function","function":{"name":"f","parameters":{"const":1}}}],"tool_choice":"required","options":{"a":null},"stop":["a"]}`))
	f.Add([]byte(`{"messages":[{"role":"assistant","tool_calls":[{"id":"1","function":{"name":"f","arguments":"{"}}]},{"role":"tool","tool_call_id":"1","content":"{} "}],"num_ctx":1}`))
	f.Add([]byte(`{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:a/b,%41"}},{"type":"file","file":{"file_data":"data:text/x,a"}}]}],"reasoning_effort":"none","keep_alive":[null]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := llm.OwnRequest(data, llm.CallOptions{})
		if err != nil {
			return
		}
		body, err := New(wire.Options{}).Body(nil, &wire.Call{Payload: p, Model: "m"})
		if err != nil {
			require.Contains(t, []llm.Code{llm.BadRequest, llm.Unsupported}, llm.CodeOfError(err))
			return
		}
		require.True(t, json.Valid(body), "%s", body)
	})
}

func TestRequestLinearTime(t *testing.T) {
	turn := `{"role":"assistant","content":"a","tool_calls":[{"id":"1","type":"function","function":{"name":"f","arguments":"{}"}}]},{"role":"tool","tool_call_id":"1","content":"b"},`
	lineartime.Check(t, 50_000, func(n int) func() {
		c := callFor(t, `{"messages":[`+strings.Repeat(turn, n)+`{"role":"user","content":"c"}]}`)
		return func() {
			_, err := New(wire.Options{}).Body(nil, c)
			require.NoError(t, err)
		}
	})
}
