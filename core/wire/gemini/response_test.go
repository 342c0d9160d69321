package gemini

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/llmagg/llmagg/core/llm"
)

// read translates a whole answer and gives it without what tests cannot
// know.
func read(t *testing.T, answer string) string {
	t.Helper()
	r, err := newReader("asked").response([]byte(answer))
	require.NoError(t, err)
	require.NotZero(t, r.Created)
	r.Created = 0
	data, err := r.MarshalJSON()
	require.NoError(t, err)
	return string(data)
}

const noUsage = `"usage":null`

func TestResponse(t *testing.T) {
	choice := func(message, finish, more string) string {
		return `{"id":"r","object":"chat.completion","created":0,"model":"m","choices":[{"index":0,"message":{"role":"assistant"` + message + `},"finish_reason":"` + finish + `"` + more + `}],` + noUsage + `}`
	}
	answer := func(candidate string) string {
		return `{"responseId":"r","modelVersion":"m","candidates":[` + candidate + `]}`
	}
	tests := []struct{ name, answer, want string }{
		{"text", answer(`{"content":{"role":"model","parts":[{"text":"Hello "},{"text":"world"}]},"finishReason":"STOP","index":0}`),
			choice(`,"content":"Hello world"`, "stop", "")},
		{"thoughts", answer(`{"content":{"parts":[{"text":"hm","thought":true},{"text":"yes","thoughtSignature":"c2ln"}]},"finishReason":"STOP"}`),
			choice(`,"content":"yes","reasoning_content":"hm","extra_content":{"google":{"thought_signature":"c2ln"}},"parts":[{"type":"thinking","bytes":2},{"type":"text","bytes":3,"owner":"gemini/m","raw":{"thoughtSignature":"c2ln"}}]`, "stop", "")},
		{"calls", answer(`{"content":{"parts":[{"functionCall":{"name":"f","args":{"x": 1,
				"y":"z"}},"thoughtSignature":"c2ln"},{"functionCall":{"id":"own","name":"g"}},{"functionCall":{"name":"h","args":[1]}}]},"finishReason":"STOP"}`),
			choice(`,"tool_calls":[{"id":"call_2o0ouv9l6zu1h_0_0","type":"function","function":{"name":"f","arguments":"{\"x\":1,\"y\":\"z\"}"},"extra_content":{"google":{"thought_signature":"c2ln"}}},{"id":"own","type":"function","function":{"name":"g","arguments":"{}"}},{"id":"call_2o0ouv9l6zu1h_0_2","type":"function","function":{"name":"h","arguments":"[1]"}}],"parts":[{"type":"tool_call","id":"call_2o0ouv9l6zu1h_0_0","owner":"gemini/m","raw":{"thoughtSignature":"c2ln"}},{"type":"tool_call","id":"own"},{"type":"tool_call","id":"call_2o0ouv9l6zu1h_0_2"}]`, "tool_calls", "")},
		{"length", answer(`{"finishReason":"MAX_TOKENS"}`), choice("", "length", "")},
		{"what has no place", answer(`{"content":{"parts":[{"text":"a"}]},"finishReason":"STOP","safetyRatings":[],"groundingMetadata":{"x":1},"new":true,"avgLogprobs":-0.5}`),
			choice(`,"content":"a"`, "stop", `,"avgLogprobs":-0.5,"groundingMetadata":{"x":1},"new":true,"safetyRatings":[]`)},
		{"images and code", answer(`{"content":{"parts":[{"text":"a"},{"inlineData":{"mimeType":"image/png","data":"AAAA"}},{"executableCode":{"language":"PYTHON","code":"1"}},{"thoughtSignature":"c2ln"},null]},"finishReason":"STOP"}`),
			choice(`,"content":"a","extra_content":{"google":{"thought_signature":"c2ln"}},"gemini_parts":[{"executableCode":{"language":"PYTHON","code":"1"}}],"parts":[{"type":"text","bytes":1},{"type":"image","owner":"gemini/m"},{"type":"other","owner":"gemini/m","raw":{"executableCode":{"language":"PYTHON","code":"1"}}},{"type":"text","owner":"gemini/m","raw":{"thoughtSignature":"c2ln"}}],"images":[{"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA"}}]`, "stop", "")},
		{"logprobs", answer(`{"content":{"parts":[{"text":"é"}]},"finishReason":"STOP","logprobsResult":{"chosenCandidates":[{"token":"é","logProbability":-0.25,"tokenId":7}],"topCandidates":[{"candidates":[{"token":"a","logProbability":-1}]}]}}`),
			choice(`,"content":"é"`, "stop", `,"logprobs":{"content":[{"token":"é","logprob":-0.25,"bytes":[195,169],"top_logprobs":[{"token":"a","logprob":-1,"bytes":[97]}]}]}`)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { require.JSONEq(t, tt.want, read(t, tt.answer)) })
	}
}

