package bedrock

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/wire"
)

const (
	hello  = `"messages":[{"role":"user","content":"hi"}]`
	user   = `{"role":"user","content":[{"text":"hi"}]}`
	sonnet = "us.anthropic.claude-3-7-sonnet-20250219-v1:0"
	called = `{"role":"user","content":"hi"},{"role":"assistant","content":null,"tool_calls":[{"id":"c/1","type":"function","function":{"name":"f","arguments":"{\"a\":1}"}}]}`
)

// written is the body for a request, and what is not in it: first the parts of
// other answers, then the parameters.
func written(t *testing.T, model, request string, omit ...string) (body string, left []string, err error) {
	t.Helper()
	p, err := llm.ParsePayload([]byte(request))
	require.NoError(t, err)
	c := &wire.Call{Payload: p, Model: model, Omit: omit}
	data, err := New(wire.Options{At: wire.RootOf("https://h")}).Body(nil, c)
	return string(data), append(c.Left, c.Adapted...), err
}

// A request says the same to Bedrock.
func TestRequest(t *testing.T) {
	const calledBody = user + `,{"role":"assistant","content":[{"toolUse":{"toolUseId":"c_1","name":"f","input":{"a":1}}}]}`
	for _, c := range []struct {
		name, model, request, body string
		left                       []string
	}{
		{"plain", "m", `{` + hello + `}`, `{"messages":[` + user + `]}`, nil},
		{"sampling", "amazon.nova-pro-v1:0", `{` + hello + `,"max_tokens":5,"max_completion_tokens":7,"temperature":0.5,"top_p":0.9,"top_k":3,"stop":["a"],"metadata":{"a":"b"}}`,
			`{"messages":[` + user + `],"inferenceConfig":{"maxTokens":7,"temperature":0.5,"topP":0.9,"stopSequences":["a"]},"additionalModelRequestFields":{"inferenceConfig":{"topK":3}},"requestMetadata":{"a":"b"}}`, nil},
		{"nothing is dropped silently", "m", `{` + hello + `,"seed":1,"presence_penalty":1,"logit_bias":{"1":2},"store":true,"user":"u","reasoning_effort":"high","top_k":2}`,
			`{"messages":[` + user + `]}`, []string{"top_k: left out", "reasoning_effort: left out", "seed: left out", "presence_penalty: left out", "logit_bias: left out", "user: left out", "store: left out"}},
		{"own fields", "m", `{` + hello + `,"performanceConfig":{"latency":"optimized"},"additionalModelRequestFields":{"x":1}}`,
			`{"messages":[` + user + `],"additionalModelRequestFields":{"x":1},"performanceConfig":{"latency":"optimized"}}`, nil},
		{"instructions alone", "m", `{"messages":[{"role":"system","content":"be"}]}`, `{"messages":[{"role":"user","content":[{"text":"be"}]}]}`, nil},
		{"turns are joined", "m", `{"messages":[{"role":"user","content":"a"},{"role":"user","content":"b"}]}`, `{"messages":[{"role":"user","content":[{"text":"a"},{"text":"b"}]}]}`, nil},
		{"a history that calls needs its tools", "m", `{"messages":[` + called + `,{"role":"tool","tool_call_id":"c/1","content":"1","is_error":true}]}`,
			`{"messages":[` + calledBody + `,{"role":"user","content":[{"toolResult":{"toolUseId":"c_1","content":[{"text":"1"}],"status":"error"}}]}],"toolConfig":{"tools":[{"toolSpec":{"name":"f","inputSchema":{"json":{"type":"object","properties":{}}}}}]}}`, nil},
		{"no tool", "m", `{` + hello + `,"tools":[{"type":"function","function":{"name":"f"}}],"tool_choice":"none"}`, `{"messages":[` + user + `]}`, nil},
		{"a named tool", "m", `{` + hello + `,"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object"}}}],"tool_choice":{"type":"function","function":{"name":"f"}},"parallel_tool_calls":false}`,
			`{"messages":[` + user + `],"toolConfig":{"tools":[{"toolSpec":{"name":"f","inputSchema":{"json":{"type":"object"}}}}],"toolChoice":{"tool":{"name":"f"}}}}`, []string{"parallel_tool_calls: left out"}},
		{"a schema, natively", "anthropic.claude-sonnet-4-5-20250929-v1:0", `{` + hello + `,"response_format":{"type":"json_schema","json_schema":{"name":"a","schema":{"type":"object"}}}}`,
			`{"messages":[` + user + `],"outputConfig":{"textFormat":{"type":"json_schema","structure":{"jsonSchema":{"name":"a","schema":"{\"type\":\"object\"}"}}}}}`, nil},
		{"a schema, by a tool", sonnet, `{` + hello + `,"response_format":{"type":"json_schema","json_schema":{"name":"a b","schema":{"type":"object"}}}}`,
			`{"messages":[` + user + `],"toolConfig":{"tools":[{"toolSpec":{"name":"a_b","description":"Give the answer by calling this tool.","inputSchema":{"json":{"type":"object"}}}}],"toolChoice":{"tool":{"name":"a_b"}}}}`, nil},
		{"a budget of thought", sonnet, `{` + hello + `,"max_tokens":5,"reasoning_effort":"low","temperature":0.2}`,
			`{"messages":[` + user + `],"inferenceConfig":{"maxTokens":2048},"additionalModelRequestFields":{"thinking":{"budget_tokens":1024,"type":"enabled"}}}`, []string{"temperature: left out"}},
		{"an effort of thought", "anthropic.claude-opus-4-6-v1", `{` + hello + `,"reasoning_effort":"minimal"}`,
			`{"messages":[` + user + `],"additionalModelRequestFields":{"thinking":{"type":"adaptive"}},"outputConfig":{"effort":"low"}}`, nil},
		{"another model's effort", "openai.gpt-oss-20b-1:0", `{` + hello + `,"reasoning_effort":"low"}`, `{"messages":[` + user + `],"additionalModelRequestFields":{"reasoning_effort":"low"}}`, nil},
		{"another vendor's thoughts", "m", `{"messages":[{"role":"user","content":"hi"},{"role":"assistant","content":"yes","reasoning_content":"hm"}]}`,
			`{"messages":[` + user + `,{"role":"assistant","content":[{"text":"yes"}]}]}`, []string{"messages.reasoning_content"}},
		{"its own, of a message that was changed", "m", `{"messages":[{"role":"user","content":"hi"},{"role":"assistant","content":"yes!","extra_content":{"bedrock":{"content":[{"text_bytes":3},{"reasoningContent":{"redactedContent":"eA=="}}]}}}]}`,
			`{"messages":[` + user + `,{"role":"assistant","content":[{"reasoningContent":{"redactedContent":"eA=="}},{"text":"yes!"}]}]}`, nil},
		{"own blocks, documents with one name", "m", `{"messages":[{"role":"user","content":[{"type":"guardContent","guardContent":{"text":{"text":"a"}}},{"type":"file","file":{"filename":"a.txt","file_data":"aGk="}},{"type":"file","file":{"filename":"a.txt","file_data":"aGk="}},{"type":"image_url","image_url":{"url":"s3://bucket/a.jpg"}}]}]}`,
			`{"messages":[{"role":"user","content":[{"guardContent":{"text":{"text":"a"}}},{"document":{"format":"txt","name":"a","source":{"bytes":"aGk="}}},{"document":{"format":"txt","name":"a 2","source":{"bytes":"aGk="}}},{"image":{"format":"jpeg","source":{"s3Location":{"uri":"s3://bucket/a.jpg"}}}}]}]}`, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			body, left, err := written(t, c.model, c.request)
			require.NoError(t, err)
			require.JSONEq(t, c.body, body)
			require.Equal(t, c.left, left)
		})
	}
}

