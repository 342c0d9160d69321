package failure

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/tests/lineartime"
	"github.com/stretchr/testify/require"
)

// What is no failure, however much it looks like one.
func TestAnswersAreNoFailures(t *testing.T) {
	const choice = `"choices":[{"index":0,"delta":{"content":"a"}}]`
	for name, body := range map[string]string{
		"a chunk":                    `{` + choice + `}`,
		"a chunk with a message":     `{` + choice + `,"message":"welcome","code":"x","msg":"y","detail":"z"}`,
		"a chunk with a status":      `{` + choice + `,"status":"error","success":false}`,
		"Spark's chunk":              `{"code":0,"message":"Success","sid":"cht",` + choice + `}`,
		"Hunyuan's chunk":            `{"note":"made by a machine",` + choice + `}`,
		"MiniMax's chunk":            `{` + choice + `,"base_resp":{"status_code":0,"status_msg":""}}`,
		"MiniMax's end":              `{"choices":null,"base_resp":{"status_code":0,"status_msg":"success"}}`,
		"an error null":              `{` + choice + `,"error":null}`,
		"an error with empty fields": `{` + choice + `,"error":{"message":"","type":"","param":"","code":null}}`,
		"an error that says 0":       `{` + choice + `,"error":{"code":0,"message":"success"}}`,
		"an error code 0":            `{` + choice + `,"error_code":0,"error_msg":""}`,
		"errors, an empty list":      `{` + choice + `,"errors":[]}`,
		"Gemini":                     `{"candidates":[{"content":{"parts":[{"text":"a"}]}}],"message":"x"}`,
		"usage alone":                `{"id":"c","object":"chat.completion.chunk","choices":[],"usage":{"total_tokens":1}}`,
		"Hunyuan's usage":            `{"choices":[],"note":"made by a machine","usage":{"total_tokens":1}}`,
		"Azure's prompt filter":      `{"choices":[],"created":0,"id":"","model":"","object":"","prompt_filter_results":[{"prompt_index":0,"content_filter_results":{"hate":{"filtered":false,"severity":"safe"}}}]}`,
		"Ollama's own format":        `{"model":"m","message":{"role":"assistant","content":"a"},"done":false}`,
		"Anthropic's own format":     `{"type":"message_start","message":{"id":"m","type":"message","role":"assistant","content":[]}}`,
		"a ping":                     `{"type":"ping"}`,
		"a state":                    `{"status":"processing","message":"in line"}`,
		"a success":                  `{"success":true,"message":"ok"}`,
		"code 200":                   `{"code":200,"msg":"ok"}`,
		"code 0 as a text":           `{"code":"0","message":"fine"}`,
		"Tencent's answer":           `{"Response":{"RequestId":"r","Note":"x"}}`,
		"an empty object":            `{}`,
		"an unknown object":          `{"oops":1}`,
		"a number":                   `1`,
		"null":                       `null`,
		"words":                      `queue is full`,
		"a page":                     `<html>queue is full</html>`,
		"nothing":                    ``,
		"cut JSON":                   `{"error":{"message":"queue`,
	} {
		t.Run(name, func(t *testing.T) { require.Nil(t, Of([]byte(body))) })
	}
}

