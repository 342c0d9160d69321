package anthropic

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/wire"
)

func callFor(t *testing.T, model, request string) *wire.Call {
	t.Helper()
	p, err := llm.OwnRequest([]byte(request), llm.CallOptions{})
	require.NoError(t, err)
	return &wire.Call{Payload: p, Model: model}
}

// gathered is what the events of a stream come to.
func gathered(t *testing.T, c *wire.Call, events ...string) *llm.Response {
	t.Helper()
	var all llm.Accumulator
	s := New(wire.Options{}).Stream(c)
	for _, e := range events {
		chunk, err := s.Chunk("", []byte(e))
		require.NoError(t, err, e)
		if chunk != nil {
			all.Add(chunk)
		}
	}
	require.True(t, s.Complete())
	return all.Response()
}

// cut makes a stream of a whole answer: each block in pieces of n bytes.
func cut(t *testing.T, answer string, n int) (events []string) {
	t.Helper()
	var m struct {
		Content []map[string]json.RawMessage `json:"content"`
		Reason  string                       `json:"stop_reason"`
		Usage   json.RawMessage              `json:"usage"`
	}
	require.NoError(t, json.Unmarshal([]byte(answer), &m))
	put := func(v any) {
		raw, err := json.Marshal(v)
		require.NoError(t, err)
		events = append(events, string(raw))
	}
	put(map[string]any{"type": "message_start", "message": map[string]any{"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-x", "content": []any{}, "usage": map[string]any{"input_tokens": 5, "output_tokens": 1, "cache_read_input_tokens": 2}}})
	put(map[string]any{"type": "ping"})
	for i, b := range m.Content {
		start := map[string]json.RawMessage{}
		for k, v := range b {
			start[k] = v
		}
		delta, key := map[string]string{`"text"`: "text_delta", `"thinking"`: "thinking_delta", `"tool_use"`: "input_json_delta", `"server_tool_use"`: "input_json_delta"}[string(b["type"])], ""
		whole := ""
		switch delta {
		case "text_delta", "thinking_delta":
			key = strings.TrimSuffix(delta, "_delta")
			require.NoError(t, json.Unmarshal(b[key], &whole))
			start[key] = json.RawMessage(`""`)
		case "input_json_delta":
			key, whole, start["input"] = "partial_json", string(b["input"]), json.RawMessage(`{}`)
		}
		delete(start, "citations")
		if b["signature"] != nil {
			start["signature"] = json.RawMessage(`""`)
		}
		put(map[string]any{"type": "content_block_start", "index": i, "content_block": start})
		for whole != "" && whole != "{}" {
			size := min(n, len(whole))
			put(map[string]any{"type": "content_block_delta", "index": i, "delta": map[string]any{"type": delta, key: whole[:size]}})
			whole = whole[size:]
		}
		if b["signature"] != nil {
			put(map[string]any{"type": "content_block_delta", "index": i, "delta": map[string]any{"type": "signature_delta", "signature": b["signature"]}})
		}
		var citations []json.RawMessage
		if b["citations"] != nil {
			require.NoError(t, json.Unmarshal(b["citations"], &citations))
		}
		for _, c := range citations {
			put(map[string]any{"type": "content_block_delta", "index": i, "delta": map[string]any{"type": "citations_delta", "citation": c}})
		}
		put(map[string]any{"type": "content_block_stop", "index": i})
	}
	put(map[string]any{"type": "message_delta", "delta": map[string]any{"stop_reason": m.Reason, "stop_sequence": nil}, "usage": m.Usage})
	put(map[string]any{"type": "something_new"})
	put(map[string]any{"type": "message_stop"})
	return events
}

// An answer in pieces is the whole answer, and goes back as it came.
func TestStreamIsWhole(t *testing.T) {
	const request = `{"messages":[{"role":"user","content":"hi"}]}`
	for name, content := range map[string]string{
		"text":                  `[{"type":"text","text":"Hello, world."}]`,
		"nothing":               `[]`,
		"thoughts":              `[{"type":"thinking","thinking":"let me see","signature":"c2ln"},{"type":"redacted_thinking","data":"eA=="},{"type":"text","text":"Yes."}]`,
		"calls":                 `[{"type":"text","text":"I look."},{"type":"tool_use","id":"toolu_1","name":"f","input":{"a":[1,"b"]}},{"type":"tool_use","id":"toolu_2","name":"g","input":{}}]`,
		"thoughts before calls": `[{"type":"thinking","thinking":"","signature":"c2ln"},{"type":"tool_use","id":"toolu_1","name":"f","input":{"a":1}}]`,
		"a server's tool": `[{"type":"text","text":"I search."},{"type":"server_tool_use","id":"srv_1","name":"web_search","input":{"query":"x"}},{"type":"web_search_tool_result","tool_use_id":"srv_1","content":[{"url":"u"}]},
			{"type":"text","text":"It is ","citations":[]},{"type":"text","text":"so","citations":[{"type":"web_search_result_location","url":"u"}]},{"type":"text","text":"."}]`,
	} {
		for _, size := range []int{1, 3, 1000} {
			t.Run(name, func(t *testing.T) {
				reason := "end_turn"
				if strings.Contains(content, `"tool_use"`) {
					reason = "tool_use"
				}
				answer := `{"id":"msg_1","type":"message","role":"assistant","model":"claude-x","content":` + content + `,"stop_reason":"` + reason + `","stop_sequence":null,"usage":{"input_tokens":5,"cache_read_input_tokens":2,"output_tokens":9}}`
				c := callFor(t, "claude-x", request)
				whole, err := New(wire.Options{}).Response([]byte(answer), c)
				require.NoError(t, err)
				streamed := gathered(t, c, cut(t, answer, size)...)
				require.Equal(t, plain(t, whole), plain(t, streamed))
				require.Equal(t, 7, whole.Usage.PromptTokens)
				require.Equal(t, 16, whole.Usage.TotalTokens)

				message, err := whole.Choices[0].Message.MarshalJSON()
				require.NoError(t, err)
				body, left, err := written(t, "claude-x", `{"messages":[{"role":"user","content":"hi"},`+string(message)+`]}`)
				require.NoError(t, err)
				require.Empty(t, left)
				var sent struct {
					Messages []struct {
						Content json.RawMessage `json:"content"`
					} `json:"messages"`
				}
				require.NoError(t, json.Unmarshal([]byte(body), &sent))
				if content == "[]" {
					return
				}
				require.JSONEq(t, strings.ReplaceAll(content, `,"citations":[]`, ""), string(sent.Messages[1].Content))
			})
		}
	}
}

