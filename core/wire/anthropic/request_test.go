package anthropic

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/llmagg/llmagg/tests/lineartime"
	"github.com/stretchr/testify/require"

	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/wire"
)

const hello = `"messages":[{"role":"user","content":"hi"}]`

// written is the body for a request, and what is not in it: first the parts of
// other answers, then the parameters.
func written(t *testing.T, model, request string, omit ...string) (body string, left []string, err error) {
	t.Helper()
	p, err := llm.OwnRequest([]byte(request), llm.CallOptions{})
	require.NoError(t, err)
	c := &wire.Call{Payload: p, Model: model, Omit: omit}
	data, err := New(wire.Options{At: wire.RootOf("https://h/v1")}).Body(nil, c)
	return string(data), append(c.Left, c.Adapted...), err
}

// A request says the same to Claude.
func TestRequest(t *testing.T) {
	const user = `{"role":"user","content":[{"type":"text","text":"hi"}]}`
	for _, c := range []struct {
		name, model, request string
		body                 string // without model
		left                 []string
	}{
		{"defaults", "claude-3-haiku-20240307", `{` + hello + `}`, `{"max_tokens":4096,"messages":[` + user + `]}`, nil},
		{"another vendor's model", "deepseek-chat", `{` + hello + `}`, `{"max_tokens":8192,"messages":[` + user + `]}`, nil},
		{"sampling", "m", `{` + hello + `,"max_tokens":5,"max_completion_tokens":7,"temperature":0.5,"top_p":0.9,"top_k":3,"stop":["a","b"]}`,
			`{"max_tokens":7,"messages":[` + user + `],"temperature":0.5,"top_p":0.9,"top_k":3,"stop_sequences":["a","b"]}`, nil},
		{"nothing is dropped silently", "m", `{` + hello + `,"max_tokens":5,"seed":1,"presence_penalty":1,"frequency_penalty":0,"logit_bias":{"1":2},"store":true,"metadata":{"a":"b"},"reasoning_effort":"high"}`,
			`{"max_tokens":5,"messages":[` + user + `]}`, []string{"metadata: left out", "seed: left out", "presence_penalty: left out", "logit_bias: left out", "store: left out", "reasoning_effort: left out"}},
		{"own fields", "m", `{` + hello + `,"max_tokens":5,"service_tier":"auto","thinking":{"type":"enabled","budget_tokens":1024}}`,
			`{"max_tokens":5,"messages":[` + user + `],"thinking":{"type":"enabled","budget_tokens":1024},"service_tier":"auto"}`, nil},
		{"an answer to go on with that ends in a search", "m", `{"max_tokens":5,"messages":[{"role":"user","content":"hi"},{"role":"assistant","content":"so:\n","parts":[{"type":"text","bytes":4},{"type":"server_tool_use","owner":"anthropic/m","raw":{"type":"server_tool_use","id":"s1","name":"web_search","input":{}}}]}]}`,
			`{"max_tokens":5,"messages":[` + user + `,{"role":"assistant","content":[{"type":"text","text":"so:\n"},{"type":"server_tool_use","id":"s1","name":"web_search","input":{}}]}]}`, nil},
		{"instructions alone", "m", `{"max_tokens":5,"messages":[{"role":"system","content":"be"}]}`, `{"max_tokens":5,"messages":[{"role":"user","content":[{"type":"text","text":"be"}]}]}`, nil},
		{"instructions anywhere", "m", `{"max_tokens":5,"messages":[{"role":"user","content":"hi"},{"role":"developer","content":"be"}]}`,
			`{"max_tokens":5,"system":[{"type":"text","text":"be"}],"messages":[` + user + `]}`, nil},
		{"marks for the cache", "m", `{"max_tokens":5,"messages":[{"role":"system","content":[{"type":"text","text":"be","cache_control":{"type":"ephemeral","ttl":"1h"}}]},{"role":"user","content":"hi","cache_control":{"type":"ephemeral"}}]}`,
			`{"max_tokens":5,"system":[{"type":"text","text":"be","cache_control":{"type":"ephemeral","ttl":"1h"}}],"messages":[{"role":"user","content":[{"type":"text","text":"hi","cache_control":{"type":"ephemeral"}}]}]}`, nil},
		{"files", "m", `{"max_tokens":5,"messages":[{"role":"user","content":[{"type":"file","file":{"file_data":"data:application/pdf;base64,aGk=","filename":"a.pdf"}},{"type":"file","file":{"file_data":"aGk=","filename":"a.txt"}},{"type":"image_url","image_url":{"url":"https://x/y.png"}}]}]}`,
			`{"max_tokens":5,"messages":[{"role":"user","content":[{"type":"document","source":{"type":"base64","media_type":"application/pdf","data":"aGk="},"title":"a.pdf"},{"type":"document","source":{"type":"text","media_type":"text/plain","data":"hi"},"title":"a.txt"},{"type":"image","source":{"type":"url","url":"https://x/y.png"}}]}]}`, nil},
		{"ids of other vendors", "m", `{"max_tokens":5,"messages":[{"role":"user","content":"hi"},{"role":"assistant","content":"","tool_calls":[{"id":"a:b/1","type":"function","function":{"name":"f","arguments":"{oops"}}]},{"role":"tool","tool_call_id":"a:b/1","content":""}]}`,
			`{"max_tokens":5,"messages":[` + user + `,{"role":"assistant","content":[{"type":"tool_use","id":"a_b_1","name":"f","input":{"arguments":"{oops"}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"a_b_1"}]}]}`, nil},
		{"the old functions", "m", `{"max_tokens":5,"functions":[{"name":"f"}],"function_call":{"name":"f"},"messages":[{"role":"user","content":"hi"},{"role":"assistant","content":null,"function_call":{"name":"f","arguments":"{}"}},{"role":"function","name":"f","content":"1"}]}`,
			`{"max_tokens":5,"messages":[` + user + `,{"role":"assistant","content":[{"type":"tool_use","id":"call_1","name":"f","input":{}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"call_1","content":[{"type":"text","text":"1"}]}]}],"tools":[{"name":"f","input_schema":{"type":"object","properties":{}}}],"tool_choice":{"type":"tool","name":"f"}}`, nil},
		{"allowed tools", "m", `{` + hello + `,"max_tokens":5,"tools":[{"type":"function","function":{"name":"f"}},{"type":"function","function":{"name":"g"}},{"type":"web_search_20250305","name":"web_search"}],"tool_choice":{"type":"allowed_tools","allowed_tools":{"mode":"required","tools":[{"type":"function","function":{"name":"g"}}]}}}`,
			`{"max_tokens":5,"messages":[` + user + `],"tools":[{"name":"g","input_schema":{"type":"object","properties":{}}}],"tool_choice":{"type":"any"}}`, nil},
		{"a schema, natively", "claude-sonnet-4-5", `{` + hello + `,"max_tokens":5,"response_format":{"type":"json_schema","json_schema":{"name":"a","schema":{"type":"object","properties":{"b":{"type":"string"},"a":{"type":"string"}}}}}}`,
			`{"max_tokens":5,"messages":[` + user + `],"output_config":{"format":{"schema":{"type":"object","properties":{"b":{"type":"string"},"a":{"type":"string"}},"additionalProperties":false},"type":"json_schema"}}}`, nil},
		{"a schema, by a tool", "claude-3-5-sonnet-latest", `{` + hello + `,"max_tokens":5,"response_format":{"type":"json_schema","json_schema":{"name":"a b","schema":{"type":"object"}}}}`,
			`{"max_tokens":5,"messages":[` + user + `],"tools":[{"name":"a_b","description":"Give the answer by calling this tool.","input_schema":{"type":"object"}}],"tool_choice":{"type":"tool","name":"a_b","disable_parallel_tool_use":true}}`, []string{"response_format: forced tool"}},
		{"a schema, beside tools", "claude-3-5-sonnet-latest", `{` + hello + `,"max_tokens":5,"tools":[{"type":"function","function":{"name":"f"}}],"response_format":{"type":"json_schema","json_schema":{"name":"a","schema":{"type":"object"}}}}`,
			`{"max_tokens":5,"system":[{"type":"text","text":"Answer with one JSON value that follows this JSON schema, and nothing else: no explanation, no code fence.\n{\"type\":\"object\"}"}],"messages":[` + user + `],"tools":[{"name":"f","input_schema":{"type":"object","properties":{}}}]}`, []string{"response_format: in the prompt"}},
		{"a budget of thought", "claude-3-7-sonnet", `{` + hello + `,"max_tokens":5,"reasoning_effort":"low","temperature":0.2,"tools":[{"type":"function","function":{"name":"f"}}],"tool_choice":"required"}`,
			`{"max_tokens":2048,"messages":[` + user + `],"tools":[{"name":"f","input_schema":{"type":"object","properties":{}}}],"tool_choice":{"type":"auto"},"thinking":{"budget_tokens":1024,"type":"enabled"}}`, []string{"max_tokens: 5 to 2048", "temperature: left out", "tool_choice: required to auto"}},
		{"an effort of thought", "claude-opus-4-6", `{` + hello + `,"max_tokens":5,"reasoning_effort":"minimal"}`,
			`{"max_tokens":5,"messages":[` + user + `],"thinking":{"type":"adaptive"},"output_config":{"effort":"low"}}`, []string{"reasoning_effort: minimal to low"}},
		{"no thought", "claude-opus-4-6", `{` + hello + `,"max_tokens":5,"reasoning_effort":"none"}`, `{"max_tokens":5,"messages":[` + user + `],"thinking":{"type":"disabled"}}`, nil},
		{"no thought in the middle of a tool turn", "claude-opus-4-5", `{"max_tokens":5,"reasoning_effort":"low","messages":[{"role":"user","content":"hi"},{"role":"assistant","content":null,"tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{}"}}]},{"role":"tool","tool_call_id":"c","content":"1"}]}`,
			`{"max_tokens":5,"messages":[` + user + `,{"role":"assistant","content":[{"type":"tool_use","id":"c","name":"f","input":{}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"c","content":[{"type":"text","text":"1"}]}]}]}`, []string{"reasoning_effort: left out"}},
		{"another vendor's thoughts", "m", `{"max_tokens":5,"messages":[{"role":"user","content":"hi"},{"role":"assistant","content":"yes","reasoning_content":"hm"}]}`,
			`{"max_tokens":5,"messages":[` + user + `,{"role":"assistant","content":[{"type":"text","text":"yes"}]}]}`, []string{"messages.reasoning_content"}},
		{"its own, of a message that was changed", "m", `{"max_tokens":5,"messages":[{"role":"user","content":"hi"},{"role":"assistant","content":"yes!","parts":[{"type":"text","bytes":3},{"type":"redacted_thinking","owner":"anthropic/m","raw":{"type":"redacted_thinking","data":"x"}}]}]}`,
			`{"max_tokens":5,"messages":[` + user + `,{"role":"assistant","content":[{"type":"redacted_thinking","data":"x"},{"type":"text","text":"yes!"}]}]}`, nil},
		{"a mark on a blank text", "m", `{"max_tokens":5,"messages":[{"role":"user","content":[{"type":"text","text":"hi"},{"type":"text","text":" ","cache_control":{"type":"ephemeral"}}]}]}`,
			`{"max_tokens":5,"messages":[` + user + `]}`, []string{"messages.content.cache_control"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			body, left, err := written(t, c.model, c.request)
			require.NoError(t, err)
			require.JSONEq(t, strings.Replace(c.body, "{", `{"model":"`+c.model+`",`, 1), body)
			require.Equal(t, c.left, left)
		})
	}
}