// A choice is an answer or a failure by its reason, by its own error, and by
// what it brought (E1).
func TestChoicesAreJudged(t *testing.T) {
	const never = "\x00"
	for _, c := range []struct {
		reason      string
		empty, full llm.Code
	}{
		{"stop", llm.OK, llm.OK}, {"STOP", llm.OK, llm.OK}, {"end_turn", llm.OK, llm.OK}, {"eos", llm.OK, llm.OK}, {"COMPLETE", llm.OK, llm.OK}, {"stop_sequence", llm.OK, llm.OK},
		{"length", llm.OK, llm.OK}, {"max_tokens", llm.OK, llm.OK}, {"MAX_TOKENS", llm.OK, llm.OK}, {"model_context_window_exceeded", llm.OK, llm.OK},
		{"tool_calls", llm.OK, llm.OK}, {"tool_use", llm.OK, llm.OK}, {"function_call", llm.OK, llm.OK},
		{"content_filter", llm.OK, llm.OK}, {"SAFETY", llm.OK, llm.OK}, {"sensitive", llm.OK, llm.OK}, {"refusal", llm.OK, llm.OK}, {"guardrail_intervened", llm.OK, llm.OK}, {"PROHIBITED_CONTENT", llm.OK, llm.OK},
		{"error", llm.Unavailable, llm.Unavailable}, {"ERROR", llm.Unavailable, llm.Unavailable}, {"network_error", llm.Unavailable, llm.Unavailable}, {"insufficient_system_resource", llm.Unavailable, llm.Unavailable},
		{"abort", llm.Unavailable, llm.Unavailable}, {"upstream_error", llm.Unavailable, llm.Unavailable},
		{"MALFORMED_FUNCTION_CALL", llm.BadResponse, llm.BadResponse}, {"UNEXPECTED_TOOL_CALL", llm.BadResponse, llm.BadResponse}, {"malformed_tool_use", llm.BadResponse, llm.BadResponse},
		{"MALFORMED_SOMETHING_NEW", llm.BadResponse, llm.BadResponse},
		{"function_call_filter: MALFORMED_FUNCTION_CALL", llm.BadResponse, llm.BadResponse}, {"content_filter: PROHIBITED_CONTENT", llm.OK, llm.OK},
		{"OTHER", llm.BadResponse, llm.OK}, {"LANGUAGE", llm.BadResponse, llm.OK}, {"whatever is new", llm.BadResponse, llm.OK}, {"repetition", llm.BadResponse, llm.OK},
		{"", llm.BadResponse, llm.OK}, {"null", llm.BadResponse, llm.OK}, {"none", llm.BadResponse, llm.OK}, {"FINISH_REASON_UNSPECIFIED", llm.BadResponse, llm.OK},
		{"bad\n" + never + "word", llm.BadResponse, llm.OK},
	} {
		t.Run(c.reason, func(t *testing.T) {
			for empty, want := range map[bool]llm.Code{true: c.empty, false: c.full} {
				e := judgeChoice(c.reason, empty, nil)
				if want == llm.OK {
					require.Nil(t, e, "empty: %v", empty)
					continue
				}
				require.NotNil(t, e, "empty: %v", empty)
				require.Equal(t, want, e.Code)
				require.NotContains(t, e.Message+e.ProviderCode, never)
			}
		})
	}
	for _, raw := range []string{``, `null`, `{}`, `""`, `false`, `{"code":0,"message":""}`} {
		require.Nil(t, judgeChoice("stop", false, json.RawMessage(raw)), raw)
	}
	e := judgeChoice("stop", false, json.RawMessage(`{"code":429,"message":"slow down"}`))
	require.Equal(t, llm.RateLimit, e.Code)
	require.Contains(t, e.Message, "slow down")
	native := llm.Extra{"native_finish_reason": json.RawMessage(`"MALFORMED_FUNCTION_CALL"`)}
	require.Equal(t, llm.BadResponse, OfFinish("stop", true, native).Code, "the server behind a gateway knows better")
	require.Nil(t, OfFinish("stop", false, native))
	said := llm.Extra{"error": json.RawMessage(`{"code":503,"message":"gone"}`)}
	require.Equal(t, llm.Unavailable, OfMessage(&llm.Message{Extra: said}).Code)
	require.Nil(t, OfMessage(&llm.Message{Content: "a", Extra: said}))
	e = OfFinish("MALFORMED_FUNCTION_CALL", true, llm.Extra{"finishMessage": json.RawMessage(`"no such\u0000 call"`)})
	require.Contains(t, e.Message, "no such\uFFFD call")
}

// Whatever comes, the judge ends, keeps its message short and readable, and
// finds the same again in what it kept.
func FuzzJudgeBody(f *testing.F) {
	for _, seed := range []string{`{"error":{"message":"m","code":429}}`, `{"detail":[{"loc":["a",1],"msg":"m"}]}`, `{"base_resp":{"status_code":1008}}`, `[{"error":"x"}]`,
		`{"message":"{\"error\":\"x\"}"}`, `{"error":{"metadata":{"raw":"{}"}}}`, `{"Response":{"Error":{"Code":"a"}}}`, `{"choices":[{}],"error":1}`, "{\"error\":\"\\u202e\\u0000\"}"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		e := Of(data)
		if e == nil {
			return
		}
		require.NotEqual(t, llm.OK, e.Code)
		require.NotEmpty(t, e.Message)
		for _, text := range []string{e.Message, e.ProviderMessage, e.Type, e.ProviderCode, e.RequestID} {
			require.LessOrEqual(t, len(text), MaxMessage+len("…"))
			require.Equal(t, text, OneLine(text))
		}
	})
}

// The judge reads each byte of what a server sends a bounded number of times.
func TestTheJudgeIsLinear(t *testing.T) {
	for name, make := range map[string]func(n int) string{
		"deep":              func(n int) string { return strings.Repeat(`{"error":`, n) + `"x"` + strings.Repeat("}", n) },
		"deep lists":        func(n int) string { return strings.Repeat(`[`, 4*n) + strings.Repeat("]", 4*n) },
		"many fields":       func(n int) string { return `{"error":{` + strings.Repeat(`"a":"",`, n) + `"message":"x"}}` },
		"many errors":       func(n int) string { return `{"errors":[` + strings.Repeat(`{"message":""},`, n) + `{"message":"x"}]}` },
		"long message":      func(n int) string { return `{"message":"` + strings.Repeat(`\u202e `, n) + `"}` },
		"JSON in JSON":      func(n int) string { return `{"message":"{` + strings.Repeat(`\"a\":1,`, n) + `\"message\":\"x\"}"}` },
		"slashes":           func(n int) string { return `{"message":"` + strings.Repeat(`\\`, 4*n) + `"}` },
		"percents":          func(n int) string { return `{"message":"` + strings.Repeat(`%4`, 4*n) + `"}` },
		"detail and fields": func(n int) string { return `{"detail":[` + strings.Repeat(`{"loc":["a"],"msg":"m"},`, n) + `{}]}` },
	} {
		t.Run(name, func(t *testing.T) {
			lineartime.Check(t, 64_000, func(n int) func() {
				data := []byte(make(n))
				return func() {
					if e := Of(data); e != nil {
						Mask(e, []string{"sk-secret-key", strings.Repeat("s", 60)})
					}
				}
			})
		})
	}
}
