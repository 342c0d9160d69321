package bedrock

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/wire"
)

// event is one message of a stream: its type and its payload.
type sent struct{ kind, data string }

// streamed joins a stream's pieces.
func streamed(t testing.TB, model, request string, events ...sent) (*llm.Response, bool) {
	t.Helper()
	s := New(wire.Options{}).Stream(callOf(t, model, request))
	var acc llm.Accumulator
	for _, e := range events {
		c, err := s.Chunk(e.kind, []byte(e.data))
		require.NoError(t, err)
		if c != nil {
			acc.Add(c)
		}
	}
	return acc.Response(), s.Complete()
}

func callOf(t testing.TB, model, request string) *wire.Call {
	t.Helper()
	p, err := llm.OwnRequest([]byte(request), llm.CallOptions{})
	require.NoError(t, err)
	return &wire.Call{Payload: p, Model: model}
}

func whole(t testing.TB, model, request, answer string) *llm.Response {
	t.Helper()
	r, err := New(wire.Options{}).Response([]byte(answer), callOf(t, model, request))
	require.NoError(t, err)
	return r
}

// cut makes the events of a block of a whole answer: pieces of n bytes.
func cut(t *testing.T, index int, raw json.RawMessage, n int) (events []sent) {
	t.Helper()
	put := func(kind string, event map[string]any) {
		event["contentBlockIndex"], event["p"] = index, "abc"
		data, err := json.Marshal(event)
		require.NoError(t, err)
		events = append(events, sent{kind, string(data)})
	}
	delta := func(piece any) { put("contentBlockDelta", map[string]any{"delta": piece}) }
	texts := func(text string, of func(piece string) any) {
		for ; text != ""; text = text[min(n, len(text)):] {
			delta(of(text[:min(n, len(text))]))
		}
	}
	blob := func(data string, of func(piece string) any) {
		plain, err := base64.StdEncoding.DecodeString(data)
		require.NoError(t, err)
		texts(string(plain), func(piece string) any { return of(base64.StdEncoding.EncodeToString([]byte(piece))) })
	}
	under := func(name string, value any) any { return map[string]any{name: value} }
	var b struct {
		Text      string `json:"text"`
		ToolUse   map[string]json.RawMessage
		Result    map[string]json.RawMessage `json:"toolResult"`
		Reasoning struct {
			Text struct{ Text, Signature string } `json:"reasoningText"`
			Data string                           `json:"redactedContent"`
		} `json:"reasoningContent"`
		Cited struct {
			Content   []struct{ Text string }
			Citations []json.RawMessage
		} `json:"citationsContent"`
		Image struct {
			Format string
			Source struct{ Bytes string }
		}
		New any `json:"new"`
	}
	require.NoError(t, json.Unmarshal(raw, &b))
	switch {
	case b.ToolUse != nil:
		input := string(b.ToolUse["input"])
		delete(b.ToolUse, "input")
		put("contentBlockStart", map[string]any{"start": under("toolUse", b.ToolUse)})
		if input != "{}" { // some servers send none
			texts(input, func(piece string) any { return under("toolUse", under("input", piece)) })
		}
	case b.Result != nil:
		var content []json.RawMessage
		require.NoError(t, json.Unmarshal(b.Result["content"], &content))
		delete(b.Result, "content")
		put("contentBlockStart", map[string]any{"start": under("toolResult", b.Result)})
		for _, c := range content {
			delta(under("toolResult", []json.RawMessage{c}))
		}
	case b.Image.Format != "":
		put("contentBlockStart", map[string]any{"start": under("image", under("format", b.Image.Format))})
		blob(b.Image.Source.Bytes, func(piece string) any { return under("image", under("source", under("bytes", piece))) })
	case b.New != nil:
		put("contentBlockStart", map[string]any{"start": under("new", b.New)})
	case b.Reasoning.Data != "":
		blob(b.Reasoning.Data, func(piece string) any { return under("reasoningContent", under("redactedContent", piece)) })
	case b.Reasoning.Text.Signature != "":
		texts(b.Reasoning.Text.Text, func(piece string) any { return under("reasoningContent", under("text", piece)) })
		delta(under("reasoningContent", under("text", "")))
		delta(under("reasoningContent", under("signature", b.Reasoning.Text.Signature)))
	default:
		for _, c := range b.Cited.Content {
			b.Text += c.Text
		}
		texts(b.Text, func(piece string) any { return under("text", piece) })
		delta(under("text", ""))
		for _, c := range b.Cited.Citations {
			delta(under("citation", c))
		}
	}
	put("contentBlockStop", map[string]any{})
	return events
}

