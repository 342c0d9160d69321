package responses

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/wire"
)

// written is the body for a request, and what is told of it.
func written(t testing.TB, request string) (body string, c *wire.Call, err error) {
	t.Helper()
	c = callFor(t, request)
	raw, err := atHost().Body(nil, c)
	return string(raw), c, err
}

// Every field has its counterpart, or is told to be left out.
func TestRequest(t *testing.T) {
	const rest = `"model":"gpt-x","store":false,"include":["reasoning.encrypted_content"]`
	const hi = `{"type":"message","role":"user","content":"hi"}`
	for _, c := range []struct {
		request, body string
		left, adapted []string
	}{
		{`{` + hello + `}`, `{` + rest + `,"input":[` + hi + `]}`, nil, nil},
		{`{"messages":[{"role":"system","content":"a"},{"role":"developer","content":[{"type":"text","text":"b"}]},{"role":"user","content":"hi"},{"role":"system","content":"c"}]}`,
			`{` + rest + `,"instructions":"a\n\nb","input":[` + hi + `,{"type":"message","role":"system","content":"c"}]}`, nil, nil},
		{`{"messages":[{"role":"system","content":"a"}]}`, `{` + rest + `,"input":[{"type":"message","role":"system","content":"a"}]}`, nil, nil},
		{`{"messages":[{"role":"system","content":"a"},{"role":"user","content":"hi"}],"instructions":"own"}`, `{` + rest + `,"instructions":"own","input":[{"type":"message","role":"system","content":"a"},` + hi + `]}`, nil, nil},
		{`{"messages":[{"role":"user","name":"Ann","content":[{"type":"text","text":"hi","cache_control":{"type":"ephemeral"},"prompt_cache_breakpoint":{"mode":"explicit"}}]}]}`,
			`{` + rest + `,"input":[{"type":"message","role":"user","content":[{"type":"input_text","text":"hi","prompt_cache_breakpoint":{"mode":"explicit"}}]}]}`, []string{"messages.name", "messages.content.cache_control"}, nil},
		{`{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"https://h/i","detail":"high"}},{"type":"input_audio","input_audio":{"data":"aGk=","format":"wav"}},{"type":"file","file":{"file_id":"f1"}},{"type":"file","file":{"file_data":"https://h/f"}},{"type":"input_image","file_id":"f2"}]}]}`,
			`{` + rest + `,"input":[{"type":"message","role":"user","content":[{"type":"input_image","image_url":"https://h/i","detail":"high"},{"type":"input_audio","input_audio":{"data":"aGk=","format":"wav"}},{"type":"input_file","file_id":"f1"},{"type":"input_file","file_url":"https://h/f"},{"type":"input_image","file_id":"f2"}]}]}`, nil, nil},
		{`{"messages":[{"role":"user","content":"hi"},{"role":"assistant","content":"a","reasoning_content":"r","refusal":"no","parts":[{"type":"thinking","owner":"anthropic/m","raw":{"type":"thinking"}}]}]}`,
			`{` + rest + `,"input":[` + hi + `,{"type":"message","role":"assistant","content":[{"type":"output_text","text":"a"},{"type":"refusal","refusal":"no"}]}]}`, []string{"messages.parts", "messages.reasoning_content"}, nil},
		{`{"messages":[{"role":"user","content":"hi"},{"role":"assistant","tool_calls":[{"id":"c1","type":"custom","custom":{"name":"run","input":"x"}},{"id":"c2","type":"function","function":{"name":"f","arguments":""}}]},{"role":"tool","tool_call_id":"c1","content":"r1"},{"role":"tool","tool_call_id":"c2","content":[{"type":"text","text":"r2"}]},{"role":"tool","tool_call_id":"c2","content":[{"type":"text","text":"r3"},{"type":"text","text":"r4"}]}]}`,
			`{` + rest + `,"input":[` + hi + `,{"type":"custom_tool_call","call_id":"c1","name":"run","input":"x"},{"type":"function_call","call_id":"c2","name":"f","arguments":""},{"type":"custom_tool_call_output","call_id":"c1","output":"r1"},{"type":"function_call_output","call_id":"c2","output":"r2"},{"type":"function_call_output","call_id":"c2","output":[{"type":"input_text","text":"r3"},{"type":"input_text","text":"r4"}]}]}`, nil, nil},
		{`{"messages":[{"role":"user","content":"hi"},{"role":"assistant","function_call":{"name":"f","arguments":"{}"}},{"role":"function","name":"f","content":"r"}],"functions":[{"name":"f"}],"function_call":{"name":"f"}}`,
			`{` + rest + `,"input":[` + hi + `,{"type":"function_call","call_id":"call_1","name":"f","arguments":"{}"},{"type":"function_call_output","call_id":"call_1","output":"r"}],"tools":[{"type":"function","name":"f","parameters":{"type":"object","properties":{}},"strict":false}],"tool_choice":{"type":"function","name":"f"}}`, nil, nil},
		{`{` + hello + `,"tools":[{"type":"function","function":{"name":"f","strict":true}},{"type":"mcp","server_label":"s"}],"tool_choice":{"type":"allowed_tools","allowed_tools":{"mode":"required","tools":[{"type":"function","function":{"name":"f"}},{"type":"mcp","server_label":"s"}]}}}`,
			`{` + rest + `,"input":[` + hi + `],"tools":[{"type":"function","name":"f","parameters":{"type":"object","properties":{}},"strict":true},{"type":"mcp","server_label":"s"}],"tool_choice":{"type":"allowed_tools","mode":"required","tools":[{"type":"function","name":"f"},{"type":"mcp","server_label":"s"}]}}`, nil, nil},
		{`{"messages":[{"role":"user","content":"hi"},{"role":"assistant","content":[{"type":"text","text":"a","cache_control":{"type":"ephemeral"}}]}],"tools":[{"type":"mcp","server_label":"s","cache_control":{"type":"ephemeral"}}]}`,
			`{` + rest + `,"input":[` + hi + `,{"type":"message","role":"assistant","content":"a"}],"tools":[{"type":"mcp","server_label":"s"}]}`, []string{"tools.cache_control", "messages.content.cache_control"}, nil},
		{`{` + hello + `,"logprobs":true,"top_logprobs":2,"max_completion_tokens":90,"top_p":0.5,"response_format":{"type":"json_object"},"text":{"verbosity":"high"},"reasoning":{"summary":"auto"},"reasoning_effort":"high"}`,
			`{"model":"gpt-x","store":false,"include":["message.output_text.logprobs","reasoning.encrypted_content"],"input":[` + hi + `],"top_logprobs":2,"max_output_tokens":90,"top_p":0.5,"text":{"verbosity":"high","format":{"type":"json_object"}},"reasoning":{"summary":"auto","effort":"high"}}`, nil, nil},
		{`{` + hello + `,"seed":1,"stop":["x"],"presence_penalty":1,"frequency_penalty":1,"logit_bias":{"1":1},"prediction":{"type":"content"},"modalities":["text"],"previous_response_id":"resp_0","top_k":3}`,
			`{` + rest + `,"input":[` + hi + `],"previous_response_id":"resp_0","top_k":3}`, nil, []string{"seed: left out", "presence_penalty: left out", "frequency_penalty: left out", "logit_bias: left out", "stop: left out", "prediction: left out"}},
		{`{` + hello + `,"store":true}`, `{"model":"gpt-x","store":true,"input":[` + hi + `]}`, nil, nil},
		{`{` + hello + `,"conversation":"conv_1"}`, `{"model":"gpt-x","include":["reasoning.encrypted_content"],"input":[` + hi + `],"conversation":"conv_1"}`, nil, nil},
	} {
		body, call, err := written(t, c.request)
		require.NoError(t, err, c.request)
		require.JSONEq(t, c.body, body)
		require.Equal(t, c.left, call.Left)
		require.Equal(t, c.adapted, call.Adapted)
	}
}

