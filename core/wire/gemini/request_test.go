package gemini

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/wire"
)

// translate goes the way of a call: JSON text, checked, decoded, translated.
func translate(t *testing.T, model, request string) (string, error) {
	t.Helper()
	p, err := llm.OwnRequest([]byte(request), llm.CallOptions{})
	require.NoError(t, err)
	r, err := p.Request()
	require.NoError(t, err)
	r.Model = model
	body, err := translated([]byte("before"), r)
	require.True(t, strings.HasPrefix(string(body), "before"))
	return strings.TrimPrefix(string(body), "before"), err
}

const hello = `"messages":[{"role":"user","content":"hello"}]`
const helloContents = `"contents":[{"role":"user","parts":[{"text":"hello"}]}]`

func TestRequestMessages(t *testing.T) {
	tests := []struct{ name, messages, want string }{
		{"one message", `[{"role":"user","content":"hello"}]`, `{"contents":[{"role":"user","parts":[{"text":"hello"}]}]}`},
		{"system and developer anywhere",
			`[{"role":"system","content":"be brief"},{"role":"user","content":"a"},{"role":"developer","content":[{"type":"text","text":"be kind"}]}]`,
			`{"systemInstruction":{"parts":[{"text":"be brief"},{"text":"be kind"}]},"contents":[{"role":"user","parts":[{"text":"a"}]}]}`},
		{"instructions alone become the user's turn", `[{"role":"system","content":"say hi"}]`, `{"contents":[{"role":"user","parts":[{"text":"say hi"}]}]}`},
		{"roles are merged",
			`[{"role":"user","content":"a"},{"role":"user","content":"b"},{"role":"assistant","content":"c"},{"role":"assistant","content":"d"},{"role":"user","content":"e"}]`,
			`{"contents":[{"role":"user","parts":[{"text":"a"},{"text":"b"}]},{"role":"model","parts":[{"text":"c"},{"text":"d"}]},{"role":"user","parts":[{"text":"e"}]}]}`},
		{"empty texts", `[{"role":"user","content":""},{"role":"assistant","content":""},{"role":"user","content":[{"type":"text","text":""},{"type":"text","text":"x"}]}]`,
			`{"contents":[{"role":"user","parts":[{"text":""},{"text":"x"}]}]}`},
		{"refusals and no reasoning", `[{"role":"user","content":"a"},{"role":"assistant","content":null,"refusal":"no","reasoning_content":"hm"}]`,
			`{"contents":[{"role":"user","parts":[{"text":"a"}]},{"role":"model","parts":[{"text":"no"}]}]}`},
		{"images", `[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA","detail":"high"}},{"type":"image_url","image_url":{"url":"https://x.y/a.JPG?z=1"}},{"type":"image_url","image_url":{"url":"https://x.y/a"}}]}]`,
			`{"contents":[{"role":"user","parts":[{"inlineData":{"mimeType":"image/png","data":"AAAA"}},{"fileData":{"mimeType":"image/jpeg","fileUri":"https://x.y/a.JPG?z=1"}},{"fileData":{"fileUri":"https://x.y/a","mimeType":"image/jpeg"}}]}]}`},
		{"data URLs of other kinds", `[{"role":"user","content":[{"type":"image_url","image_url":{"url":"DATA:image/svg+xml;charset=utf-8,%3Csvg/%3E"}},{"type":"image_url","image_url":{"url":"data:image/png;x=y;base64,AA%2BA"}}]}]`,
			`{"contents":[{"role":"user","parts":[{"inlineData":{"mimeType":"image/svg+xml","data":"PHN2Zy8+"}},{"inlineData":{"mimeType":"image/png","data":"AA+A"}}]}]}`},
		{"audio and files", `[{"role":"user","content":[{"type":"input_audio","input_audio":{"data":"QUJD","format":"wav"}},{"type":"file","file":{"file_data":"data:application/pdf;base64,UERG"}},{"type":"file","file":{"file_data":"UERG","filename":"a.pdf"}},{"type":"file","file":{"file_id":"https://generativelanguage.googleapis.com/v1beta/files/abc"}}]}]`,
			`{"contents":[{"role":"user","parts":[{"inlineData":{"mimeType":"audio/wav","data":"QUJD"}},{"inlineData":{"mimeType":"application/pdf","data":"UERG"}},{"inlineData":{"mimeType":"application/pdf","data":"UERG"}},{"fileData":{"fileUri":"https://generativelanguage.googleapis.com/v1beta/files/abc"}}]}]}`},
		{"calls and their answers", `[{"role":"user","content":"a"},
			{"role":"assistant","content":null,"tool_calls":[{"id":"1","type":"function","function":{"name":"f","arguments":"{\"x\":1}"},"extra_content":{"google":{"thought_signature":"c2ln"}}},{"id":"2","type":"function","function":{"name":"g","arguments":""}}]},
			{"role":"tool","tool_call_id":"1","content":"{\"y\":2}"},{"role":"tool","tool_call_id":"2","content":"sunny"},{"role":"user","content":"and?"}]`,
			`{"contents":[{"role":"user","parts":[{"text":"a"}]},
			{"role":"model","parts":[{"functionCall":{"id":"1","name":"f","args":{"x":1}},"thoughtSignature":"c2ln"},{"functionCall":{"id":"2","name":"g"}}]},
			{"role":"user","parts":[{"functionResponse":{"id":"1","name":"f","response":{"y":2}}},{"functionResponse":{"id":"2","name":"g","response":{"output":"sunny"}}},{"text":"and?"}]}]}`},
		{"a step with text and malformed arguments", `[{"role":"user","content":"a"},{"role":"assistant","content":"let me see","tool_calls":[{"id":"1","function":{"name":"f","arguments":"{\"x\":"}},{"id":"2","function":{"name":"f","arguments":"{}{"}},{"id":"3","function":{"name":"f","arguments":"[1]"}}]},{"role":"tool","tool_call_id":"1","content":[{"type":"text","text":"[1,"},{"type":"text","text":"2]"}]}]`,
			`{"contents":[{"role":"user","parts":[{"text":"a"}]},
			{"role":"model","parts":[{"text":"let me see"},{"functionCall":{"id":"1","name":"f","args":{"arguments":"{\"x\":"}}},{"functionCall":{"id":"2","name":"f","args":{"arguments":"{}{"}}},{"functionCall":{"id":"3","name":"f","args":{"arguments":"[1]"}}}]},
			{"role":"user","parts":[{"functionResponse":{"id":"1","name":"f","response":{"output":"[1,2]"}}}]}]}`},
		{"custom tools", `[{"role":"user","content":"a"},{"role":"assistant","content":null,"tool_calls":[{"id":"1","type":"custom","custom":{"name":"f","input":"1+1"}}]},{"role":"tool","tool_call_id":"1","content":"2"}]`,
			`{"contents":[{"role":"user","parts":[{"text":"a"}]},{"role":"model","parts":[{"functionCall":{"id":"1","name":"f","args":{"input":"1+1"}}}]},
			{"role":"user","parts":[{"functionResponse":{"id":"1","name":"f","response":{"output":"2"}}}]}]}`},
		{"an answer that shows an image", `[{"role":"user","content":"a"},{"role":"tool","name":"f","tool_call_id":"?","content":[{"type":"text","text":"{}"},{"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA"}}]}]`,
			`{"contents":[{"role":"user","parts":[{"text":"a"},{"functionResponse":{"id":"?","name":"f","response":{}}},{"inlineData":{"mimeType":"image/png","data":"AAAA"}}]}]}`},
		{"old functions", `[{"role":"user","content":"a"},{"role":"assistant","content":null,"function_call":{"name":"f","arguments":"{}"}},{"role":"function","name":"f","content":"1"}]`,
			`{"contents":[{"role":"user","parts":[{"text":"a"}]},{"role":"model","parts":[{"functionCall":{"name":"f","args":{}}}]},{"role":"user","parts":[{"functionResponse":{"name":"f","response":{"output":"1"}}}]}]}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			body, err := translate(t, "gemini-2.5-pro", `{"messages":`+tt.messages+`}`)
			require.NoError(t, err)
			require.JSONEq(t, tt.want, body)
		})
	}
}

func TestRequestFields(t *testing.T) {
	const fn = `{"type":"function","function":{"name":"f"}}`
	const decl = `"tools":[{"functionDeclarations":[{"name":"f"}]}]`
	tests := []struct{ name, fields, want string }{
		{"sampling", `"temperature":0.5,"top_p":0.9,"max_tokens":7,"n":2,"seed":42,"stop":"a","presence_penalty":-1,"frequency_penalty":1,"logprobs":true,"top_logprobs":3`,
			`"generationConfig":{"temperature":0.5,"topP":0.9,"maxOutputTokens":7,"candidateCount":2,"seed":42,"stopSequences":["a"],"presencePenalty":-1,"frequencyPenalty":1,"responseLogprobs":true,"logprobs":3}`},
		{"zero is a value", `"temperature":0,"max_completion_tokens":5,"max_tokens":7`, `"generationConfig":{"temperature":0,"maxOutputTokens":5}`},
		{"known elsewhere", `"top_k":40,"modalities":["text","image"]`, `"generationConfig":{"topK":40,"responseModalities":["TEXT","IMAGE"]}`},
		{"text", `"response_format":{"type":"text"}`, ``},
		{"JSON", `"response_format":{"type":"json_object"}`, `"generationConfig":{"responseMimeType":"application/json"}`},
		{"JSON schema", `"response_format":{"type":"json_schema","json_schema":{"name":"x","strict":true,"schema":{"type":"object","properties":{"a":{"type":"string"}},"additionalProperties":false}}}`,
			`"generationConfig":{"responseMimeType":"application/json","responseJsonSchema":{"type":"object","properties":{"a":{"type":"string"}},"additionalProperties":false}}`},
		{"without a counterpart", `"user":"u","metadata":{"a":"b"},"logit_bias":{"1":2},"parallel_tool_calls":false,"store":true,"service_tier":"flex","unheard_of":1,"stream":true,"stream_options":{"include_usage":true}`, ``},
		{"Gemini's own", `"safetySettings":[{"category":"X","threshold":"OFF"}],"cached_content":"cachedContents/1","labels":{"a":"b"},"serviceTier":"flex"`,
			`"safetySettings":[{"category":"X","threshold":"OFF"}],"cachedContent":"cachedContents/1","labels":{"a":"b"},"serviceTier":"flex"`},
		{"one name only", `"safety_settings":[],"safetySettings":null`, `"safetySettings":[]`},
		{"its generationConfig wins", `"temperature":1,"top_p":0.5,"response_format":{"type":"json_schema","json_schema":{"name":"x","schema":{}}},"generation_config":{"temperature":0.1,"max_output_tokens":9,"responseSchema":{"type":"OBJECT"},"thinkingConfig":{"thinkingBudget":-1}}`,
			`"generationConfig":{"temperature":0.1,"topP":0.5,"maxOutputTokens":9,"responseMimeType":"application/json","responseSchema":{"type":"OBJECT"},"thinkingConfig":{"thinkingBudget":-1}}`},
		{"tools", `"tools":[{"type":"function","function":{"name":"f","description":"d","strict":true,"parameters":{"type":"object","properties":{"x":{"type":["string","null"]}},"required":["x"],"additionalProperties":false}}},{"googleSearch":{}}]`,
			`"tools":[{"googleSearch":{}},{"functionDeclarations":[{"name":"f","description":"d","parametersJsonSchema":{"type":"object","properties":{"x":{"type":["string","null"]}},"required":["x"],"additionalProperties":false}}]}]`},
		{"no parameters", `"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object","properties":{},"additionalProperties":false,"$schema":"s"}}}]`, decl},
		{"any parameters", `"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object","additionalProperties":true}}}]`,
			`"tools":[{"functionDeclarations":[{"name":"f","parametersJsonSchema":{"type":"object","additionalProperties":true}}]}]`},
		{"old functions", `"functions":[{"name":"f"}],"function_call":{"name":"f"}`, decl + `,"toolConfig":{"functionCallingConfig":{"mode":"ANY","allowedFunctionNames":["f"]}}`},
		{"choice auto", `"tools":[` + fn + `],"tool_choice":"auto"`, decl + `,"toolConfig":{"functionCallingConfig":{"mode":"AUTO"}}`},
		{"choice none", `"tools":[` + fn + `],"tool_choice":"none"`, decl + `,"toolConfig":{"functionCallingConfig":{"mode":"NONE"}}`},
		{"choice required", `"tools":[` + fn + `],"tool_choice":"required"`, decl + `,"toolConfig":{"functionCallingConfig":{"mode":"ANY"}}`},
		{"choice of one", `"tools":[` + fn + `],"tool_choice":` + fn, decl + `,"toolConfig":{"functionCallingConfig":{"mode":"ANY","allowedFunctionNames":["f"]}}`},
		{"choice of some", `"tools":[` + fn + `],"tool_choice":{"type":"allowed_tools","allowed_tools":{"mode":"auto","tools":[` + fn + `]}}`,
			decl + `,"toolConfig":{"functionCallingConfig":{"mode":"VALIDATED","allowedFunctionNames":["f"]}}`},
		{"choice without tools", `"tool_choice":"auto"`, ``},
		{"choice and its own toolConfig", `"tools":[` + fn + `],"tool_choice":"required","toolConfig":{"retrievalConfig":{"languageCode":"de"}}`,
			decl + `,"toolConfig":{"functionCallingConfig":{"mode":"ANY"},"retrievalConfig":{"languageCode":"de"}}`},
		{"its own functionCallingConfig wins", `"tools":[` + fn + `],"tool_choice":"required","toolConfig":{"functionCallingConfig":{"mode":"AUTO"}}`,
			decl + `,"toolConfig":{"functionCallingConfig":{"mode":"AUTO"}}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			body, err := translate(t, "gemini-2.5-pro", `{`+hello+`,`+tt.fields+`}`)
			require.NoError(t, err)
			want := helloContents
			if tt.want != "" {
				want += "," + tt.want
			}
			require.JSONEq(t, `{`+want+`}`, body)
		})
	}
}

