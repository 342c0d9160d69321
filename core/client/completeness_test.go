package client_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/llmagg/llmagg/core/config"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/stretchr/testify/require"
)

// S1: however the bytes of an event stream come, the text is the same.
func TestStreamsAreDecodedHoweverTheyCome(t *testing.T) {
	const text = `"text":"héllo 🌍 wörld"`
	for name, step := range map[string]string{
		"plain":               `{` + text + `}`,
		"LF byte by byte":     `{` + text + `,"split_bytes":1}`,
		"CRLF byte by byte":   `{` + text + `,"newline":"crlf","split_bytes":1}`,
		"CR":                  `{` + text + `,"newline":"cr"}`,
		"BOM":                 `{` + text + `,"bom":true}`,
		"several data lines":  `{` + text + `,"multi_line":true}`,
		"no space":            `{` + text + `,"no_space":true}`,
		"gzip":                `{` + text + `,"gzip":true}`,
		"events at once":      `{` + text + `,"flush_every":100}`,
		"framed by close":     `{` + text + `,"framing":"close"}`,
		"comments":            `{"events":[{"comment":"keep-alive"},{"text":"héllo "},{"comment":""},{"text":"🌍 wörld"},{"finish_reason":"stop"}],"done":true}`,
		"unknown fields":      `{"events":[{"raw":"foo: bar\nretry: 5\nid: 7\n\n"},{"text":"héllo 🌍 wörld","finish_reason":"stop"}],"done":true}`,
		"no last blank line":  `{"events":[{"text":"héllo 🌍 wörld"},{"raw":"data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}"}]}`,
		"DONE without line":   `{"events":[{"text":"héllo 🌍 wörld"},{"raw":"data: [DONE]"}]}`,
		"type not trusted":    `{` + text + `,"headers":{"content-type":"text/plain"}}`,
		"type left out":       `{` + text + `,"headers":{"content-type":null}}`,
		"one completion (T2)": `{"body":{"id":"x","choices":[{"index":0,"message":{"role":"assistant","content":"héllo 🌍 wörld"},"finish_reason":"stop"}]}}`,
		"the same after BOM":  `{"body":"\ufeff\n {\"choices\":[{\"message\":{\"content\":\"héllo 🌍 wörld\"},\"finish_reason\":\"stop\"}]}"}`,
		"null finish reasons": `{"events":[{"data":{"choices":[{"index":0,"delta":{"role":null,"content":"héllo 🌍 wörld"},"finish_reason":null}],"usage":null}},{"data":{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}}]}`,
		"ids that change":     `{"events":[{"data":{"id":"1","choices":[{"index":0,"delta":{"role":"assistant","content":"héllo "}}]}},{"data":{"id":"2","choices":[{"index":0,"delta":{"role":"assistant","content":"🌍 wörld"},"finish_reason":"stop"}]}}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			s, err := route(t, wallWith(t, "["+step+"]"), nil).Stream(t.Context(), ask())
			require.NoError(t, err)
			r, err := s.Collect()
			require.NoError(t, err)
			require.Equal(t, "héllo 🌍 wörld", r.Text())
			require.Len(t, r.Attempts, 1)
			require.Equal(t, llm.RoleAssistant, r.Choices[0].Message.Role)
		})
	}
}

// S2: what is complete, and what only looks like it.
func TestWhatCountsAsComplete(t *testing.T) {
	for name, c := range map[string]struct {
		step string
		says string // "" : complete
	}{
		"finish and DONE":             {`{"text":"a b"}`, ""},
		"finish, no DONE":             {`{"text":"a b","done":false}`, ""},
		"DONE, no finish":             {`{"text":"a b","no_finish":true}`, ""},
		"neither":                     {`{"text":"a b","no_finish":true,"done":false}`, "without [DONE] and without a finish_reason"},
		"DONE in blanks":              {`{"events":[{"text":"a b"},{"raw":"data:  [DONE] \n\n"}]}`, ""},
		"reset after the finish":      {`{"events":[{"text":"a b"},{"finish_reason":"stop"},{"text":"more"}],"cut":{"how":"reset","after_events":2},"delay_event_s":0.02}`, "the connection broke after"},
		"closed after the finish":     {`{"events":[{"text":"a b"},{"finish_reason":"stop"},{"text":"more"}],"cut":{"how":"close","after_events":2}}`, "the connection broke after"},
		"ended after the finish":      {`{"events":[{"text":"a b"},{"finish_reason":"stop"},{"text":"more"}],"cut":{"how":"clean","after_events":2}}`, ""},
		"reset before the finish":     {`{"text":"a b c d","cut":{"how":"reset","after_events":3}}`, "the connection broke after"},
		"closed before the finish":    {`{"text":"a b c d","cut":{"how":"close","after_events":3}}`, "the connection broke after"},
		"an error event":              {`{"events":[{"text":"a"},{"event":"error","data":{"message":"overloaded"}}]}`, "error inside the stream: overloaded"},
		"an error object":             {`{"events":[{"text":"a"},{"data":{"error":{"message":"oops","code":502}}}]}`, "error inside the stream: oops"},
		"an error as text":            {`{"events":[{"text":"a"},{"data":{"error":"oops"}}]}`, "error inside the stream: oops"},
		"an error beside a finish":    {`{"events":[{"text":"a"},{"data":{"error":{"message":"oops","code":502},"choices":[{"index":0,"delta":{"content":""},"finish_reason":"error"}]}}]}`, "error inside the stream: oops"},
		"an error that is null":       {`{"events":[{"data":{"error":null,"choices":[{"index":0,"delta":{"content":"a b"},"finish_reason":"stop"}]}}]}`, ""},
		"an error that is empty":      {`{"events":[{"data":{"error":"","choices":[{"index":0,"delta":{"content":"a b"},"finish_reason":"stop"}]}}]}`, ""},
		"the word error in the text":  {`{"events":[{"text":"{\"error\": 1} b","finish_reason":"stop"}]}`, ""},
		"first choice not finished":   {`{"events":[{"text":"a"},{"text":"x","choice":1},{"finish_reason":"stop","choice":1}]}`, "without a finish_reason"},
		"no choice finished of a two": {`{"events":[{"text":"a"},{"text":"x","choice":1}]}`, "without a finish_reason"},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := route(t, wallWith(t, "["+c.step+"]"), nil).Stream(t.Context(), ask())
			require.NoError(t, err)
			r, err := s.Collect()
			if c.says == "" {
				require.NoError(t, err)
				require.NotEmpty(t, r.Text())
				return
			}
			e := llm.AsError(err)
			require.Equal(t, llm.StreamInterrupted, e.Code, "%v", err)
			require.ErrorContains(t, err, c.says)
			require.True(t, strings.HasPrefix(e.Partial, "a"), e.Partial)
		})
	}
}

// A stream that ended too early says what was missing, in its format's words,
// also where a gateway has added a [DONE] that ends nothing there.
func TestWhatAnEndLacksHasTheFormatsName(t *testing.T) {
	delta := `{"data":{"type":"response.output_text.delta","output_index":0,"content_index":0,"item_id":"i","delta":"half"}}`
	begun := `{"data":{"type":"message_start","message":{"id":"m","content":[]}}},{"data":{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}},
		{"data":{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"half"}}}`
	reason := `{"data":{"type":"message_delta","delta":{"stop_reason":"end_turn"}}}`
	half := `{"event":"contentBlockDelta","data":{"contentBlockIndex":0,"delta":{"text":"half"}}}`
	for _, c := range []struct{ kind, events, says string }{
		{"openai", `{"text":"half"}`, "the stream ended without [DONE] and without a finish_reason"},
		{"responses", delta, "the stream ended without response.completed and without a finish_reason"},
		{"responses", delta + `,"[DONE]"`, "the stream ended without response.completed and without a finish_reason"},
		{"anthropic", begun + `,"[DONE]"`, "the stream ended without message_stop and without a finish_reason"},
		{"anthropic", begun + "," + reason, "the stream ended without message_stop"},
		{"gemini", `{"data":{"candidates":[{"content":{"parts":[{"text":"half"}]}}]}}`, "the stream ended without a finish_reason"},
		{"gemini", `{"data":{"responseId":"r"}},"[DONE]"`, "the stream ended with [DONE] before any choice came"},
		{"ollama", `{"data":{"message":{"content":"half"},"done":false}},"[DONE]"`, `the stream ended without "done": true and without a finish_reason`},
		{"bedrock", half, "the stream ended without messageStop and without a finish_reason"},
		{"bedrock", half + `,{"event":"messageStop","data":{"stopReason":"end_turn"}}`, "the stream ended without metadata"},
	} {
		t.Run(c.kind, func(t *testing.T) {
			w := wallWith(t, `[{"events":[`+c.events+`]}]`)
			s, err := route(t, w, func(m *config.Model) {
				m.Type = c.kind
				if c.kind == "bedrock" {
					m.Region = "us-east-1"
				}
				if c.kind == "bedrock" || c.kind == "ollama" {
					m.BaseURL = w.URL()
				}
			}).Stream(t.Context(), ask())
			if err == nil {
				_, err = s.Collect()
			}
			e := llm.AsError(err)
			require.Equal(t, llm.StreamInterrupted, e.Code, "%v", err)
			require.Equal(t, c.says, e.Message, c.events)
		})
	}
}

// S2: several choices are complete when each that was asked for has finished.
func TestEveryChoiceThatWasAskedForHasToFinish(t *testing.T) {
	two := 2
	q := ask()
	q.N = &two
	w := wallWith(t, `[{"events":[{"text":"a"},{"text":"x","choice":1},{"finish_reason":"stop"}]},
		{"events":[{"text":"a"},{"finish_reason":"stop"},{"text":"x","choice":1},{"finish_reason":"length","choice":1}]}]`)
	c := route(t, w, nil)
	s, err := c.Stream(t.Context(), q)
	require.NoError(t, err)
	_, err = s.Collect()
	require.Equal(t, llm.StreamInterrupted, llm.CodeOfError(err))
	s, err = c.Stream(t.Context(), q)
	require.NoError(t, err)
	r, err := s.Collect()
	require.NoError(t, err)
	require.Len(t, r.Choices, 2)
	require.Equal(t, []string{"stop", "length"}, []string{r.Choices[0].FinishReason, r.Choices[1].FinishReason})
	require.Equal(t, "x", r.Choices[1].Message.Content)
}

// A stream that has not begun is tried again unseen (S6).
func TestStreamsThatHoldNothingAreTriedAgain(t *testing.T) {
	for name, step := range map[string]string{
		"nothing":       `{"events":[{"comment":"hello"}]}`,
		"DONE alone":    `{"events":["[DONE]"]}`,
		"role alone":    `{"events":[{"role":"assistant"}]}`,
		"empty body":    `{"body":""}`,
		"error object":  `{"events":[{"data":{"error":{"message":"oops","type":"server_error"}}}]}`,
		"cut":           `{"cut":{"how":"reset","at":"after_headers"}}`,
		"a page":        `{"body":"<html>busy</html>"}`,
		"usage alone":   `{"events":[{"usage":{"total_tokens":1}}]}`,
		"not JSON":      `{"events":["a","b","c","d","e","f","g","h"]}`,
		"empty choices": `{"body":{"choices":[]}}`,
	} {
		t.Run(name, func(t *testing.T) {
			s, err := route(t, wallWith(t, "["+step+`,{"text":"at last"}]`), nil).Stream(t.Context(), ask())
			require.NoError(t, err)
			r, err := s.Collect()
			require.NoError(t, err)
			require.Equal(t, "at last", r.Text())
			require.Len(t, r.Attempts, 2)
			require.NotEqual(t, llm.OK, r.Attempts[0].Code)
			require.Zero(t, r.Attempts[0].FirstToken)
		})
	}
}

// An answer without a token is an answer, if it is complete.
func TestACompleteAnswerMayBeEmpty(t *testing.T) {
	s, err := route(t, wallWith(t, `[{"events":[{"role":"assistant"},{"finish_reason":"stop"}],"done":true}]`), nil).Stream(t.Context(), ask())
	require.NoError(t, err)
	r, err := s.Collect()
	require.NoError(t, err)
	require.Empty(t, r.Text())
	require.Equal(t, "stop", r.Choices[0].FinishReason)
}

// S2, S3: [DONE] is the end, whatever the connection does. Without it, and
// without the end of the body, 2 s of silence are, also where a usage came.
func TestTheEndIsNotWaitedFor(t *testing.T) {
	usage := `{"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}`
	const silence, most = 1900 * time.Millisecond, 4 * time.Second
	for name, c := range map[string]struct {
		events      string
		usage       bool
		least, most time.Duration
		tokens      int
	}{
		"only DONE":             {`{"text":"a","finish_reason":"stop"},"[DONE]",{"comment":"x","hold":"never"}`, false, 0, time.Second, 0},
		"usage and DONE":        {`{"text":"a","finish_reason":"stop"},{"delay_s":0.1},` + usage + `,"[DONE]",{"comment":"x","hold":"never"}`, true, 100 * time.Millisecond, time.Second, 3},
		"usage comes":           {`{"text":"a","finish_reason":"stop"},{"delay_s":0.1},` + usage + `,{"comment":"x","hold":"never"}`, true, silence, most, 3},
		"usage comes unasked":   {`{"text":"a","finish_reason":"stop"},{"delay_s":0.1},` + usage + `,{"comment":"x","hold":"never"}`, false, silence, most, 3},
		"nothing comes":         {`{"text":"a","finish_reason":"stop"},{"comment":"x","hold":"never"}`, false, silence, most, 0},
		"comments come":         {`{"text":"a","finish_reason":"stop"},{"comment":"x","delay_s":0.5,"times":60}`, false, silence, most, 0},
		"beats come":            {`{"text":"a","finish_reason":"stop"},{"data":{"choices":[]},"delay_s":0.5,"times":60}`, false, silence, most, 0},
		"usage with the finish": {`{"data":{"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":"stop"}],"usage":{"total_tokens":3}}},{"comment":"x","hold":"never"}`, true, silence, most, 3},
		"usage never comes":     {`{"text":"a","finish_reason":"stop"},{"comment":"x","hold":"never"}`, true, silence, most, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c0 := route(t, wallWith(t, `[{"events":[`+c.events+`]}]`), func(cfg *config.Model) { cfg.Timeout = 10 * time.Second })
			q := ask()
			if c.usage {
				q.StreamOptions = &llm.StreamOptions{IncludeUsage: true}
			}
			began := time.Now()
			s, err := c0.Stream(t.Context(), q)
			require.NoError(t, err)
			r, err := s.Collect()
			require.NoError(t, err)
			took := time.Since(began)
			require.GreaterOrEqual(t, took, c.least)
			require.Less(t, took, c.most)
			if c.tokens == 0 {
				require.Nil(t, r.Usage, "none was sent")
			} else {
				require.Equal(t, c.tokens, r.Usage.TotalTokens)
			}
		})
	}
}

