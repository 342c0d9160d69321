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
	"github.com/stretchr/testify/require"
)

// Reading is linear in the bytes: a server cannot make a client busy for long
// with answers that have very many small parts.
func TestVeryManyPartsAreReadInLinearTime(t *testing.T) {
	const parts = 200_000
	list := func(format string, args ...any) string {
		var b strings.Builder
		for i := range parts {
			if i > 0 {
				b.WriteByte(',')
			}
			fmt.Fprintf(&b, format, append([]any{parts - i}, args...)...)
		}
		return b.String()
	}
	events := func(pair string) string { return strings.Repeat(pair, parts/2) }
	name := func(letter string) string {
		return `data: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"name":"` + strings.Repeat(letter, 50) + `"}}]}}]}` + "\n\n"
	}
	gemini := func(parts string) string {
		return `{"candidates":[{"content":{"parts":[` + parts + `]},"finishReason":"STOP"}]}`
	}
	for name, c := range map[string]struct {
		kind, answer string
		code         llm.Code
	}{
		"choices":              {"openai", `data: {"choices":[` + list(`{"index":%d,"delta":{"content":"x"},"finish_reason":"stop"}`) + `]}`, llm.BadResponse}, // nobody can ask for so many
		"tool calls":           {"openai", `data: {"choices":[{"index":0,"delta":{"tool_calls":[` + list(`{"index":%d,"function":{"name":"f"}}`) + `]}}]}`, llm.OK},
		"tool calls by id":     {"openai", `data: {"choices":[{"index":0,"delta":{"tool_calls":[` + list(`{"id":"%d","function":{"name":"f"}}`) + `]}}]}`, llm.OK},
		"names":                {"openai", events(name("a") + name("b")), llm.OK},
		"unknown fields":       {"openai", `data: {"choices":[{"index":0,"delta":{` + list(`"x%d":1`) + `}}]}`, llm.OK},
		"parts":                {"openai", `{"choices":[{"index":0,"message":{"content":[` + list(`{"type":"text","text":"%050d"}`) + `]}}]}`, llm.OK},
		"candidates":           {"gemini", `{"candidates":[` + list(`{"index":%d}`) + `]}`, llm.BadResponse},
		"texts":                {"gemini", gemini(list(`{"text":"%050d"}`)), llm.OK},
		"unknown parts":        {"gemini", gemini(list(`{"x":%d}`)), llm.BadResponse},
		"values in an event":   {"openai", "data: " + strings.Repeat(`{"choices":[{"index":0,"delta":{"content":"x"}}]}`, parts), llm.OK},
		"lists in an event":    {"openai", "data: [" + strings.Repeat(`[{"choices":[{"index":0,"delta":{"content":"x"}}]}],`, parts) + "[]]", llm.OK},
		"brackets":             {"openai", "data: " + strings.Repeat("[", 2_000_000), llm.BadResponse},
		"lines of JSON":        {"openai", strings.Repeat(`{"choices":[{"index":0,"delta":{"content":"x"}}]}`+"\n", parts) + "[DONE]\n", llm.OK},
		"unknown parts, apart": {"gemini", events("data: " + strings.Replace(gemini(`{"x":"`+strings.Repeat("x", 50)+`"}`), `,"finishReason":"STOP"`, "", 1) + "\n\n"), llm.StreamInterrupted}, // after the first
	} {
		t.Run(name, func(t *testing.T) {
			route := hostile(t, func(w http.ResponseWriter, _ *http.Request) {
				_, _ = io.WriteString(w, c.answer)
				if strings.HasPrefix(c.answer, "data:") {
					_, _ = io.WriteString(w, "\n\ndata: [DONE]\n\n")
				}
			}, func(cfg *config.Model) { cfg.Type, cfg.Timeout = c.kind, 60*time.Second })
			q := ask()
			q.Stream = true
			begun := time.Now()
			r, err := route.Chat(t.Context(), q)
			require.Equal(t, c.code, llm.CodeOfError(err), "%v", err)
			if err == nil {
				_ = r.Text()
			}
			// Quadratic reading took minutes; linear takes a fraction of a
			// second.
			require.Less(t, time.Since(begun), 20*time.Second)
		})
	}
}