// What the API cannot do at all goes to the next route; what is wrong is said.
func TestRefusedRequests(t *testing.T) {
	for request, want := range map[string]llm.Code{
		`{` + hello + `,"n":2}`: llm.Unsupported, `{` + hello + `,"background":true}`: llm.Unsupported, `{` + hello + `,"modalities":["text","audio"]}`: llm.Unsupported,
		`{"messages":[{"role":"user","content":[{"type":"video_url","video_url":{"url":"u"}}]}]}`:   llm.Unsupported,
		`{"messages":[{"role":"user","content":[{"type":"file","file":{"filename":"f"}}]}]}`:        llm.BadRequest,
		`{` + hello + `,"response_format":{"type":"json_schema","json_schema":{"name":"n"}}}`:       llm.BadRequest,
		`{` + hello + `,"response_format":{"type":"xml"}}`:                                          llm.BadRequest,
		`{` + hello + `,"reasoning":"high","reasoning_effort":"low"}`:                               llm.BadRequest,
		`{` + hello + `,"include":"x"}`:                                                             llm.BadRequest,
		`{"messages":[{"role":"user","content":"hi"},{"role":"function","name":"f","content":""}]}`: llm.BadRequest,
	} {
		_, _, err := written(t, request)
		require.Equal(t, want, llm.CodeOfError(err), request)
	}
}

