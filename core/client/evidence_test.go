package client_test

import (
	"context"
	"testing"
	"time"

	"github.com/llmagg/llmagg/core/client"
	"github.com/llmagg/llmagg/core/config"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/stretchr/testify/require"
)

// The call's own deadline is held against a route only if that was silent for
// half of its timeout, in whole answers as in streams (table E, TIMEOUT).
func TestADeadlineCountsOnlyAgainstASilentRoute(t *testing.T) {
	for name, c := range map[string]struct {
		step    string
		circuit string
	}{
		"a body that flows": {`{"text_bytes":4000,"split_bytes":1,"drip_body_s":0.02}`, "closed"},
		"silence":           {`{"delay_headers_s":5}`, "open"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := route(t, wallWith(t, "["+c.step+"]"), func(cfg *config.Model) {
				cfg.Timeout, cfg.Breaker.Failures = time.Second, 1
			})
			q := ask()
			q.Options.Deadline = 700 * time.Millisecond
			_, err := r.Chat(t.Context(), q)
			require.Equal(t, llm.Timeout, llm.CodeOfError(err), "%v", err)
			require.Equal(t, c.circuit, r.Report().Circuit)
		})
	}
}

// A failed answer whose body drips on beyond timeout is TIMEOUT (D2); what its
// head has said holds nonetheless: the status, and the wait (R4).
func TestAFailureThatDripsIsATimeoutWithItsWait(t *testing.T) {
	for _, stream := range []bool{false, true} {
		w := wallWith(t, `[{"status":429,"headers":{"retry-after":"60"},"text":"slow down","drip_body_s":0.2}]`)
		r := route(t, w, func(cfg *config.Model) { cfg.Timeout = 300 * time.Millisecond })
		q := ask()
		q.Stream = stream
		_, err := r.Chat(t.Context(), q)
		e := llm.AsError(err)
		require.Equal(t, llm.Timeout, e.Code, "%v", err)
		require.Equal(t, 429, e.Status)
		require.Equal(t, time.Minute, e.RetryAfter)
		require.Len(t, e.Attempts, 1, "a minute is longer than timeout")
		require.Greater(t, r.NamedWait(), 50*time.Second)
	}
}

// A response without a token is a trial's verdict when it is there, not when
// its reader comes round to it (B2, B4).
func TestAnEmptyStreamIsAVerdictAtOnce(t *testing.T) {
	w := wallWith(t, `[{"status":503},{"events":[{"role":"assistant"},{"finish_reason":"stop"}],"done":true},{}]`)
	r := route(t, w, func(cfg *config.Model) { cfg.MaxRetries, cfg.Breaker.Failures = 1, 1 })
	_, err := r.Chat(t.Context(), ask())
	require.Equal(t, llm.Unavailable, llm.CodeOfError(err))
	require.Equal(t, "open", r.Report().Circuit)
	s, err := r.Stream(t.Context(), ask())
	require.NoError(t, err)
	defer s.Close()
	require.Equal(t, "closed", r.Report().Circuit, "nobody has read the stream yet")
	_, err = r.Chat(t.Context(), ask())
	require.NoError(t, err)
}

// Where no status says it, the type of an error does (E1).
func TestErrorsWithoutAStatusGoByTheirType(t *testing.T) {
	for kind, code := range map[string]llm.Code{
		"invalid_request_error": llm.BadRequest,
		"permission_error":      llm.Authentication,
		"overloaded_error":      llm.Unavailable,
		"whatever":              llm.Unavailable,
	} {
		for name, step := range map[string]string{
			"a 200":     `{"body":{"error":{"message":"no","type":"` + kind + `"}}}`,
			"in stream": `{"events":[{"data":{"error":{"message":"no","type":"` + kind + `"}}}]}`,
		} {
			r := route(t, wallWith(t, "["+step+"]"), func(cfg *config.Model) { cfg.MaxRetries = 1 })
			q := ask()
			q.Stream = name == "in stream"
			_, err := r.Chat(t.Context(), q)
			require.Equal(t, code, llm.CodeOfError(err), "%s, %s: %v", kind, name, err)
		}
	}
}

// says is a client of the application that fails with what it is given, and
// never answers a question for its health.
type says struct{ err error }

func (s says) Chat(context.Context, *client.Exchange) (*llm.Response, error) { return nil, s.err }

func (s says) Stream(context.Context, *client.Exchange) (client.ChunkReader, error) {
	return nil, s.err
}

// What no route can come to is UNAVAILABLE when a client of the application
// says it: one that is an aggregator itself, one whose error has no code (E1).
func TestAnApplicationsOddCodesAreUnavailable(t *testing.T) {
	for _, said := range []*llm.Error{{Code: llm.AllFailed, Message: "nobody inside"}, {Message: "no code"}} {
		c, err := client.NewCustom(config.Model{Provider: "mine", Name: "m", MaxRetries: 1}, says{said}, client.Options{})
		require.NoError(t, err)
		_, err = c.Chat(t.Context(), ask())
		e := llm.AsError(err)
		require.Equal(t, llm.Unavailable, e.Code)
		require.ErrorContains(t, err, said.Message)
		require.Equal(t, llm.Unavailable, e.Attempts[0].Code)
		require.NoError(t, c.Close(context.Background()))
	}
}