func TestFinishReasons(t *testing.T) {
	for reason, want := range map[string]string{
		"STOP": "stop", "MAX_TOKENS": "length", "SAFETY": "content_filter", "RECITATION": "content_filter", "BLOCKLIST": "content_filter",
		"PROHIBITED_CONTENT": "content_filter", "SPII": "content_filter", "IMAGE_SAFETY": "content_filter",
		"LANGUAGE": "LANGUAGE", "OTHER": "OTHER", "MALFORMED_FUNCTION_CALL": "MALFORMED_FUNCTION_CALL", "NEVER_HEARD_OF": "NEVER_HEARD_OF", "FINISH_REASON_UNSPECIFIED": "",
	} {
		r, err := newReader("m").response([]byte(`{"candidates":[{"finishReason":"` + reason + `","finishMessage":"because"}]}`))
		require.NoError(t, err)
		c := r.Choices[0]
		require.Equal(t, want, c.FinishReason, reason)
		require.Equal(t, `"because"`, string(c.Extra["finishMessage"]))
		if want != "" && want != "stop" && want != "length" {
			require.Equal(t, `"`+reason+`"`, string(c.Extra["finishReason"]), "the word itself is kept")
		}
	}
}

func TestUsage(t *testing.T) {
	tests := []struct{ usage, want string }{
		{`{"promptTokenCount":10,"candidatesTokenCount":5,"totalTokenCount":15}`, `{"prompt_tokens":10,"completion_tokens":5,"total_tokens":15}`},
		{`{"promptTokenCount":10,"candidatesTokenCount":5,"thoughtsTokenCount":7,"cachedContentTokenCount":4,"toolUsePromptTokenCount":2}`,
			`{"prompt_tokens":12,"completion_tokens":12,"total_tokens":24,"prompt_tokens_details":{"cached_tokens":4},"completion_tokens_details":{"reasoning_tokens":7}}`},
		{`{"promptTokenCount":10.0,"promptTokensDetails":[{"modality":"TEXT","tokenCount":1},{"modality":"AUDIO","tokenCount":9}],"trafficType":"ON_DEMAND"}`,
			`{"prompt_tokens":10,"completion_tokens":0,"total_tokens":10,"prompt_tokens_details":{"audio_tokens":9},"promptTokensDetails":[{"modality":"TEXT","tokenCount":1},{"modality":"AUDIO","tokenCount":9}],"trafficType":"ON_DEMAND"}`},
		{`{"promptTokenCount":0}`, `null`},
		{`{"promptTokenCount":0,"candidatesTokenCount":0,"totalTokenCount":0,"trafficType":"ON_DEMAND"}`,
			`{"prompt_tokens":null,"completion_tokens":null,"total_tokens":null,"trafficType":"ON_DEMAND"}`},
		{`null`, `null`},
		{`{}`, `null`},
		{`{"promptTokenCount":"many"}`, `null`},
	}
	for _, tt := range tests {
		r, err := newReader("m").response([]byte(`{"candidates":[{}],"usageMetadata":` + tt.usage + `}`))
		require.NoError(t, err)
		usage, err := json.Marshal(r.Usage)
		require.NoError(t, err)
		require.JSONEq(t, tt.want, string(usage))
	}
}