// What cannot be said to Claude, and would change the answer, says so.
func TestRequestRefused(t *testing.T) {
	unsupported := []string{"gives one answer", "gives none", "messages[0].content[0] is of", "tools[0] has the type"}
	for says, request := range map[string]string{
		"gives one answer":             `{` + hello + `,"n":2}`,
		"gives none":                   `{` + hello + `,"logprobs":true}`,
		"messages[0].content[0] is of": `{"messages":[{"role":"user","content":[{"type":"input_audio","input_audio":{"data":"aGk=","format":"wav"}}]}]}`,
		"calls none":                   `{"messages":[{"role":"function","name":"f","content":"1"}]}`,
		"tools[0] has the type":        `{` + hello + `,"tools":[{"type":"custom","custom":{"name":"f"}}]}`,
		"expected auto, none":          `{` + hello + `,"tools":[{"type":"function","function":{"name":"f"}}],"extra_body":{"tool_choice":"maybe"}}`,
	} {
		_, _, err := written(t, "m", request)
		code := llm.BadRequest
		if slices.Contains(unsupported, says) {
			code = llm.Unsupported
		}
		require.Equal(t, code, llm.CodeOfError(err), request)
		require.ErrorContains(t, err, says)
	}
}

// The base URL is written with /v1 or without, as each vendor's documents have
// it.
func TestURL(t *testing.T) {
	for base, url := range map[string]string{
		"https://h/v1":         "https://h/v1/messages",
		"https://h/anthropic":  "https://h/anthropic/v1/messages",
		"https://h/v1?beta=1":  "https://h/v1/messages?beta=1",
		"https://h/api?beta=1": "https://h/api/v1/messages?beta=1",
	} {
		require.Equal(t, url, New(wire.Options{At: wire.RootOf(base)}).URL("m", true))
	}
}

