package client_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/llmagg/llmagg/core/client"
	"github.com/llmagg/llmagg/core/config"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/stretchr/testify/require"
)

// The wait in an error is the one that the server asked for, though the route
// is blocked for ten minutes only (E2, R4); and where the deadline does not
// allow it, the error comes now.
func TestANamedWaitOfAnHourIsToldWhole(t *testing.T) {
	for name, header := range map[string]string{"seconds": `"Retry-After":"3600"`, "date": `"Retry-After":"{{date+3600}}"`, "milliseconds": `"retry-after-ms":"3600000"`} {
		t.Run(name, func(t *testing.T) {
			w := wallWith(t, `[{"status":429,"headers":{`+header+`}}]`)
			c := route(t, w, nil)
			q := ask()
			q.Options.Deadline = 20 * time.Minute
			began := time.Now()
			_, err := c.Chat(t.Context(), q)
			require.Less(t, time.Since(began), 10*time.Second, "nobody waits for an hour, or ten minutes")
			require.Equal(t, llm.RateLimit, llm.CodeOfError(err))
			require.InDelta(t, 3600, llm.AsError(err).RetryAfter.Seconds(), 3)
			require.LessOrEqual(t, c.NamedWait(), 10*time.Minute)
		})
	}
}

// The trail tells what was waited for before each attempt (O1): the backoff
// before a restart, and a wait that another call was told.
func TestTheTrailTellsEveryWait(t *testing.T) {
	w := wallWith(t, `[{"text":"one two three","cut":{"how":"clean","after_events":2}},{"text":"four five six"}]`)
	q := ask()
	q.Stream = true
	r, err := route(t, w, func(cfg *config.Model) { cfg.Retry.Backoff, cfg.Retry.BackoffMax = 50*time.Millisecond, time.Second }).Chat(t.Context(), q)
	require.NoError(t, err)
	require.GreaterOrEqual(t, r.Attempts[1].Wait, 25*time.Millisecond)

	synctest.Test(t, func(t *testing.T) {
		calls := 0
		b := broken{chat: func() (*llm.Response, error) {
			if calls++; calls == 1 {
				return nil, &llm.Error{Code: llm.RateLimit, Status: 429, RetryAfter: 5 * time.Second, HasRetryAfter: true}
			}
			return &llm.Response{Choices: []llm.Choice{{FinishReason: "stop"}}}, nil
		}}
		c := custom(t, client.Backend(b), func(cfg *config.Model) { cfg.MaxRetries, cfg.Timeout = 1, time.Minute })
		_, err := c.Chat(t.Context(), ask())
		require.Equal(t, llm.RateLimit, llm.CodeOfError(err))
		r, err := c.Chat(t.Context(), ask())
		require.NoError(t, err)
		require.Equal(t, 5*time.Second, r.Attempts[0].Wait)
	})
}

// What happens to a route meanwhile does not make a named wait count twice
// against timeout (R4: the sum of the waits).
func TestANamedWaitCountsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		b := broken{chat: func() (*llm.Response, error) {
			if calls++; calls == 1 {
				return nil, &llm.Error{Code: llm.RateLimit, Status: 429, RetryAfter: 8 * time.Second, HasRetryAfter: true}
			}
			return &llm.Response{Choices: []llm.Choice{{FinishReason: "stop"}}}, nil
		}}
		c := custom(t, client.Backend(b), func(cfg *config.Model) { cfg.MaxRetries, cfg.Timeout = 1, 10*time.Second })
		_, err := c.Chat(t.Context(), ask())
		require.Equal(t, llm.RateLimit, llm.CodeOfError(err))
		for s := range time.Duration(7) {
			time.AfterFunc((s+1)*time.Second, func() { c.SetAvailable(false); c.SetAvailable(true) })
		}
		r, err := c.Chat(t.Context(), ask())
		require.NoError(t, err)
		require.Equal(t, 8*time.Second, r.Attempts[0].Wait)
		require.Equal(t, "retry-after", r.Attempts[0].WaitedFor)
	})
}