func TestReasoningEffort(t *testing.T) {
	tests := []struct{ model, effort, want string }{
		{"gemini-2.5-flash", "none", `{"thinkingBudget":0}`},
		{"gemini-2.5-pro", "none", `{"thinkingBudget":128}`},
		{"gemini-2.5-flash", "minimal", `{"includeThoughts":true,"thinkingBudget":1024}`},
		{"gemini-2.5-flash", "low", `{"includeThoughts":true,"thinkingBudget":1024}`},
		{"gemini-2.5-pro", "medium", `{"includeThoughts":true,"thinkingBudget":8192}`},
		{"gemini-2.5-pro", "high", `{"includeThoughts":true,"thinkingBudget":24576}`},
		{"gemini-3-flash-preview", "none", `{"thinkingLevel":"LOW"}`},
		{"gemini-3-flash-preview", "medium", `{"includeThoughts":true,"thinkingLevel":"MEDIUM"}`},
		{"gemini-flash-latest", "xhigh", `{"includeThoughts":true,"thinkingLevel":"HIGH"}`},
		{"gemini-2.0-flash", "high", ``}, // does not think
		{"gemini-2.5-flash", "unheard-of", ``},
		{"gemini-2.5-flash", "", `{"thinkingBudget":0}`}, // it thinks by itself, and counts that as output
		{"models/gemini-2.5-flash-lite", "", `{"thinkingBudget":0}`},
		{"gemini-2.5-flash-preview-05-20", "", `{"thinkingBudget":0}`},
		{"gemini-2.5-flash-image", "", ``},
		{"gemini-2.5-flash-preview-tts", "", ``},
		{"gemini-2.5-pro", "", ``},
		{"gemini-2.0-flash", "", ``},
		{"gemini-3-flash-preview", "", ``},
	}
	for _, tt := range tests {
		body, err := translate(t, tt.model, `{`+hello+`,"reasoning_effort":"`+tt.effort+`"}`)
		require.NoError(t, err)
		want := `{` + helloContents + `}`
		if tt.want != "" {
			want = `{` + helloContents + `,"generationConfig":{"thinkingConfig":` + tt.want + `}}`
		}
		require.JSONEq(t, want, body, "%s %s", tt.model, tt.effort)
	}
}

