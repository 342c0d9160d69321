package bedrock

import (
	"encoding/json"
	"strings"
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
	p, err := llm.OwnRequest([]byte(request), llm.CallOptions{})
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
		{"a schema, natively", "anthropic.claude-sonnet-4-5-20250929-v1:0", `{` + hello + `,"response_format":{"type":"json_schema","json_schema":{"name":"a","schema":{"type":"object","properties":{"b":{"type":"string"},"a":{"type":"string"}}}}}}`,
			`{"messages":[` + user + `],"outputConfig":{"textFormat":{"type":"json_schema","structure":{"jsonSchema":{"name":"a","schema":"{\"type\":\"object\",\"properties\":{\"b\":{\"type\":\"string\"},\"a\":{\"type\":\"string\"}},\"additionalProperties\":false}"}}}}}`, nil},
		{"a schema, by a tool", sonnet, `{` + hello + `,"response_format":{"type":"json_schema","json_schema":{"name":"a b","schema":{"type":"object"}}}}`,
			`{"messages":[` + user + `],"toolConfig":{"tools":[{"toolSpec":{"name":"a_b","description":"Give the answer by calling this tool.","inputSchema":{"json":{"type":"object"}}}}],"toolChoice":{"tool":{"name":"a_b"}}}}`, []string{"response_format: forced tool"}},
		{"a schema, in the prompt", "m", `{` + hello + `,"response_format":{"type":"json_schema","json_schema":{"name":"a","schema":{"type":"object"}}}}`,
			`{"messages":[` + user + `],"system":[{"text":"Answer with one JSON value that follows this JSON schema, and nothing else: no explanation, no code fence.\n{\"type\":\"object\"}"}]}`, []string{"response_format: in the prompt"}},
		{"a schema beside a history that calls", sonnet, `{"messages":[` + called + `,{"role":"tool","tool_call_id":"c/1","content":"1"}],"response_format":{"type":"json_schema","json_schema":{"name":"a","schema":{}}}}`,
			`{"messages":[` + calledBody + `,{"role":"user","content":[{"toolResult":{"toolUseId":"c_1","content":[{"text":"1"}]}}]}],"system":[{"text":"Answer with one JSON value that follows this JSON schema, and nothing else: no explanation, no code fence.\n{}"}],"toolConfig":{"tools":[{"toolSpec":{"name":"f","inputSchema":{"json":{"type":"object","properties":{}}}}}]}}`, []string{"response_format: in the prompt"}},
		{"JSON", "m", `{` + hello + `,"response_format":{"type":"json_object"}}`, `{"messages":[` + user + `],"system":[{"text":"Answer with one JSON object and nothing else."}]}`, []string{"response_format: in the prompt"}},
		{"a budget of thought", sonnet, `{` + hello + `,"max_tokens":5,"reasoning_effort":"low","temperature":0.2}`,
			`{"messages":[` + user + `],"inferenceConfig":{"maxTokens":2048},"additionalModelRequestFields":{"thinking":{"budget_tokens":1024,"type":"enabled"}}}`, []string{"max_tokens: 5 to 2048", "temperature: left out"}},
		{"a budget without a limit", sonnet, `{` + hello + `,"reasoning_effort":"low"}`,
			`{"messages":[` + user + `],"inferenceConfig":{"maxTokens":32000},"additionalModelRequestFields":{"thinking":{"budget_tokens":1024,"type":"enabled"}}}`, nil},
		{"a choice of tools beside thoughts", sonnet, `{` + hello + `,"top_k":3,"reasoning_effort":"low","tools":[{"type":"function","function":{"name":"f"}}],"tool_choice":"required"}`,
			`{"messages":[` + user + `],"inferenceConfig":{"maxTokens":32000},"toolConfig":{"tools":[{"toolSpec":{"name":"f","inputSchema":{"json":{"type":"object","properties":{}}}}}],"toolChoice":{"auto":{}}},"additionalModelRequestFields":{"thinking":{"budget_tokens":1024,"type":"enabled"}}}`,
			[]string{"top_k: left out", "tool_choice: required to auto"}},
		{"thoughts told twice", sonnet, `{` + hello + `,"reasoning_effort":"low","top_k":1,"thinking":{"type":"disabled"},"additionalModelRequestFields":{"top_k":2}}`,
			`{"messages":[` + user + `],"additionalModelRequestFields":{"top_k":2,"thinking":{"type":"disabled"}}}`, []string{"top_k: left out", "reasoning_effort: left out"}},
		{"an effort of thought", "anthropic.claude-opus-4-6-v1", `{` + hello + `,"reasoning_effort":"minimal"}`,
			`{"messages":[` + user + `],"additionalModelRequestFields":{"thinking":{"type":"adaptive"}},"outputConfig":{"effort":"low"}}`, []string{"reasoning_effort: minimal to low"}},
		{"another model's effort", "openai.gpt-oss-20b-1:0", `{` + hello + `,"reasoning_effort":"low"}`, `{"messages":[` + user + `],"additionalModelRequestFields":{"reasoning_effort":"low"}}`, nil},
		{"another model's greatest effort", "openai.gpt-oss-20b-1:0", `{` + hello + `,"reasoning_effort":"xhigh"}`, `{"messages":[` + user + `],"additionalModelRequestFields":{"reasoning_effort":"high"}}`, []string{"reasoning_effort: xhigh to high"}},
		{"another vendor's thoughts", "m", `{"messages":[{"role":"user","content":"hi"},{"role":"assistant","content":"yes","reasoning_content":"hm"}]}`,
			`{"messages":[` + user + `,{"role":"assistant","content":[{"text":"yes"}]}]}`, []string{"messages.reasoning_content"}},
		{"its own, of a message that was changed", "m", `{"messages":[{"role":"user","content":"hi"},{"role":"assistant","content":"yes!","parts":[{"type":"text","bytes":3},{"type":"redacted_thinking","owner":"bedrock/m","raw":{"reasoningContent":{"redactedContent":"eA=="}}}]}]}`,
			`{"messages":[` + user + `,{"role":"assistant","content":[{"reasoningContent":{"redactedContent":"eA=="}},{"text":"yes!"}]}]}`, nil},
		{"own blocks, documents with one name", "m", `{"messages":[{"role":"user","content":[{"type":"guardContent","guardContent":{"text":{"text":"a"}}},{"type":"file","file":{"filename":"a.txt","file_data":"aGk="}},{"type":"file","file":{"filename":"a.txt","file_data":"aGk="}},{"type":"image_url","image_url":{"url":"s3://bucket/a.jpg"}}]}]}`,
			`{"messages":[{"role":"user","content":[{"guardContent":{"text":{"text":"a"}}},{"document":{"format":"txt","name":"a","source":{"bytes":"aGk="}}},{"document":{"format":"txt","name":"a 2","source":{"bytes":"aGk="}}},{"image":{"format":"jpeg","source":{"s3Location":{"uri":"s3://bucket/a.jpg"}}}},{"text":"a 2"}]}]}`, nil},
		{"a document of an answer", "m", `{"messages":[{"role":"user","content":"hi"},{"role":"assistant","content":[{"type":"file","file":{"filename":"a.txt","file_data":"aGk="}}],"tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{}"}}]},{"role":"tool","tool_call_id":"c","content":"1"}],"tools":[{"type":"function","function":{"name":"f"}}]}`,
			`{"messages":[{"role":"user","content":[{"text":"hi"}]},{"role":"assistant","content":[{"document":{"format":"txt","name":"a","source":{"bytes":"aGk="}}},{"toolUse":{"toolUseId":"c","name":"f","input":{}}}]},{"role":"user","content":[{"toolResult":{"toolUseId":"c","content":[{"text":"1"}]}}]}],"toolConfig":{"tools":[{"toolSpec":{"name":"f","inputSchema":{"json":{"type":"object","properties":{}}}}}]}}`, nil},
		{"a document, and a text in the next message", "m", `{"messages":[{"role":"user","content":[{"type":"file","file":{"filename":"a.txt","file_data":"aGk="}}]},{"role":"user","content":"hi"}]}`,
			`{"messages":[{"role":"user","content":[{"document":{"format":"txt","name":"a","source":{"bytes":"aGk="}}},{"text":"hi"}]}]}`, nil},
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
	const request = `{"messages":[{"role":"user","content":[{"type":"text","text":"hi","cache_control":{"type":"ephemeral"}}]},{"role":"assistant","content":"a","parts":[{"type":"thinking","owner":"bedrock/m","raw":{"reasoningContent":{"reasoningText":{"text":"t"}}}},{"type":"other","owner":"bedrock/m","raw":{"toolResult":{}}},{"type":"text","bytes":1}]}]}`
	p, err := llm.OwnRequest([]byte(request), llm.CallOptions{})
	require.NoError(t, err)
	require.Len(t, New(wire.Options{}).Suspects(&wire.Call{Payload: p, Model: "m"}), 3)
	body, left, err := written(t, "m", request, omitCache, wire.OmitThoughts, omitOthers)
	require.NoError(t, err)
	require.JSONEq(t, `{"messages":[`+user+`,{"role":"assistant","content":[{"text":"a"}]}]}`, body)
	require.Equal(t, []string{omitCache, wire.OmitThoughts, omitOthers}, left)
}

