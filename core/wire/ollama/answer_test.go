package ollama

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/wire"
)

const at = `"model":"llama3.2","created_at":"2026-01-02T03:04:05.5Z"`

func whole(t *testing.T, data string) *llm.Response {
	t.Helper()
	r, err := New(wire.Options{}).Response([]byte(data), &wire.Call{Model: "m"})
	require.NoError(t, err)
	return r
}

// gathered is what the lines of a stream come to.
func gathered(t *testing.T, lines ...string) *llm.Response {
	t.Helper()
	var all llm.Accumulator
	s := New(wire.Options{}).Stream(&wire.Call{Model: "m"})
	for i, line := range lines {
		require.False(t, s.Complete(), i)
		chunk, err := s.Chunk("", []byte(line))
		require.NoError(t, err, line)
		if chunk != nil {
			all.Add(chunk)
		}
	}
	require.True(t, s.(*stream).finished)
	return all.Response()
}

func TestAnswer(t *testing.T) {
	r := whole(t, `{`+at+`,"message":{"role":"assistant","content":"sun","thinking":"hm"},"done":true,"done_reason":"length","prompt_eval_count":5,"eval_count":7,"total_duration":99}`)
	require.Equal(t, "sun", r.Text())
	require.Equal(t, "hm", r.Choices[0].Message.ReasoningContent)
	require.Equal(t, "length", r.Choices[0].FinishReason)
	require.EqualValues(t, 1767323045, r.Created)
	require.JSONEq(t, `{"prompt_tokens":5,"completion_tokens":7,"total_tokens":12}`, mustJSON(t, r.Usage))
	require.Equal(t, llm.Extra{"total_duration": json.RawMessage("99")}, r.Extra)

	r = whole(t, `{`+at+`,"message":{"role":"assistant","content":"","tool_calls":[{"function":{"name":"look","arguments":{"a": [1]}}},{"id":"own","function":{"name":"see","arguments":{}}}]},"done":true,"done_reason":"stop","eval_count":7}`)
	require.Equal(t, "tool_calls", r.Choices[0].FinishReason)
	calls := r.Choices[0].Message.ToolCalls
	require.Equal(t, `{"a":[1]}`, calls[0].Function.Arguments)
	require.NotEmpty(t, calls[0].ID)
	require.Equal(t, "own", calls[1].ID)
	prompt, completion, _ := r.Usage.Counts()
	require.False(t, prompt, "a prompt that was cached has no count: unknown, not 0")
	require.True(t, completion)

	for _, bad := range []string{`{`, `{"error":"no"}`, `{"done":true}`, `{"message":{"content":"a"},"done":false}`, `[]`} {
		_, err := New(wire.Options{}).Response([]byte(bad), &wire.Call{})
		require.Equal(t, llm.BadResponse, llm.CodeOfError(err), bad)
	}
}

// A stream of any pieces means what the whole answer means.
func TestWholeEqualsPieces(t *testing.T) {
	const text, thoughts, end = "one two three", "let me see", `"done":true,"done_reason":"stop","prompt_eval_count":5,"eval_count":7,"load_duration":3}`
	const calls = `[{"function":{"name":"look","arguments":{"a":[1,"b"]}}},{"function":{"name":"see","arguments":{}}}]`
	want := whole(t, `{`+at+`,"message":{"role":"assistant","content":"`+text+`","thinking":"`+thoughts+`","tool_calls":`+calls+`},`+end)
	for n := 1; n <= len(text); n++ {
		var lines []string
		pieces := func(key, whole string) {
			for whole != "" {
				size := min(n, len(whole))
				lines = append(lines, fmt.Sprintf(`{%s,"message":{"role":"assistant","content":"",%q:%q},"done":false}`, at, key, whole[:size]))
				whole = whole[size:]
			}
		}
		pieces("thinking", thoughts)
		pieces("content", text)
		lines = append(lines, `{`+at+`,"message":{"role":"assistant","content":"","tool_calls":`+calls+`},"done":false}`, `{`+at+`,"message":{"role":"assistant","content":""},`+end)
		got := gathered(t, lines...)
		got.Object, got.ID = want.Object, want.ID
		for i := range got.Choices[0].Message.ToolCalls { // of their own, also where the time is the same
			require.NotEqual(t, want.Choices[0].Message.ToolCalls[i].ID, got.Choices[0].Message.ToolCalls[i].ID)
			got.Choices[0].Message.ToolCalls[i].ID = want.Choices[0].Message.ToolCalls[i].ID
		}
		require.JSONEq(t, mustJSON(t, want), mustJSON(t, got), n)
	}
}

func TestLines(t *testing.T) {
	s := New(wire.Options{}).Stream(&wire.Call{Model: "m"})
	for _, bad := range []string{`{"error":"boom"}`, `{`, `{"message":3}`} {
		_, err := s.Chunk("", []byte(bad))
		require.Equal(t, llm.BadResponse, llm.CodeOfError(err), bad)
	}
	require.False(t, s.Complete())
	c, err := s.Chunk("", []byte(`{"message":{"role":"assistant","content":"a"},"logprobs":[{"token":"a","logprob":-1}],"done":false}`))
	require.NoError(t, err)
	require.Equal(t, "m", c.Model)
	require.Equal(t, llm.RoleAssistant, c.Choices[0].Delta.Role)
	require.JSONEq(t, `{"content":[{"token":"a","logprob":-1}]}`, string(c.Choices[0].Logprobs))
	c, err = s.Chunk("", []byte(`{"done":true,"done_reason":"unload"}`))
	require.NoError(t, err)
	require.Equal(t, "unload", c.Choices[0].FinishReason)
	require.False(t, s.Complete(), "more may come")
	_, err = s.Chunk("", []byte(`[DONE]`))
	require.NoError(t, err)
	require.True(t, s.Complete())
}

// Whatever a line holds, it reads as a chunk that can be written, or not.
func FuzzAnswer(f *testing.F) {
	f.Add([]byte(`{` + at + `,"message":{"role":"assistant","content":"a","thinking":"b","tool_calls":[{"function":{"name":"f","arguments":"{\"a\":1}"}}]},"done":true,"eval_count":1e300}`))
	f.Add([]byte(`{"message":{"content":"\ud83d"},"created_at":"x","done_reason":"load","logprobs":[1,null]}`))
	f.Add([]byte(`{"done":true,"done_reason":"stop","prompt_eval_count":null,"total_duration":[{}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		s := New(wire.Options{}).Stream(&wire.Call{Model: "m"})
		for range 2 {
			c, err := s.Chunk("", data)
			if err != nil {
				require.Equal(t, llm.BadResponse, llm.CodeOfError(err))
				return
			}
			if c == nil {
				continue
			}
			require.True(t, json.Valid([]byte(mustJSON(t, c))))
		}
		if r, err := New(wire.Options{}).Response(data, &wire.Call{}); err == nil {
			require.True(t, json.Valid([]byte(mustJSON(t, r))))
		}
	})
}

func mustJSON(t *testing.T, v json.Marshaler) string {
	t.Helper()
	raw, err := v.MarshalJSON()
	require.NoError(t, err)
	return string(raw)
}