// Calls that another provider made have no signature; Gemini 3 refuses the
// conversation then, unless the first of each step says so.
func TestSignaturesAfterFailover(t *testing.T) {
	const request = `{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"hm","tool_calls":[{"id":"1","function":{"name":"f","arguments":"{}"}},{"id":"2","function":{"name":"f","arguments":"{}"}}]},
		{"role":"tool","tool_call_id":"1","content":"1"},{"role":"tool","tool_call_id":"2","content":"2"}]}`
	body, err := translate(t, "gemini-3-pro-preview", request)
	require.NoError(t, err)
	require.Equal(t, 1, strings.Count(body, `"thoughtSignature":"`+skipSignature+`"`))
	require.Contains(t, body, `{"functionCall":{"id":"1","name":"f","args":{}},"thoughtSignature":"`)
	body, err = translate(t, "gemini-2.5-flash", request)
	require.NoError(t, err)
	require.NotContains(t, body, "thoughtSignature")
}

func TestSchema(t *testing.T) {
	tests := []struct{ schema, want string }{
		{`{"type":"object"}`, `{"type":"object"}`},
		{`{"$schema":"http://json-schema.org/draft-07/schema#","type":"object"}`, `{"type":"object"}`},
		{`{"const":"a"}`, `{"enum":["a"]}`},
		{`{"properties":{"const":{"const":1},"enum":{"const":2,"enum":[2,3]}}}`, `{"properties":{"const":{"enum":[1]},"enum":{"enum":[2,3]}}}`},
		{`{"anyOf":[{"const":1},{"items":{"const":2}}],"$defs":{"x":{"const":3}},"items":true}`,
			`{"anyOf":[{"enum":[1]},{"items":{"enum":[2]}}],"$defs":{"x":{"enum":[3]}},"items":true}`},
		{`{"required":["const"],"default":{"const":1}}`, `{"required":["const"],"default":{"const":1}}`},
	}
	for _, tt := range tests {
		require.JSONEq(t, tt.want, string(schemaOf([]byte(tt.schema))))
	}
}