// Whatever passes the request's check translates to JSON, to BAD_REQUEST or to
// UNSUPPORTED.
func FuzzRequest(f *testing.F) {
	f.Add([]byte(`{`+hello+`,"tools":[{"type":"function","function":{"name":"f","parameters":{"const":1}}}],"tool_choice":"auto"}`), "claude-3-7-sonnet")
	f.Add([]byte(`{"messages":[{"role":"assistant","content":"ab","parts":[{"type":"text","bytes":1},{"type":"thinking","owner":"anthropic/m","raw":{"type":"thinking"}},{"type":"text","bytes":1}]},{"role":"tool","tool_call_id":"1","content":"{} "}]}`), "claude-opus-4-6")
	f.Add([]byte(`{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:a/b,%41"}},{"type":"file","file":{"file_id":"x"}}]}],"reasoning_effort":"none","output_config":[1],"response_format":{"type":"json_schema","json_schema":{"schema":{}}}}`), "")
	f.Fuzz(func(t *testing.T, data []byte, model string) {
		p, err := llm.OwnRequest(data, llm.CallOptions{})
		if err != nil {
			return
		}
		format := New(wire.Options{})
		c := &wire.Call{Payload: p, Model: model}
		format.Suspects(c)
		body, err := format.Body(nil, c)
		if err != nil {
			require.Contains(t, []llm.Code{llm.BadRequest, llm.Unsupported}, llm.CodeOfError(err))
			return
		}
		require.True(t, json.Valid(body), "%s", body)
	})
}