// Marks for a cache that a model lacks, and thoughts that it refuses, are left
// out and told.
func TestOmitted(t *testing.T) {
	const request = `{"messages":[{"role":"user","content":[{"type":"text","text":"hi","cache_control":{"type":"ephemeral"}}]},{"role":"assistant","content":"a","extra_content":{"bedrock":{"content":[{"reasoningContent":{"reasoningText":{"text":"t"}}},{"text_bytes":1}]}}}]}`
	p, err := llm.ParsePayload([]byte(request))
	require.NoError(t, err)
	require.Len(t, New(wire.Options{}).Suspects(&wire.Call{Payload: p, Model: "m"}), 2)
	body, left, err := written(t, "m", request, omitCache, omitThoughts)
	require.NoError(t, err)
	require.JSONEq(t, `{"messages":[`+user+`,{"role":"assistant","content":[{"text":"a"}]}]}`, body)
	require.Equal(t, []string{omitCache, omitThoughts}, left)
}

// What cannot be said to Bedrock, and would change the answer, says so.
func TestRequestRefused(t *testing.T) {
	for says, c := range map[string]struct {
		request string
		code    llm.Code
	}{
		"gives one answer": {`{` + hello + `,"n":2}`, llm.Unsupported},
		"gives none":       {`{` + hello + `,"logprobs":true}`, llm.Unsupported},
		"fetches nothing":  {`{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"https://h/a.png"}}]}]}`, llm.BadRequest},
		"no image that":    {`{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:application/pdf;base64,aGk="}}]}]}`, llm.BadRequest},
		"is of type":       {`{"messages":[{"role":"user","content":[{"type":"input_audio","input_audio":{"data":"aGk=","format":"wav"}}]}]}`, llm.Unsupported},
		"not both":         {`{` + hello + `,"tools":[{"type":"function","function":{"name":"f"}}],"response_format":{"type":"json_schema","json_schema":{"name":"a","schema":{}}}}`, llm.Unsupported},
		"calls none":       {`{"messages":[{"role":"user","content":"a"},{"role":"function","name":"f","content":"1"}]}`, llm.BadRequest},
	} {
		_, _, err := written(t, "m", c.request)
		require.Equal(t, c.code, llm.CodeOfError(err), c.request)
		require.ErrorContains(t, err, says)
	}
}