// S4: an event that never was JSON is passed over and counted; eight in a row
// are enough.
func TestEventsThatAreNoJSONAreCounted(t *testing.T) {
	bad := func(n int) string { return strings.Repeat(`{"data":"bad words"},`, n) }
	s, err := route(t, wallWith(t, `[{"events":[`+bad(7)+`{"text":"a "},`+bad(7)+`{"text":"b"},`+bad(1)+`{"finish_reason":"stop"}]}]`), nil).Stream(t.Context(), ask())
	require.NoError(t, err)
	r, err := s.Collect()
	require.NoError(t, err)
	require.Equal(t, "a b", r.Text())
	require.Equal(t, 15, r.Attempts[0].SkippedEvents)

	s, err = route(t, wallWith(t, `[{"events":[{"text":"a"},`+bad(8)+`{"text":"b","finish_reason":"stop"}]}]`), nil).Stream(t.Context(), ask())
	require.NoError(t, err)
	_, err = s.Collect()
	e := llm.AsError(err)
	require.Equal(t, llm.StreamInterrupted, e.Code)
	require.ErrorContains(t, err, "8 stream events in a row could not be read; the server said: bad words")
	require.Equal(t, llm.BadResponse, llm.CodeOfError(e.Cause), "S4's error is the cause")
	require.Equal(t, 8, e.Attempts[0].SkippedEvents)

	w := wallWith(t, `[{"events":[`+bad(8)+`{"text":"b"}]}]`)
	_, err = route(t, w, func(cfg *config.Model) { cfg.MaxRetries = 1 }).Stream(t.Context(), ask())
	require.Equal(t, llm.BadResponse, llm.CodeOfError(err), "%v", err)
}