func TestHead(t *testing.T) {
	r, err := newReader("asked").response([]byte(`{"candidates":[{},{"index":null},{"index":7}],"createTime":"2026-01-02T03:04:05.678Z","modelStatus":{"x":1}}`))
	require.NoError(t, err)
	require.Equal(t, "asked", r.Model)
	require.NotEmpty(t, r.ID)
	require.EqualValues(t, 1767323045, r.Created)
	require.JSONEq(t, `{"x":1}`, string(r.Extra["modelStatus"]))
	require.Equal(t, []int{0, 1, 7}, []int{r.Choices[0].Index, r.Choices[1].Index, r.Choices[2].Index})
}

func TestBadAnswers(t *testing.T) {
	tests := []struct {
		name, answer string
		code         llm.Code
		says         string
	}{
		{"blocked", `{"promptFeedback":{"blockReason":"SAFETY","blockReasonMessage":"no way"}}`, llm.ContentFilter, "SAFETY no way"},
		{"no candidates", `{"usageMetadata":{}}`, llm.BadResponse, "no candidates"},
		{"empty candidates", `{"candidates":[]}`, llm.BadResponse, "no candidates"},
		{"null", `null`, llm.BadResponse, "not a JSON object"},
		{"array", `[]`, llm.BadResponse, "not a JSON object"},
		{"cut", `{"candidates":[{"content":`, llm.BadResponse, "not a JSON object"},
		{"text behind", `{"candidates":[{}]}x`, llm.BadResponse, "not a JSON object"},
		{"candidates of another type", `{"candidates":"x"}`, llm.BadResponse, "candidates"},
		{"content of another type", `{"candidates":[{"content":1}]}`, llm.BadResponse, "candidates[0].content"},
		{"part of another type", `{"candidates":[{"content":{"parts":[{"text":1}]}}]}`, llm.BadResponse, "part 0"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := newReader("m").response([]byte(tt.answer))
			require.Equal(t, tt.code, llm.CodeOfError(err))
			require.ErrorContains(t, err, tt.says)
		})
	}
}

// A stream joins to the same answer as the whole, however its parts come.
func TestChunks(t *testing.T) {
	g := newReader("asked")
	var acc llm.Accumulator
	var usages int
	for _, event := range []string{
		`{"candidates":[{"content":{"parts":[{"text":"hm","thought":true}],"role":"model"},"index":0}],"usageMetadata":{"promptTokenCount":3,"totalTokenCount":3},"responseId":"r","modelVersion":"m"}`,
		`{"candidates":[{"content":{"parts":[{"text":"Hel"}]}},{"index":1,"content":{"parts":[{"text":"Other"}]}}],"usageMetadata":{"promptTokenCount":3},"responseId":"r","modelVersion":"m"}`,
		`{"candidates":[{"content":{"parts":[{"text":"lo"},{"functionCall":{"name":"f","args":{}}}]}}]}`,
		`{"candidates":[{"content":{"parts":[{"functionCall":{"name":"f","args":{"x":1}}},{"inlineData":{"mimeType":"image/png","data":"AAAA"}}]}}]}`,
		`{"candidates":[{"content":{"parts":[{"inlineData":{"mimeType":"image/png","data":"BBBB"}}]}}]}`,
		`{"candidates":[{"content":{"parts":[{"text":""}]},"finishReason":"STOP"}]}`,
		`{"candidates":[{"index":1,"finishReason":"SAFETY"}],"usageMetadata":{"promptTokenCount":3,"candidatesTokenCount":4,"totalTokenCount":7}}`,
	} {
		c, err := g.Chunk("", []byte(event))
		require.NoError(t, err)
		require.Equal(t, "r", c.ID)
		if c.Usage != nil {
			usages++
		}
		acc.Add(c)
	}
	require.Equal(t, 1, usages)
	r := acc.Response()
	require.Equal(t, 7, r.Usage.TotalTokens)
	require.Equal(t, "m", r.Model)
	first, second := r.Choices[0], r.Choices[1]
	require.Equal(t, "Hello", first.Message.Content)
	require.Equal(t, "hm", first.Message.ReasoningContent)
	require.Equal(t, "tool_calls", first.FinishReason)
	require.Len(t, first.Message.ToolCalls, 2)
	require.Equal(t, `{"x":1}`, first.Message.ToolCalls[1].Function.Arguments)
	require.NotEqual(t, first.Message.ToolCalls[0].ID, first.Message.ToolCalls[1].ID)
	require.Equal(t, 2, strings.Count(string(first.Message.Extra["images"]), "image/png"))
	require.Equal(t, "Other", second.Message.Content)
	require.Equal(t, "content_filter", second.FinishReason)

	c, err := g.Chunk("", []byte(`{"usageMetadata":{"totalTokenCount":9}}`))
	require.NoError(t, err)
	require.Empty(t, c.Choices)
	require.Equal(t, 9, c.Usage.TotalTokens)
}