// What a stream says in pieces is what a whole answer says at once, and goes
// back as it came.
func TestWholeEqualsPieces(t *testing.T) {
	const schema = `{` + hello + `,"response_format":{"type":"json_schema","json_schema":{"name":"s","schema":{}}}}`
	for _, c := range []struct{ name, model, request, content, reason string }{
		{"text", "m", `{` + hello + `}`, `{"text":"one two"}`, "end_turn"},
		{"thoughts, text and calls", "m", `{` + hello + `}`,
			`{"reasoningContent":{"reasoningText":{"signature":"c2ln","text":"hm so"}}},{"reasoningContent":{"redactedContent":"eHl6eHl6eA=="}},{"text":"a"},{"toolUse":{"toolUseId":"t1","name":"f","input":{"a":1}}},{"toolUse":{"toolUseId":"t2","name":"g","input":{}}}`, "tool_use"},
		{"citations", "m", `{` + hello + `}`, `{"text":"It is "},{"citationsContent":{"content":[{"text":"so"}],"citations":[{"title":"x","location":{"web":{"url":"u"}}},{"title":"y"}]}}`, "end_turn"},
		{"a server's tool", "m", `{` + hello + `}`,
			`{"toolUse":{"toolUseId":"s1","name":"nova_grounding","type":"server_tool_use","input":{"q":"x"}}},{"toolUse":{"toolUseId":"s2","name":"now","type":"server_tool_use","input":{}}},
			{"toolResult":{"toolUseId":"s1","type":"nova_grounding_result","status":"success","content":[{"text":"a"},{"json":{"b":[1]}}]}},{"text":"so"}`, "end_turn"},
		{"what is not known", "m", `{` + hello + `}`, `{"new":{"x":[1,"2"]}},{"image":{"format":"png","source":{"bytes":"aW1hZ2UgaW1hZ2U="}}},{"text":"so"}`, "end_turn"},
		{"a schema by a tool", sonnet, schema, `{"toolUse":{"toolUseId":"t","name":"s","input":{"a":1}}}`, "tool_use"},
		{"an empty one", sonnet, schema, `{"toolUse":{"toolUseId":"t","name":"s","input":{}}}`, "tool_use"},
	} {
		for _, n := range []int{1, 2, 5, 1000} {
			t.Run(c.name, func(t *testing.T) {
				const usage = `{"inputTokens":3,"outputTokens":2,"totalTokens":9,"cacheReadInputTokens":4}`
				want := whole(t, c.model, c.request, fmt.Sprintf(`{"output":{"message":{"role":"assistant","content":[%s]}},"stopReason":%q,"usage":%s,"metrics":{"latencyMs":1}}`, c.content, c.reason, usage))
				events := []sent{{"messageStart", `{"role":"assistant"}`}}
				var blocks []json.RawMessage
				require.NoError(t, json.Unmarshal([]byte(`[`+c.content+`]`), &blocks))
				for i, raw := range blocks {
					events = append(events, cut(t, i, raw, n)...)
				}
				got, complete := streamed(t, c.model, c.request, append(events, sent{"messageStop", fmt.Sprintf(`{"stopReason":%q}`, c.reason)}, sent{"metadata", `{"usage":` + usage + `,"metrics":{"latencyMs":1}}`})...)
				require.True(t, complete)
				want.Created, got.Created = 0, 0
				require.JSONEq(t, jsonText(t, want), jsonText(t, got))
				require.Equal(t, 7, got.Usage.PromptTokens)
				if c.model == sonnet {
					require.Empty(t, got.Choices[0].Message.ToolCalls)
					require.Equal(t, "stop", got.Choices[0].FinishReason)
					return
				}
				message, err := got.Choices[0].Message.MarshalJSON()
				require.NoError(t, err)
				body, left, err := written(t, "m", `{"messages":[{"role":"user","content":"hi"},`+string(message)+`]}`)
				require.NoError(t, err)
				require.Empty(t, left)
				var back struct {
					Messages []struct {
						Content json.RawMessage `json:"content"`
					} `json:"messages"`
				}
				require.NoError(t, json.Unmarshal([]byte(body), &back))
				require.JSONEq(t, `[`+c.content+`]`, string(back.Messages[1].Content))
			})
		}
	}
}

func jsonText(t *testing.T, v any) string {
	t.Helper()
	raw, err := json.Marshal(v)
	require.NoError(t, err)
	return string(raw)
}

