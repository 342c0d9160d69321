package client_test

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/llmagg/llmagg/core/config"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/stretchr/testify/require"
)

// A forced try that fails for its own request says nothing about the route:
// whoever waits for its result tries for itself (B4).
func TestABadRequestIsNoResultForOthers(t *testing.T) {
	for _, code := range []llm.Code{llm.BadRequest, llm.ContextLength, llm.ContentFilter} {
		synctest.Test(t, func(t *testing.T) {
			var calls atomic.Int64
			b := broken{chat: func() (*llm.Response, error) {
				switch calls.Add(1) {
				case 1:
					return nil, llm.Errorf(llm.Unavailable, "down")
				case 2:
					time.Sleep(time.Second)
					return nil, llm.Errorf(code, "yours alone")
				}
				return &llm.Response{Choices: []llm.Choice{{FinishReason: "stop"}}}, nil
			}}
			c := custom(t, b, func(cfg *config.Model) { cfg.MaxRetries, cfg.Breaker.Failures = 1, 1 })
			_, err := c.Chat(t.Context(), ask())
			require.Equal(t, llm.Unavailable, llm.CodeOfError(err))
			forced := make(chan error, 1)
			go func() { _, err := c.Chat(t.Context(), ask()); forced <- err }()
			synctest.Wait()
			r, err := c.Chat(t.Context(), ask())
			require.NoError(t, err)
			require.Equal(t, time.Second, r.Attempts[0].Wait)
			require.Equal(t, code, llm.CodeOfError(<-forced))
			require.Equal(t, "closed", c.Report().Circuit)
		})
	}
}
