package openai

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/wire"
)

const hi = `"messages":[{"role":"user","content":"hi"}]`

// A request says the same to a vendor whose chat completions differ, and the
// attempt says what became of it.
func TestQuirks(t *testing.T) {
	const schema = `"response_format":{"type":"json_schema","json_schema":{"name":"a","schema":{"type":"object"}}}`
	prompt := strings.ReplaceAll(wire.JSONPrompt(&llm.JSONSchema{Schema: []byte(`{"type":"object"}`)}), "\n", `\n`)
	prompt = strings.ReplaceAll(prompt, `"`, `\"`)
	for _, c := range []struct {
		name    string
		quirks  wire.Quirks
		request string
		body    string // without model and stream
		adapted []string
	}{
		{"nothing of it", wire.Quirks{Lacks: []string{"seed"}, OnlyMaxTokens: true, Effort: wire.EffortSwitch, Schema: wire.ByJSONMode, EveryThought: `""`},
			`{` + hi + `,"temperature":1.50,"x":{"a": 1}}`, `{` + hi + `,"temperature":1.50,"x":{"a": 1}}`, nil},
		{"left out", wire.Quirks{Lacks: []string{"seed", "logit_bias"}}, `{` + hi + `,"seed":1,"logit_bias":null}`, `{` + hi + `}`, []string{"seed: left out"}},
		{"the limit", wire.Quirks{OnlyMaxTokens: true}, `{` + hi + `,"max_completion_tokens":7}`, `{` + hi + `,"max_tokens":7}`, nil},
		{"an effort beside a switch", wire.Quirks{Effort: wire.EffortSwitched}, `{` + hi + `,"reasoning_effort":"high"}`, `{` + hi + `,"reasoning_effort":"high","thinking":{"type":"enabled"}}`, nil},
		{"no effort", wire.Quirks{Effort: wire.EffortSwitched}, `{` + hi + `,"reasoning_effort":"none"}`, `{` + hi + `,"thinking":{"type":"disabled"}}`, nil},
		{"a switch", wire.Quirks{Effort: wire.EffortSwitch}, `{` + hi + `,"reasoning_effort":"low"}`, `{` + hi + `,"thinking":{"type":"enabled"}}`, []string{"reasoning_effort: enabled, of no degree"}},
		{"a budget", wire.Quirks{Effort: wire.EffortBudget}, `{` + hi + `,"reasoning_effort":"medium"}`, `{` + hi + `,"enable_thinking":true,"thinking_budget":4096}`, nil},
		{"no budget", wire.Quirks{Effort: wire.EffortBudget}, `{` + hi + `,"reasoning_effort":"none"}`, `{` + hi + `,"enable_thinking":false}`, nil},
		{"an effort beside the request's own switch", wire.Quirks{Effort: wire.EffortSwitch}, `{` + hi + `,"reasoning_effort":"low","thinking":{"type":"disabled"}}`, `{` + hi + `,"thinking":{"type":"disabled"}}`, []string{"reasoning_effort: left out"}},
		{"an effort beside the request's own budget", wire.Quirks{Effort: wire.EffortBudget}, `{` + hi + `,"reasoning_effort":"low","thinking_budget":5}`, `{` + hi + `,"enable_thinking":true,"thinking_budget":5}`, []string{"reasoning_effort: left out"}},
		{"an effort beside the request's own choice", wire.Quirks{Effort: wire.EffortBudget}, `{` + hi + `,"reasoning_effort":"low","enable_thinking":false}`, `{` + hi + `,"enable_thinking":false}`, []string{"reasoning_effort: left out"}},
		{"a schema", wire.Quirks{Schema: wire.ByJSONMode}, `{` + hi + `,` + schema + `}`,
			`{"messages":[{"role":"system","content":"` + prompt + `"},{"role":"user","content":"hi"}],"response_format":{"type":"json_object"}}`, []string{"response_format: JSON mode with the schema in the prompt"}},
		{"a schema behind instructions", wire.Quirks{Schema: wire.ByPrompt}, `{"messages":[{"role":"system","content":"Be short."},{"role":"user","content":"hi"}],` + schema + `}`,
			`{"messages":[{"role":"system","content":"Be short.\n\n` + prompt + `"},{"role":"user","content":"hi"}]}`, []string{"response_format: in the prompt"}},
		{"another vendor's calls", wire.Quirks{EveryThought: `""`}, `{"messages":[{"role":"user","content":"hi"},{"role":"assistant","content":"a"},{"role":"assistant","content":null,"tool_calls":[{"id":"1","type":"function","function":{"name":"f","arguments":"{}"}}]},{"role":"tool","tool_call_id":"1","content":"x"},{"role":"assistant","content":"b","reasoning_content":"own"}]}`,
			`{"messages":[{"role":"user","content":"hi"},{"role":"assistant","content":"a","reasoning_content":""},{"role":"assistant","content":null,"reasoning_content":"","tool_calls":[{"id":"1","type":"function","function":{"name":"f","arguments":"{}"}}]},{"role":"tool","tool_call_id":"1","content":"x"},{"role":"assistant","content":"b","reasoning_content":"own"}]}`, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, err := llm.OwnRequest([]byte(c.request), llm.CallOptions{})
			require.NoError(t, err)
			call := &wire.Call{Payload: p, Model: "m"}
			body, err := New(wire.Options{Quirks: &c.quirks}).Body(nil, call)
			require.NoError(t, err)
			require.JSONEq(t, `{"model":"m","stream":false,`+c.body[1:], string(body))
			require.Equal(t, c.adapted, call.Adapted)
		})
	}
}

// What the vendor lacks and the answer's shape depends on sends the call on.
func TestQuirksOfShape(t *testing.T) {
	p, err := llm.OwnRequest([]byte(`{`+hi+`,"n":2}`), llm.CallOptions{})
	require.NoError(t, err)
	_, err = New(wire.Options{Owner: "deepseek", Quirks: &wire.Quirks{Shape: wire.Choices}}).Body(nil, &wire.Call{Payload: p, Model: "m"})
	require.Equal(t, llm.Unsupported, llm.CodeOfError(err))
	require.ErrorContains(t, err, `"n" is 2; deepseek gives one answer`)
}