// S4: what begins like JSON and cannot be read was a piece of the answer.
func TestAPieceThatCannotBeReadBreaksTheStream(t *testing.T) {
	for _, bad := range []string{`{"choices":[{`, `{"choices":[{"index":0,"delta":{"content":"x"}}`, `{"choices"}`, `[{"choices":`, `"choices":[{"index":0}]}`, `{'choices':[]}`, ` {`, `{"a":1}{"b`, `{"a":1} word`, `[{"choices":[]}`} {
		for _, after := range []string{`"[DONE]"`, `{"finish_reason":"stop"},"[DONE]"`, `{"text":"b","finish_reason":"stop"}`} {
			data, err := json.Marshal(bad)
			require.NoError(t, err)
			piece := `{"data":` + string(data) + `}`
			s, err := route(t, wallWith(t, `[{"events":[{"text":"a"},`+piece+`,`+after+`]}]`), nil).Stream(t.Context(), ask())
			require.NoError(t, err)
			_, err = s.Collect()
			e := llm.AsError(err)
			require.Equal(t, llm.StreamInterrupted, e.Code, "%s: %v", bad, err)
			require.Equal(t, llm.BadResponse, llm.CodeOfError(e.Cause), "%s: %v", bad, err)
			require.Equal(t, "a", e.Partial)
			c := route(t, wallWith(t, `[{"events":[`+piece+`,`+after+`]},{"text":"at last"}]`), nil)
			s, err = c.Stream(t.Context(), ask())
			require.NoError(t, err, bad)
			r, err := s.Collect()
			require.NoError(t, err, bad)
			require.Equal(t, "at last", r.Text())
			require.Equal(t, llm.BadResponse, r.Attempts[0].Code)
		}
	}
}