// Very many messages and results are written in linear time.
func TestRequestLinear(t *testing.T) {
	lineartime.Check(t, 64_000, func(n int) func() {
		var text strings.Builder
		text.WriteString(`{"messages":[{"role":"user","content":"hi"}`)
		for range n {
			text.WriteString(`,{"role":"tool","tool_call_id":"c","content":"x"}`)
		}
		text.WriteString(`]}`)
		return func() {
			_, _, err := written(t, "m", text.String())
			require.NoError(t, err)
		}
	})
}

// Marks for a cache stay where they were in an answer that goes back as it
// came.
func TestMarksOfAnswer(t *testing.T) {
	const mark = `"cache_control":{"type":"ephemeral"}`
	body, left, err := written(t, "claude-x", `{"messages":[{"role":"user","content":"hi"},{"role":"assistant","content":[{"type":"text","text":"ab",`+mark+`},{"type":"text","text":"c"}],"tool_calls":[{"id":"c1","type":"function","function":{"name":"f","arguments":"{}"}}],`+mark+`,
		"parts":[{"type":"thinking","owner":"anthropic/m","raw":{"type":"thinking"}},{"type":"text","bytes":2},{"type":"text","bytes":1},{"type":"tool_call","id":"c1"}]}]}`)
	require.NoError(t, err)
	require.Empty(t, left)
	require.Contains(t, body, `"content":[{"type":"thinking"},{"type":"text","text":"ab",`+mark+`},{"type":"text","text":"c"},{"type":"tool_use","id":"c1","name":"f","input":{},`+mark+`}]`)
}
