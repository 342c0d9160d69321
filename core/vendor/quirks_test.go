package vendor

import (
	"encoding/json"
	"regexp"
	"testing"

	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/wire"
	"github.com/stretchr/testify/require"
)

// What a vendor takes otherwise is changed in the request, and what is lost by
// that is told.
func TestQuirks(t *testing.T) {
	const messages = `"messages":[{"role":"user","content":"hi"}]`
	for _, c := range []struct {
		vendor, request, body string
		adapted               []string
		code                  llm.Code
	}{
		{"groq", `"temperature":0.5`, `"temperature":0.5`, nil, 0},
		{"groq", `"logit_bias":{"5":1},"seed":3`, `"seed":3`, []string{"logit_bias: left out"}, 0},
		{"groq", `"n":2`, ``, nil, llm.Unsupported},
		{"groq", `"n":1`, `"n":1`, nil, 0},
		{"mistral", `"seed":3,"user":"u","tool_choice":"required"`, `"random_seed":3,"tool_choice":"any"`, []string{"user: left out"}, 0},
		{"mistral", `"seed":3,"random_seed":4`, `"random_seed":4`, []string{"seed: left out"}, 0},
		{"mistral", `"max_completion_tokens":9,"seed":null`, `"max_tokens":9`, nil, 0},
		{"zhipu", `"temperature":1.5,"user":"u1234567"`, `"temperature":1,"user_id":"u1234567"`, []string{"temperature: 1.5 to 1"}, 0},
		{"zai", `"tool_choice":{"type":"function","function":{"name":"f"}}`, `"tool_choice":"auto"`, []string{"tool_choice: tool to auto"}, 0},
		{"zhipu", `"reasoning_effort":"none"`, `"thinking":{"type":"disabled"}`, nil, 0},
		{"zhipu", `"reasoning_effort":"high"`, `"thinking":{"type":"enabled"}`, []string{"reasoning_effort: enabled, of no degree"}, 0},
		{"zhipu", `"reasoning_effort":"high","thinking":{"type":"disabled"}`, `"thinking":{"type":"disabled"}`, []string{"reasoning_effort: left out"}, 0},
		{"qwen", `"reasoning_effort":"low"`, `"enable_thinking":true,"thinking_budget":1024`, nil, 0},
		{"qwen-intl", `"reasoning_effort":"none"`, `"enable_thinking":false`, nil, 0},
		{"siliconflow", `"reasoning_effort":"medium"`, `"enable_thinking":true,"thinking_budget":4096`, nil, 0},
		{"minimax", `"temperature":0`, `"temperature":0.01,"reasoning_split":true`, []string{"temperature: 0 to 0.01"}, 0},
		{"minimax", `"reasoning_split":false`, `"reasoning_split":false`, nil, 0},
		{"perplexity", `"tools":[{"type":"function","function":{"name":"f"}}]`, ``, nil, llm.Unsupported},
		{"lmstudio", `"response_format":{"type":"json_object"}`, `"response_format":{"type":"json_schema","json_schema":{"name":"object","schema":{"type":"object"}}}`, nil, 0},
		{"lmstudio", `"response_format":{"type":"json_schema","json_schema":{"name":"s","schema":{"type":"array"}}}`, `"response_format":{"type":"json_schema","json_schema":{"name":"s","schema":{"type":"array"}}}`, nil, 0},
		{"groq", `"tools":[],"tool_choice":"auto","parallel_tool_calls":true`, ``, nil, 0},
		{"groq", `"functions":[],"tools":[{"type":"function","function":{"name":"f"}}],"tool_choice":"none","parallel_tool_calls":false`,
			`"tools":[{"type":"function","function":{"name":"f"}}],"tool_choice":"none","parallel_tool_calls":false`, nil, 0},
		{"groq", `"functions":[],"tool_choice":"required"`, `"tool_choice":"required"`, nil, 0},
		{"stepfun", `"max_completion_tokens":9`, `"max_tokens":9`, nil, 0},
		{"openai", `"max_completion_tokens":9,"seed":1`, `"max_completion_tokens":9,"seed":1`, nil, 0},
	} {
		v, base, err := Resolve(Model{Provider: c.vendor, Name: "m", APIKey: "k"}, nil)
		require.NoError(t, err)
		p, err := llm.OwnRequest([]byte("{"+messages+","+c.request+"}"), llm.CallOptions{})
		require.NoError(t, err)
		before := string(p.JSON())
		call := &wire.Call{Payload: p, Model: "m"}
		body, err := v.Format(base, "k").Body(nil, call)
		require.Equal(t, before, string(p.JSON()))
		if c.code != 0 {
			require.Equal(t, c.code, llm.CodeOfError(err), c)
			continue
		}
		require.NoError(t, err)
		if c.body != "" {
			c.body = "," + c.body
		}
		require.JSONEq(t, `{"model":"m",`+messages+c.body+`,"stream":false}`, string(body))
		require.Equal(t, c.adapted, call.Adapted, c.request)
	}
}