// L1: passing a limit is BAD_RESPONSE, before the first token and after it.
func TestLimits(t *testing.T) {
	for name, c := range map[string]struct {
		step  string
		limit config.Limits
		says  string
	}{
		"event":         {`{"text_bytes":50000,"chunks":1}`, config.Limits{EventBytes: 20_000}, "a stream event exceeds 20000 bytes (limits.event_bytes)"},
		"stream":        {`{"text_bytes":500000,"chunks":100}`, config.Limits{StreamBytes: 100_000}, "the stream exceeds 100000 bytes (limits.stream_bytes)"},
		"one answer":    {`{"body":{"choices":[{"message":{"content":"0123456789"}}]}}`, config.Limits{ResponseBytes: 30}, "the answer exceeds 30 bytes (limits.response_bytes)"},
		"gzip":          {`{"repeat_bytes":3000000,"gzip":true}`, config.Limits{StreamBytes: 1 << 20}, "limits.stream_bytes"},
		"headers":       {`{"header_bytes":40000}`, config.Limits{HeaderBytes: 10_000}, "the answer's headers exceed 10000 bytes (limits.header_bytes)"},
		"error message": {`{"status":400,"body":"0123456789012345678901234567890123456789"}`, config.Limits{ResponseBytes: 30}, "limits.response_bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			cl := route(t, wallWith(t, "["+c.step+"]"), func(cfg *config.Model) { cfg.Limits, cfg.MaxRetries = c.limit, 1 })
			s, err := cl.Stream(t.Context(), ask())
			if err == nil {
				_, err = s.Collect()
			}
			require.Equal(t, llm.BadResponse, llm.CodeOfError(err), "%v", err)
			require.ErrorContains(t, err, c.says)
		})
	}
}

// "No limit" is written as the largest number.
func TestTheLargestLimit(t *testing.T) {
	most := int64(1<<63 - 1)
	c := route(t, wallWith(t, `[{}]`), func(cfg *config.Model) {
		cfg.Limits = config.Limits{ResponseBytes: most, EventBytes: most, StreamBytes: most, HeaderBytes: most}
	})
	r, err := c.Chat(t.Context(), ask())
	require.NoError(t, err)
	require.Equal(t, "Hello from m.", r.Text())
	s, err := c.Stream(t.Context(), ask())
	require.NoError(t, err)
	_, err = s.Collect()
	require.NoError(t, err)
}