func TestRequestRefusals(t *testing.T) {
	content := func(part string) string { return `{"messages":[{"role":"user","content":[` + part + `]}]}` }
	tests := []struct{ name, request, says string }{
		{"unknown part", content(`{"type":"hologram"}`), `messages[0].content[0] is of type "hologram"`},
		{"relative URL", content(`{"type":"image_url","image_url":{"url":"a"}}`), `neither a data: URL`},
		{"data URL without data", content(`{"type":"image_url","image_url":{"url":"data:image/png;base64,"}}`), `without data`},
		{"data URL without a type", content(`{"type":"image_url","image_url":{"url":"data:;base64,AAAA"}}`), `without a media type`},
		{"data URL with a bad escape", content(`{"type":"image_url","image_url":{"url":"data:image/png,%zz"}}`), `malformed escape`},
		{"audio without format", content(`{"type":"input_audio","input_audio":{"data":"AAAA"}}`), `without format or data`},
		{"file of unknown type", content(`{"type":"file","file":{"file_data":"AAAA","filename":"a.xyz"}}`), `whose type`},
		{"empty file", content(`{"type":"file","file":{"filename":"a"}}`), `without file_data or file_id`},
		{"unknown call", `{"messages":[{"role":"tool","tool_call_id":"7","content":"x"}]}`, `messages[0] answers the tool call "7"`},
		{"custom tool", `{` + hello + `,"tools":[{"type":"custom","custom":{"name":"f"}}]}`, `tools[0] has the type "custom"`},
		{"unknown choice", `{` + hello + `,"functions":[{"name":"f"}],"extra_body":{"tool_choice":"maybe"}}`, `"maybe"`},
		{"generationConfig", `{` + hello + `,"generationConfig":7}`, `generationConfig is not a JSON object`},
		{"toolConfig", `{` + hello + `,"functions":[{"name":"f"}],"tool_choice":"auto","toolConfig":7}`, `toolConfig is not a JSON object`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := translate(t, "gemini-2.5-flash", tt.request)
			code := llm.BadRequest
			if tt.name == "unknown part" || tt.name == "custom tool" {
				code = llm.Unsupported
			}
			require.Equal(t, code, llm.CodeOfError(err))
			require.ErrorContains(t, err, tt.says)
		})
	}
}

func TestURL(t *testing.T) {
	w := New(wire.Options{At: wire.RootOf("https://g/v1beta")})
	require.Equal(t, "https://g/v1beta/models/gemini-2.5-flash:generateContent", w.URL("gemini-2.5-flash", false))
	require.Equal(t, "https://g/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse", w.URL("models/gemini-2.5-flash", true))
	w = New(wire.Options{At: wire.RootOf("https://g/v1beta?a=b")})
	require.Equal(t, "https://g/v1beta/models/m:streamGenerateContent?a=b&alt=sse", w.URL("m", true))
	require.Equal(t, "https://g/v1beta/models?a=b", w.Models())
}

// translated is the whole translation.
func translated(dst []byte, req *llm.Request) ([]byte, error) {
	body, err := bodyOf(req, &wire.Call{})
	if err != nil {
		return dst, err
	}
	return body.append(dst, req.Extra)
}