// A call's id that another vendor made is the same in the call and in its
// result.
func TestToolIDs(t *testing.T) {
	v, base, err := Resolve(Model{Provider: "mistral", Name: "m", APIKey: "k"}, nil)
	require.NoError(t, err)
	p, err := llm.OwnRequest([]byte(`{"messages":[{"role":"user","content":"hi"},{"role":"assistant","content":null,"tool_calls":[{"id":"call_1","type":"function","function":{"name":"f","arguments":"{}"}}]},{"role":"tool","tool_call_id":"call_1","content":"x"}]}`), llm.CallOptions{})
	require.NoError(t, err)
	body, err := v.Format(base, "k").Body(nil, &wire.Call{Payload: p, Model: "m"})
	require.NoError(t, err)
	ids := regexp.MustCompile(`"(?:id|tool_call_id)":"([a-zA-Z0-9]{9})"`).FindAllSubmatch(body, -1)
	require.Len(t, ids, 2)
	require.Equal(t, ids[0][1], ids[1][1])
	require.NotContains(t, string(body), "call_1")
}

// A vendor with a JSON mode alone gets the schema in the prompt.
func TestSchemaInThePrompt(t *testing.T) {
	v, base, err := Resolve(Model{Provider: "zhipu", Name: "m", APIKey: "k"}, nil)
	require.NoError(t, err)
	p, err := llm.OwnRequest([]byte(`{"response_format":{"type":"json_schema","json_schema":{"name":"s","schema":{"type":"object"}}},"messages":[{"role":"user","content":"hi"}]}`), llm.CallOptions{})
	require.NoError(t, err)
	call := &wire.Call{Payload: p, Model: "m"}
	body, err := v.Format(base, "k").Body(nil, call)
	require.NoError(t, err)
	require.Equal(t, []string{"response_format: " + wire.ByJSONMode}, call.Adapted)
	require.Contains(t, string(body), `"response_format":{"type":"json_object"}`)
	require.Contains(t, string(body), `"content":"Answer with one JSON value`)
	require.Contains(t, string(body), `{"content":"hi","role":"user"}]`)
}

// Messages are sent in the order that the vendor demands, and nothing of them
// is lost.
func TestTurns(t *testing.T) {
	const call = `{"role":"assistant","tool_calls":[{"id":"1","type":"function","function":{"name":"f","arguments":"{}"}}]`
	const result = `{"role":"tool","tool_call_id":"1","content":"x"}`
	for _, c := range []struct{ vendor, messages, sent string }{
		{"perplexity", `{"role":"user","content":"a"},{"role":"user","content":[{"type":"text","text":"b"}]},{"role":"system","content":"s"},{"role":"assistant","content":"c"},{"role":"assistant","content":""},{"role":"user","content":"d"},{"role":"user","content":"e"},{"role":"system","content":"t"}`,
			`{"role":"system","content":"s\n\nt"},{"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]},{"role":"assistant","content":"c"},{"role":"user","content":"d\n\ne"}`},
		{"minimax", `{"role":"system","content":"a"},{"role":"system","content":"b"},{"role":"user","content":"c"},{"role":"user","content":"d"}`,
			`{"role":"system","content":"a\n\nb"},{"role":"user","content":"c"},{"role":"user","content":"d"}`},
		{"moonshot", `{"role":"user","content":"a"},{"role":"assistant","content":""},{"role":"user","content":"b"},` + call + `},` + result,
			`{"role":"user","content":"a"},{"role":"user","content":"b"},` + call + `,"reasoning_content":" "},` + result},
		{"moonshot", `{"role":"user","content":"a"},` + call + `,"reasoning_content":""},` + result,
			`{"role":"user","content":"a"},` + call + `,"reasoning_content":" "},` + result},
		{"moonshot", `{"role":"user","content":"a"},{"role":"assistant","name":"Ann","content":"","partial":true}`, `{"role":"user","content":"a"},{"role":"assistant","name":"Ann","content":"","partial":true}`},
		{"moonshot", `{"role":"user","content":"a"},{"role":"assistant","content":null,"function_call":{"name":"f","arguments":"{}"}}`,
			`{"role":"user","content":"a"},{"role":"assistant","content":null,"function_call":{"name":"f","arguments":"{}"}}`},
		{"deepseek", `{"role":"user","content":"a"},` + call + `},` + result, `{"role":"user","content":"a"},` + call + `,"reasoning_content":""},` + result},
		{"groq", `{"role":"user","content":"a"},{"role":"user","content":"b"}`, `{"role":"user","content":"a"},{"role":"user","content":"b"}`},
	} {
		v, base, err := Resolve(Model{Provider: c.vendor, Name: "m", APIKey: "k"}, nil)
		require.NoError(t, err)
		p, err := llm.OwnRequest([]byte(`{"messages":[`+c.messages+`]}`), llm.CallOptions{})
		require.NoError(t, err)
		body, err := v.Format(base, "k").Body(nil, &wire.Call{Payload: p, Model: "m"})
		require.NoError(t, err)
		var sent struct{ Messages json.RawMessage }
		require.NoError(t, json.Unmarshal(body, &sent))
		require.JSONEq(t, `[`+c.sent+`]`, string(sent.Messages), c.vendor)
	}
}