// A thought that could be found again only if it had been stored stays behind,
// and with it the ids that would be looked up.
func TestThoughtsThatWereNotStored(t *testing.T) {
	history := `{"messages":[{"role":"user","content":"hi"},{"role":"assistant","content":"Yes.","parts":[{"type":"thinking","owner":"h/m","raw":{"type":"reasoning","id":"rs_1","summary":[]}},{"type":"text","owner":"h/m","raw":{"type":"message","id":"msg_1","role":"assistant","content":[{"type":"output_text","bytes":4}]}}]}]`
	body, c, err := written(t, history+`}`)
	require.NoError(t, err)
	require.Equal(t, []string{"messages.parts[reasoning]"}, c.Left)
	require.NotContains(t, body, "rs_1")
	require.NotContains(t, body, "msg_1")
	require.Contains(t, body, `"Yes."`)
	body, _, err = written(t, history+`,"store":true}`)
	require.NoError(t, err)
	require.Contains(t, body, "rs_1")
	require.Contains(t, body, "msg_1")
}

// A message that its caller has changed goes as it is now, its thoughts first.
func TestChangedMessage(t *testing.T) {
	body, c, err := written(t, `{"messages":[{"role":"user","content":"hi"},{"role":"assistant","content":"No!","parts":[{"type":"thinking","owner":"h/m","raw":{"type":"reasoning","id":"rs_1","summary":[],"encrypted_content":"g"}},{"type":"other","owner":"h/m","raw":{"type":"web_search_call","id":"ws_1"}},{"type":"text","owner":"h/m","raw":{"type":"message","id":"msg_1","role":"assistant","content":[{"type":"output_text","bytes":4}]}}]}]}`)
	require.NoError(t, err)
	require.Equal(t, []string{"messages.parts[web_search_call]"}, c.Left)
	var sent struct{ Input []map[string]any }
	require.NoError(t, json.Unmarshal([]byte(body), &sent))
	require.Equal(t, "reasoning", sent.Input[1]["type"])
	require.Equal(t, "No!", sent.Input[2]["content"])
}

// Whatever a request holds, it becomes a body, or is refused.
func FuzzRequest(f *testing.F) {
	f.Add([]byte(`{"messages":[{"role":"user","content":"hi"}],"tools":[{"type":"custom","custom":{"format":{"grammar":{}}}}],"tool_choice":{"type":"allowed_tools","allowed_tools":{"tools":[1]}}}`))
	f.Add([]byte(`{"messages":[{"role":"assistant","content":"ab","refusal":"c","tool_calls":[{"id":"1","function":{"name":"f","arguments":"{"}}],"parts":[{"type":"text","owner":"h/m","raw":{"type":"message","content":[{"type":"output_text","bytes":1},{"type":"refusal","bytes":9}]}},{"type":"tool_call","owner":"h/m","raw":{"type":"function_call","call_id":"1"}},{"type":"other","owner":"h/m","raw":{"type":"x"}}]}]}`))
	f.Add([]byte(`{"messages":[{"role":"user","content":[{"type":"file","file":{"file_data":"x"}},{"type":"input_text"}]}],"text":[],"reasoning":{},"include":[],"response_format":{"type":"json_schema","json_schema":{"schema":{}}}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := llm.OwnRequest(data, llm.CallOptions{})
		if err != nil {
			return
		}
		c := &wire.Call{Payload: p, Model: "m", Stream: true}
		body, err := atHost().Body(nil, c)
		if err != nil {
			require.NotEqual(t, llm.Internal, llm.CodeOfError(err))
			return
		}
		require.True(t, json.Valid(body), "%s", body)
		for _, s := range atHost().Suspects(c) {
			c.Omit = append(c.Omit, s.Name)
		}
		body, err = atHost().Body(nil, c)
		require.NoError(t, err)
		require.True(t, json.Valid(body), "%s", body)
	})
}