// Ids of calls are the same for all chunks of an answer, differ between
// answers, and are short enough for OpenAI.
func TestCallIDs(t *testing.T) {
	ids := map[string]bool{}
	for _, head := range []string{`"responseId":"` + strings.Repeat("x", 100) + `",`, `"responseId":"y",`, ``, ``} {
		r, err := newReader("m").response([]byte(`{` + head + `"candidates":[{"content":{"parts":[{"functionCall":{"name":"f"}},{"functionCall":{"name":"f"}}]}}]}`))
		require.NoError(t, err)
		for _, c := range r.Choices[0].Message.ToolCalls {
			require.LessOrEqual(t, len(c.ID), 40)
			require.False(t, ids[c.ID])
			ids[c.ID] = true
		}
	}
}

// What Gemini answered goes back to it unchanged, signature included.
func TestRoundTrip(t *testing.T) {
	r, err := newReader("m").response([]byte(`{"responseId":"r","candidates":[{"content":{"parts":[{"text":"a"},{"functionCall":{"id":"i","name":"f","args":{"x":1}},"thoughtSignature":"c2ln"}]},"finishReason":"STOP"}]}`))
	require.NoError(t, err)
	req := &llm.Request{Model: "gemini-3-pro-preview", Messages: []llm.Message{{Role: llm.RoleUser, Content: "q"}, r.Choices[0].Message,
		{Role: llm.RoleTool, ToolCallID: "i", Content: "42"}}}
	body, err := translated(nil, req)
	require.NoError(t, err)
	require.JSONEq(t, `{"contents":[{"role":"user","parts":[{"text":"q"}]},
		{"role":"model","parts":[{"text":"a"},{"functionCall":{"id":"i","name":"f","args":{"x":1}},"thoughtSignature":"c2ln"}]},
		{"role":"user","parts":[{"functionResponse":{"id":"i","name":"f","response":{"output":"42"}}}]}]}`, string(body))
}

func BenchmarkChunk(b *testing.B) {
	event := []byte(`{"candidates": [{"content": {"parts": [{"text": " token"}],"role": "model"},"index": 0}],"usageMetadata": {"promptTokenCount": 7,"candidatesTokenCount": 19,"totalTokenCount": 500,"promptTokensDetails": [{"modality": "TEXT","tokenCount": 7}],"thoughtsTokenCount": 474},"modelVersion": "gemini-2.5-flash","responseId": "mAitaLmkHPPlz7IPvtfUqQ4"}`)
	g := newReader("m")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := g.Chunk("", event); err != nil {
			b.Fatal(err)
		}
	}
}