// Marks for a cache stay where they were, or are told.
func TestMarks(t *testing.T) {
	const (
		mark  = `"cache_control":{"type":"ephemeral"}`
		point = `{"cachePoint":{"type":"default"}}`
		call  = `{"id":"c1","type":"function","function":{"name":"f","arguments":"{}"},` + mark + `}`
		use   = `{"toolUse":{"toolUseId":"c1","name":"f","input":{}}}`
		spec  = `{"toolSpec":{"name":"f","inputSchema":{"json":{"type":"object","properties":{}}}}}`
		tools = `"tools":[{"type":"function","function":{"name":"f"},` + mark + `},{"type":"function","function":{"name":"g"},` + mark + `}]`
		parts = `"parts":[{"type":"thinking","owner":"bedrock/m","raw":{"reasoningContent":{}}},{"type":"text","bytes":2},{"type":"text","bytes":1},{"type":"tool_call","id":"c1"}]`
	)
	for _, c := range []struct {
		name, message, content, rest, config string
		left                                 []string
	}{
		{"on texts and calls of an answer", `{"role":"assistant","content":[{"type":"text","text":"ab",` + mark + `},{"type":"text","text":"c"}],"tool_calls":[` + call + `],` + parts + `}`,
			`{"reasoningContent":{}},{"text":"ab"},` + point + `,{"text":"c"},` + use + `,` + point, `,"tools":[{"type":"function","function":{"name":"f"}}]`, `{"tools":[` + spec + `]}`, nil},
		{"on an answer", `{"role":"assistant","content":"abc",` + mark + `,"tool_calls":[` + strings.Replace(call, ","+mark, "", 1) + `],` + parts + `}`,
			`{"reasoningContent":{}},{"text":"ab"},{"text":"c"},` + use + `,` + point, `,"tools":[{"type":"function","function":{"name":"f"}}]`, `{"tools":[` + spec + `]}`, nil},
		{"on an answer that was changed", `{"role":"assistant","content":"x",` + mark + `,"tool_calls":[` + call + `],` + parts + `}`,
			`{"reasoningContent":{}},{"text":"x"},` + use + `,` + point, `,"tools":[{"type":"function","function":{"name":"f"}}]`, `{"tools":[` + spec + `]}`, nil},
		{"on nothing", `{"role":"assistant","content":[{"type":"text","text":"",` + mark + `},{"type":"text","text":"a"}]}`, `{"text":"a"}`, ``, ``, []string{"messages.content.cache_control"}},
		{"on allowed tools", `{"role":"assistant","content":"a"}`, `{"text":"a"}`, `,` + tools + `,"tool_choice":{"type":"allowed_tools","allowed_tools":{"mode":"auto","tools":[{"name":"f"}]}}`,
			`{"tools":[` + spec + `,` + point + `],"toolChoice":{"auto":{}}}`, []string{"tools.cache_control"}},
		{"on no tools", `{"role":"assistant","content":"a"}`, `{"text":"a"}`, `,` + tools + `,"tool_choice":"none"`, ``, []string{"tools.cache_control"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			body, left, err := written(t, "m", `{"messages":[{"role":"user","content":"hi"},`+c.message+`]`+c.rest+`}`)
			require.NoError(t, err)
			want := `{"messages":[` + user + `,{"role":"assistant","content":[` + c.content + `]}]`
			if c.config != "" {
				want += `,"toolConfig":` + c.config
			}
			require.JSONEq(t, want+`}`, body)
			require.Equal(t, c.left, left)
		})
	}
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
	f.Add([]byte(`{"messages":[{"role":"assistant","content":"ab","parts":[{"type":"text","bytes":1},{"type":"thinking","owner":"bedrock/m","raw":{"reasoningContent":{}}},{"type":"text","bytes":1,"raw":{"citationsContent":{"content":[{"bytes":-1}]}}}]},{"role":"tool","tool_call_id":"1","content":"{} "}]}`), "m")
	f.Fuzz(func(t *testing.T, data []byte, model string) {
		p, err := llm.OwnRequest(data, llm.CallOptions{})
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

// Where thoughts are left out, the caller's max_tokens needs no room for them.
func TestNoRoomForThoughtsThatAreLeftOut(t *testing.T) {
	p, err := llm.OwnRequest([]byte(`{"model":"m","max_tokens":100,"thinking":{"type":"adaptive"},"tools":[{"type":"function","function":{"name":"f"}}],"messages":[`+
		`{"role":"user","content":"hi"},{"role":"assistant","content":null,"tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{}"}}]},`+
		`{"role":"tool","tool_call_id":"a","content":"r"}]}`), llm.CallOptions{})
	require.NoError(t, err)
	body, err := New(wire.Options{}).Body(nil, &wire.Call{Payload: p, Model: "anthropic.claude-3-7-sonnet-v1"})
	require.NoError(t, err)
	require.Contains(t, string(body), `"maxTokens":100`)
}
