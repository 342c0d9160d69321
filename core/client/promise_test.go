package client_test

import (
	"context"
	"io"
	"testing"

	"github.com/llmagg/llmagg/core/client"
	"github.com/llmagg/llmagg/core/config"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/observe"
	"github.com/stretchr/testify/require"
)

// The answers of clients written by the application are judged as all others
// are (E1): one whose reason means a failure is none.
func TestAnApplicationsAnswersAreJudged(t *testing.T) {
	said := func(text, reason string) *llm.Response {
		return &llm.Response{Choices: []llm.Choice{{Message: llm.Message{Content: text}, FinishReason: reason}}}
	}
	broken500 := said("x", "stop")
	broken500.Choices[0].Extra = llm.Extra{"error": []byte(`{"code":401,"message":"no such key"}`)}
	for name, c := range map[string]struct {
		answer *llm.Response
		whole  llm.Code
		stream llm.Code
	}{
		"no choices":          {&llm.Response{}, llm.BadResponse, llm.StreamInterrupted},
		"error":               {said("", "error"), llm.Unavailable, llm.Unavailable},
		"error behind a text": {said("x", "error"), llm.Unavailable, llm.Unavailable},
		"malformed":           {said("", "MALFORMED_FUNCTION_CALL"), llm.BadResponse, llm.BadResponse},
		"error in a choice":   {broken500, llm.Authentication, llm.Authentication},
		"stop":                {said("", "stop"), llm.OK, llm.OK},
		"unknown reason":      {said("x", "because"), llm.OK, llm.OK},
		"no reason":           {said("x", ""), llm.OK, llm.OK},
	} {
		t.Run(name, func(t *testing.T) {
			b := broken{
				chat: func() (*llm.Response, error) { return c.answer, nil },
				stream: func() (client.ChunkReader, error) {
					sent := false
					return reader(func() (*llm.Chunk, error) {
						if sent || len(c.answer.Choices) == 0 {
							return nil, io.EOF
						}
						sent = true
						return c.answer.AsChunk(), nil
					}), nil
				},
			}
			once := func(m *config.Model) { m.MaxRetries = 1 }
			q := ask()
			_, err := custom(t, b, once).Chat(t.Context(), q)
			require.Equal(t, c.whole, llm.CodeOfError(err), "%v", err)
			q.Stream = true
			_, err = custom(t, b, once).Chat(t.Context(), q)
			require.Equal(t, c.stream, llm.CodeOfError(err), "%v", err)
		})
	}
}

// A health check that its caller breaks off says nothing of the route: no
// observer is told of a change (O2, O3).
func TestACancelledHealthCheckIsNoChange(t *testing.T) {
	asked := make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	c := custom(t, checked{broken{}, func(ctx context.Context) bool { close(asked); <-ctx.Done(); return false }}, nil)
	observers := &observe.Observers{}
	c.Observe(observers)
	s := observers.Subscribe(8)
	go func() { <-asked; cancel() }()
	require.False(t, c.CheckHealth(ctx))
	s.Close()
	for v := range s.C() {
		require.NotEqual(t, observe.HealthChanged, v.Kind)
	}
}

// checked is a backend that is asked whether it is alive.
type checked struct {
	broken
	healthy func(context.Context) bool
}

func (c checked) Healthy(ctx context.Context) bool { return c.healthy(ctx) }