func TestURL(t *testing.T) {
	f := New(wire.Options{At: wire.RootOf("https://h/x?a=b")})
	require.Equal(t, "https://h/x/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A1%3Ainference-profile%2Fp/converse?a=b", f.URL("arn:aws:bedrock:us-east-1:1:inference-profile/p", false))
	require.Equal(t, "https://h/x/model/m/converse-stream?a=b", f.URL("m", true))
}

// Whatever passes the request's check translates to JSON, to BAD_REQUEST or to
// UNSUPPORTED.
func FuzzRequest(f *testing.F) {
	f.Add([]byte(`{`+hello+`,"tools":[{"type":"function","function":{"name":"f","parameters":{"const":1}}}],"tool_choice":"auto"}`), sonnet)
	f.Add([]byte(`{"messages":[{"role":"assistant","content":"ab","extra_content":{"bedrock":{"content":[{"text_bytes":1},{"reasoningContent":{}},{"text_bytes":1}]}}},{"role":"tool","tool_call_id":"1","content":"{} "}]}`), "m")
	f.Fuzz(func(t *testing.T, data []byte, model string) {
		p, err := llm.ParsePayload(data)
		if err != nil {
			return
		}
		c := &wire.Call{Payload: p, Model: model}
		format := New(wire.Options{})
		format.Suspects(c)
		body, err := format.Body(nil, c)
		if err != nil {
			require.Contains(t, []llm.Code{llm.BadRequest, llm.Unsupported}, llm.CodeOfError(err))
			return
		}
		require.True(t, json.Valid(body), "%s", body)
	})
}
