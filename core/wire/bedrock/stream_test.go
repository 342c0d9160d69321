package bedrock

import (
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
func streamed(t testing.TB, request string, events ...sent) (*llm.Response, bool) {
	t.Helper()
	p, err := llm.ParsePayload([]byte(request))
	require.NoError(t, err)
	s := New(wire.Options{}).Stream(&wire.Call{Payload: p, Model: "m"})
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

func whole(t testing.TB, request, answer string) *llm.Response {
	t.Helper()
	p, err := llm.ParsePayload([]byte(request))
	require.NoError(t, err)
	r, err := New(wire.Options{}).Response([]byte(answer), &wire.Call{Payload: p, Model: "m"})
	require.NoError(t, err)
	return r
}

// What a stream says in pieces is what a whole answer says at once.
func TestWholeEqualsPieces(t *testing.T) {
	const schema = `{` + hello + `,"response_format":{"type":"json_schema","json_schema":{"name":"s","schema":{}}}}`
	for _, c := range []struct {
		name, request, content, reason string
		events                         []sent
	}{
		{"text", `{` + hello + `}`, `{"text":"one two"}`, "end_turn", []sent{{"contentBlockDelta", `{"contentBlockIndex":0,"delta":{"text":"one"},"p":"abc"}`}, {"contentBlockDelta", `{"contentBlockIndex":0,"delta":{"text":" two"}}`}, {"contentBlockStop", `{"contentBlockIndex":0}`}}},
		{"thoughts, text and calls", `{` + hello + `}`,
			`{"reasoningContent":{"reasoningText":{"signature":"c2ln","text":"hm so"}}},{"reasoningContent":{"redactedContent":"eA=="}},{"text":"a"},{"toolUse":{"toolUseId":"t1","name":"f","input":{"a":1}}},{"toolUse":{"toolUseId":"t2","name":"g","input":{}}}`, "tool_use",
			[]sent{{"contentBlockDelta", `{"contentBlockIndex":0,"delta":{"reasoningContent":{"text":"hm"}}}`}, {"contentBlockDelta", `{"contentBlockIndex":0,"delta":{"reasoningContent":{"text":" so"}}}`},
				{"contentBlockDelta", `{"contentBlockIndex":0,"delta":{"reasoningContent":{"signature":"c2ln"}}}`}, {"contentBlockStop", `{"contentBlockIndex":0}`},
				{"contentBlockDelta", `{"contentBlockIndex":1,"delta":{"reasoningContent":{"redactedContent":"eA=="}}}`}, {"contentBlockStop", `{"contentBlockIndex":1}`},
				{"contentBlockDelta", `{"contentBlockIndex":2,"delta":{"text":"a"}}`}, {"contentBlockStop", `{"contentBlockIndex":2}`},
				{"contentBlockStart", `{"contentBlockIndex":3,"start":{"toolUse":{"toolUseId":"t1","name":"f"}}}`}, {"contentBlockDelta", `{"contentBlockIndex":3,"delta":{"toolUse":{"input":"{\"a\""}}}`}, {"contentBlockDelta", `{"contentBlockIndex":3,"delta":{"toolUse":{"input":":1}"}}}`}, {"contentBlockStop", `{"contentBlockIndex":3}`},
				{"contentBlockStart", `{"contentBlockIndex":4,"start":{"toolUse":{"toolUseId":"t2","name":"g"}}}`}, {"contentBlockStop", `{"contentBlockIndex":4}`}}},
		{"citations", `{` + hello + `}`, `{"citationsContent":{"content":[{"text":"so"}],"citations":[{"title":"x"}]}}`, "end_turn",
			[]sent{{"contentBlockDelta", `{"contentBlockIndex":0,"delta":{"text":"so"}}`}, {"contentBlockDelta", `{"contentBlockIndex":0,"delta":{"citation":{"title":"x"}}}`}, {"contentBlockStop", `{"contentBlockIndex":0}`}}},
		{"a schema by a tool", schema, `{"toolUse":{"toolUseId":"t","name":"s","input":{"a":1}}}`, "tool_use",
			[]sent{{"contentBlockStart", `{"contentBlockIndex":0,"start":{"toolUse":{"toolUseId":"t","name":"s"}}}`}, {"contentBlockDelta", `{"contentBlockIndex":0,"delta":{"toolUse":{"input":"{\"a\":1}"}}}`}, {"contentBlockStop", `{"contentBlockIndex":0}`}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			const usage = `{"inputTokens":3,"outputTokens":2,"totalTokens":9,"cacheReadInputTokens":4}`
			want := whole(t, c.request, fmt.Sprintf(`{"output":{"message":{"role":"assistant","content":[%s]}},"stopReason":%q,"usage":%s,"metrics":{"latencyMs":1}}`, c.content, c.reason, usage))
			events := append([]sent{{"messageStart", `{"role":"assistant"}`}}, c.events...)
			got, complete := streamed(t, c.request, append(events, sent{"messageStop", fmt.Sprintf(`{"stopReason":%q}`, c.reason)}, sent{"metadata", `{"usage":` + usage + `,"metrics":{"latencyMs":1}}`})...)
			require.True(t, complete)
			want.Created, got.Created = 0, 0
			a, err := json.Marshal(want)
			require.NoError(t, err)
			b, err := json.Marshal(got)
			require.NoError(t, err)
			require.JSONEq(t, string(a), string(b))
			require.Equal(t, 7, got.Usage.PromptTokens)
		})
	}
}

// A stream is complete with its metadata and not before.
func TestOnlyMetadataCompletes(t *testing.T) {
	_, complete := streamed(t, `{`+hello+`}`, sent{"messageStart", `{}`}, sent{"contentBlockDelta", `{"delta":{"text":"a"}}`}, sent{"messageStop", `{"stopReason":"end_turn"}`})
	require.False(t, complete)
}

func TestFinishReasons(t *testing.T) {
	for from, to := range map[string]string{"end_turn": "stop", "stop_sequence": "stop", "max_tokens": "length", "model_context_window_exceeded": "length", "tool_use": "tool_calls",
		"guardrail_intervened": "content_filter", "content_filtered": "content_filter", "malformed_model_output": "malformed_model_output"} {
		r := whole(t, `{`+hello+`}`, `{"output":{"message":{"content":[{"text":"a"}]}},"stopReason":"`+from+`"}`)
		require.Equal(t, to, r.Choices[0].FinishReason, from)
		require.Nil(t, r.Usage)
	}
}

// No bytes make the readers of answers fail otherwise than by an error.
func FuzzAnswer(f *testing.F) {
	f.Add("contentBlockDelta", []byte(`{"contentBlockIndex":1,"delta":{"toolUse":{"input":"{"}}}`))
	f.Add("", []byte(`{"output":{"message":{"content":[{"text":"a"},{"toolUse":{"toolUseId":"t","name":"n","input":{}}}]}},"stopReason":"tool_use","usage":{"inputTokens":1}}`))
	f.Fuzz(func(t *testing.T, kind string, data []byte) {
		p, err := llm.ParsePayload([]byte(`{` + hello + `}`))
		require.NoError(t, err)
		c := &wire.Call{Payload: p, Model: "m"}
		format := New(wire.Options{})
		if r, err := format.Response(data, c); err == nil {
			_, err := json.Marshal(r)
			require.NoError(t, err)
		}
		s := format.Stream(c)
		var acc llm.Accumulator
		for _, kind := range []string{"messageStart", "contentBlockStart", kind, "contentBlockStop", "messageStop", "metadata"} {
			if chunk, err := s.Chunk(kind, data); err == nil && chunk != nil {
				acc.Add(chunk)
			}
		}
		_, err = json.Marshal(acc.Response())
		require.NoError(t, err)
	})
}