// What no other field of a message shows is a first token, too, and is told
// once; a text with citations in pieces goes back in these pieces.
func TestUnseenIsFirstToken(t *testing.T) {
	for _, e := range []sent{
		{"contentBlockDelta", `{"contentBlockIndex":0,"delta":{"reasoningContent":{"redactedContent":"eA=="}}}`},
		{"contentBlockDelta", `{"contentBlockIndex":0,"delta":{"new":"x"}}`},
		{"contentBlockStart", `{"contentBlockIndex":0,"start":{"toolUse":{"toolUseId":"s","name":"f","type":"server_tool_use"}}}`},
		{"contentBlockStart", `{"contentBlockIndex":0,"start":{"image":{"format":"png"}}}`},
	} {
		s := New(wire.Options{}).Stream(callOf(t, "m", `{`+hello+`}`))
		first, err := s.Chunk(e.kind, []byte(e.data))
		require.NoError(t, err)
		require.Contains(t, first.Choices[0].Delta.Extra, llm.PartsField, e.data)
		again, err := s.Chunk(e.kind, []byte(e.data))
		require.NoError(t, err)
		require.Nil(t, again)
	}
	r := whole(t, "m", `{`+hello+`}`, `{"output":{"message":{"content":[{"citationsContent":{"content":[{"text":"ab"},{"text":"c"}],"citations":[]}}]}},"stopReason":"end_turn"}`)
	body, _, err := written(t, "m", `{"messages":[{"role":"user","content":"hi"},`+jsonText(t, &r.Choices[0].Message)+`]}`)
	require.NoError(t, err)
	require.Contains(t, body, `{"citationsContent":{"content":[{"text":"ab"},{"text":"c"}],"citations":[]}}`)
}

// A stream is complete with its metadata and not before.
func TestOnlyMetadataCompletes(t *testing.T) {
	_, complete := streamed(t, "m", `{`+hello+`}`, sent{"messageStart", `{}`}, sent{"contentBlockDelta", `{"delta":{"text":"a"}}`}, sent{"messageStop", `{"stopReason":"end_turn"}`})
	require.False(t, complete)
}

func TestFinishReasons(t *testing.T) {
	for from, to := range map[string]string{"end_turn": "stop", "stop_sequence": "stop", "max_tokens": "length", "model_context_window_exceeded": "length", "tool_use": "tool_calls",
		"guardrail_intervened": "content_filter", "content_filtered": "content_filter", "malformed_model_output": "malformed_model_output"} {
		r := whole(t, "m", `{`+hello+`}`, `{"output":{"message":{"content":[{"text":"a"}]}},"stopReason":"`+from+`"}`)
		require.Equal(t, to, r.Choices[0].FinishReason, from)
		require.Nil(t, r.Usage)
	}
}

// No bytes make the readers of answers fail otherwise than by an error.
func FuzzAnswer(f *testing.F) {
	f.Add("contentBlockDelta", []byte(`{"contentBlockIndex":1,"delta":{"toolUse":{"input":"{"}}}`))
	f.Add("contentBlockDelta", []byte(`{"start":{"toolUse":{"toolUseId":"s","type":"server_tool_use"}},"delta":{"toolUse":{"input":"{"},"new":[1],"image":{"source":{"bytes":"eA=="}}}}`))
	f.Add("contentBlockDelta", []byte(`{"start":{"toolResult":{"toolUseId":"s"}},"delta":{"toolResult":[{"text":"a"}],"reasoningContent":{"new":1}}}`))
	f.Add("", []byte(`{"output":{"message":{"content":[{"text":"a"},{"toolUse":{"toolUseId":"t","name":"n","input":{}}}]}},"stopReason":"tool_use","usage":{"inputTokens":1}}`))
	f.Fuzz(func(t *testing.T, kind string, data []byte) {
		p, err := llm.OwnRequest([]byte(`{`+hello+`}`), llm.CallOptions{})
		require.NoError(t, err)
		c := &wire.Call{Payload: p, Model: "m"}
		format := New(wire.Options{})
		if r, err := format.Response(data, c); err == nil {
			_, err := json.Marshal(r)
			require.NoError(t, err)
		}
		s := format.Stream(c)
		var acc llm.Accumulator
		for _, kind := range []string{"messageStart", "contentBlockStart", kind, kind, "contentBlockStop", "messageStop", "metadata"} {
			if chunk, err := s.Chunk(kind, data); err == nil && chunk != nil {
				acc.Add(chunk)
			}
		}
		_, err = json.Marshal(acc.Response())
		require.NoError(t, err)
	})
}