// plain is a response as JSON without what time and place decide.
func plain(t *testing.T, r *llm.Response) string {
	t.Helper()
	r.Created, r.Object = 0, ""
	raw, err := r.MarshalJSON()
	require.NoError(t, err)
	var v map[string]any
	require.NoError(t, json.Unmarshal(raw, &v))
	for _, choice := range v["choices"].([]any) {
		if calls, ok := choice.(map[string]any)["message"].(map[string]any)["tool_calls"].([]any); ok {
			for _, call := range calls {
				delete(call.(map[string]any), "index")
			}
		}
		if m := choice.(map[string]any)["message"].(map[string]any); m["content"] == nil || m["content"] == "" {
			delete(m, "content") // null or absent: no text
		}
	}
	raw, err = json.Marshal(v)
	require.NoError(t, err)
	return string(raw)
}

// The tool that gives an answer its schema is no call: its input is the answer.
func TestSchemaTool(t *testing.T) {
	c := callFor(t, "claude-3-5-haiku", `{"messages":[{"role":"user","content":"hi"}],"response_format":{"type":"json_schema","json_schema":{"name":"a","schema":{}}}}`)
	const answer = `{"id":"m","type":"message","content":[{"type":"tool_use","id":"t","name":"a","input":{"x": 1}}],"stop_reason":"tool_use","usage":{"input_tokens":1,"output_tokens":1}}`
	whole, err := New(wire.Options{}).Response([]byte(answer), c)
	require.NoError(t, err)
	require.Equal(t, `{"x":1}`, whole.Text())
	require.Equal(t, "stop", whole.Choices[0].FinishReason)
	require.Empty(t, whole.Choices[0].Message.ToolCalls)
	require.JSONEq(t, `{"x":1}`, gathered(t, c, cut(t, answer, 2)...).Text())
}

// Stop reasons have OpenAI's words, and stay readable where it has none.
func TestReasons(t *testing.T) {
	for reason, finish := range map[string]string{"end_turn": "stop", "stop_sequence": "stop", "max_tokens": "length", "model_context_window_exceeded": "length",
		"tool_use": "tool_calls", "refusal": "content_filter", "pause_turn": "pause_turn"} {
		r, err := New(wire.Options{}).Response([]byte(`{"id":"m","type":"message","content":[{"type":"text","text":"a"}],"stop_reason":"`+reason+`"}`), callFor(t, "m", `{"messages":[{"role":"user","content":"hi"}]}`))
		require.NoError(t, err)
		require.Equal(t, finish, r.Choices[0].FinishReason)
		require.Nil(t, r.Usage, "unknown, not zero")
	}
}

// Whatever an event holds, it reads as a chunk that can be written, or not.
func FuzzAnswer(f *testing.F) {
	f.Add([]byte(`{"type":"message_start","message":{"id":1}}`), []byte(`{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"a"}}`))
	f.Add([]byte(`{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","input":[]}}`), []byte(`{"type":"content_block_stop"}`))
	f.Add([]byte(`{"type":"message","content":[{"type":"text","text":"\ud83d"},{"type":"x","y":1},null],"usage":{"input_tokens":1e300}}`), []byte(`{"type":"message_delta","delta":{"stop_reason":"x"},"usage":{"output_tokens":-1}}`))
	f.Fuzz(func(t *testing.T, first, second []byte) {
		p, err := llm.OwnRequest([]byte(`{`+hello+`}`), llm.CallOptions{})
		require.NoError(t, err)
		c := &wire.Call{Payload: p, Model: "m"}
		s := New(wire.Options{}).Stream(c)
		for _, data := range [][]byte{first, second, second, first} {
			chunk, err := s.Chunk("", data)
			if err != nil {
				require.Equal(t, llm.BadResponse, llm.CodeOfError(err))
				continue
			}
			if chunk != nil {
				written, err := chunk.MarshalJSON()
				require.NoError(t, err)
				require.True(t, json.Valid(written), "%s", written)
			}
		}
		if r, err := New(wire.Options{}).Response(first, c); err == nil {
			written, err := r.MarshalJSON()
			require.NoError(t, err)
			require.True(t, json.Valid(written), "%s", written)
		}
	})
}
