//go:build !race

// Without the race detector, which makes reading so slow that no time says
// anything; `make go-test` runs this file by itself.

package client_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/llmagg/llmagg/core/config"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/tests/lineartime"
	"github.com/stretchr/testify/require"
)

// Reading is linear in the bytes: a server cannot make a client busy for long
// with answers that have very many small parts.
func TestVeryManyPartsAreReadInLinearTime(t *testing.T) {
	between := func(before, format, after string) func(parts int) string {
		return func(parts int) string {
			var b strings.Builder
			b.WriteString(before)
			for i := range parts {
				if i > 0 {
					b.WriteByte(',')
				}
				fmt.Fprintf(&b, format, parts-i)
			}
			return b.String() + after
		}
	}
	repeated := func(before, unit, after string, each int) func(parts int) string {
		return func(parts int) string { return before + strings.Repeat(unit, parts*each/2) + after }
	}
	name := func(letter string) string {
		return `data: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"name":"` + strings.Repeat(letter, 50) + `"}}]}}]}` + "\n\n"
	}
	const before, after = `{"candidates":[{"content":{"parts":[`, `]},"finishReason":"STOP"}]}` // of Gemini's
	for name, c := range map[string]struct {
		kind   string
		answer func(parts int) string
		code   llm.Code
	}{
		"choices":              {"openai", between(`data: {"choices":[`, `{"index":%d,"delta":{"content":"x"},"finish_reason":"stop"}`, `]}`), llm.BadResponse}, // nobody can ask for so many
		"tool calls":           {"openai", between(`data: {"choices":[{"index":0,"delta":{"tool_calls":[`, `{"index":%d,"function":{"name":"f"}}`, `]}}]}`), llm.OK},
		"tool calls by id":     {"openai", between(`data: {"choices":[{"index":0,"delta":{"tool_calls":[`, `{"id":"%d","function":{"name":"f"}}`, `]}}]}`), llm.OK},
		"names":                {"openai", repeated("", name("a")+name("b"), "", 1), llm.OK},
		"unknown fields":       {"openai", between(`data: {"choices":[{"index":0,"delta":{`, `"x%d":1`, `}}]}`), llm.OK},
		"parts":                {"openai", between(`{"choices":[{"index":0,"message":{"content":[`, `{"type":"text","text":"%050d"}`, `]}}]}`), llm.OK},
		"candidates":           {"gemini", between(`{"candidates":[`, `{"index":%d}`, `]}`), llm.BadResponse},
		"texts":                {"gemini", between(before, `{"text":"%050d"}`, after), llm.OK},
		"unknown parts":        {"gemini", between(before, `{"x":%d}`, after), llm.BadResponse},
		"values in an event":   {"openai", repeated("data: ", `{"choices":[{"index":0,"delta":{"content":"x"}}]}`, "", 2), llm.OK},
		"lists in an event":    {"openai", repeated("data: [", `[{"choices":[{"index":0,"delta":{"content":"x"}}]}],`, "[]]", 2), llm.OK},
		"brackets":             {"openai", repeated("data: ", "[", "", 20), llm.BadResponse},
		"lines of JSON":        {"openai", repeated("", `{"choices":[{"index":0,"delta":{"content":"x"}}]}`+"\n", "[DONE]\n", 2), llm.OK},
		"unknown parts, apart": {"gemini", repeated("", "data: "+before+`{"x":"`+strings.Repeat("x", 50)+`"}`+strings.Replace(after, `,"finishReason":"STOP"`, "", 1)+"\n\n", "", 1), llm.StreamInterrupted}, // after the first
	} {
		t.Run(name, func(t *testing.T) {
			lineartime.Check(t, 200_000, func(parts int) func() {
				answer := c.answer(parts)
				route := hostile(t, func(w http.ResponseWriter, _ *http.Request) {
					_, _ = io.WriteString(w, answer)
					if strings.HasPrefix(answer, "data:") {
						_, _ = io.WriteString(w, "\n\ndata: [DONE]\n\n")
					}
				}, func(cfg *config.Model) { cfg.Type, cfg.Timeout = c.kind, 60*time.Second })
				q := ask()
				q.Stream = true
				return func() {
					r, err := route.Chat(t.Context(), q)
					require.Equal(t, c.code, llm.CodeOfError(err), "%v", err)
					if err == nil {
						_ = r.Text()
					}
				}
			})
		})
	}
}
