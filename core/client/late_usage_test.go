package client_test

import (
	"testing"
	"time"

	"github.com/llmagg/llmagg/core/config"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/stretchr/testify/require"
)

// The usage that is there is not lost to a reader who takes longer over the
// last chunk than a usage is waited for (S3).
func TestASlowReaderGetsItsUsage(t *testing.T) {
	w := wallWith(t, `[{"text":"one two","delay_event_s":0.02}]`)
	q := ask()
	q.Options.IncludeUsage = true
	s, err := route(t, w, func(cfg *config.Model) { cfg.Type = "openai" }).Stream(t.Context(), q)
	require.NoError(t, err)
	for ev, err := range s.Events() {
		require.NoError(t, err)
		if ev.Kind == llm.EventDone {
			require.Positive(t, ev.Response.Usage.TotalTokens)
		} else if len(ev.Chunk.Choices) > 0 && ev.Chunk.Choices[0].FinishReason != "" {
			time.Sleep(2100 * time.Millisecond) // longer than the 2 s
		}
	}
}

// A server that counts in every chunk counts best in its last one (T3).
func TestAUsageBeforeTheEndIsNotTheLast(t *testing.T) {
	w := wallWith(t, `[{"events":[{"text":"one","usage":{"prompt_tokens":1,"completion_tokens":0,"total_tokens":1}},{"finish_reason":"stop"},
		{"delay_s":0.05,"usage":{"prompt_tokens":1,"completion_tokens":8,"total_tokens":9}},"[DONE]"]}]`)
	q := ask()
	q.Options.IncludeUsage = true
	s, err := route(t, w, func(cfg *config.Model) { cfg.Type = "openai" }).Stream(t.Context(), q)
	require.NoError(t, err)
	r, err := s.Collect()
	require.NoError(t, err)
	require.Equal(t, 9, r.Usage.TotalTokens)
}

// The body of a failed answer may be cut off; its status and its headers count
// nonetheless (E1, R4).
func TestAFailureThatIsCutOffIsStillClassified(t *testing.T) {
	for name, step := range map[string]struct {
		step string
		code llm.Code
	}{
		"401": {`{"status":401,"body":"{\"error\":\"no such key\"}","cut":{"how":"reset","after_bytes":10}}`, llm.Authentication},
		"429": {`{"status":429,"headers":{"retry-after-ms":"60000"},"body":"{\"error\":\"slow down\"}","cut":{"how":"close","after_bytes":10}}`, llm.RateLimit},
	} {
		t.Run(name, func(t *testing.T) {
			for _, stream := range []bool{false, true} {
				q := ask()
				q.Stream = stream
				c := route(t, wallWith(t, "["+step.step+"]"), nil)
				_, err := c.Chat(t.Context(), q)
				require.Equal(t, step.code, llm.CodeOfError(err), "%v", err)
				require.Len(t, llm.AsError(err).Attempts, 1)
				require.Equal(t, name == "429", c.NamedWait() > 50*time.Second)
			}
		})
	}
}
