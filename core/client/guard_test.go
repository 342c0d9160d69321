package client_test

import (
	"context"
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/llmagg/llmagg/core/client"
	"github.com/llmagg/llmagg/core/config"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/stretchr/testify/require"
)

// deaf is a backend that does not listen to its context: it returns when the
// test says so.
type deaf struct {
	free   chan struct{}
	closed chan struct{}
	sent   int
}

func (d *deaf) Chat(context.Context, *client.Exchange) (*llm.Response, error) {
	<-d.free
	return nil, errors.New("too late")
}

func (d *deaf) Stream(context.Context, *client.Exchange) (client.ChunkReader, error) { return d, nil }

func (d *deaf) Next() (*llm.Chunk, error) {
	if d.sent++; d.sent == 1 {
		return &llm.Chunk{Choices: []llm.ChunkChoice{{Delta: llm.Message{Content: "some"}}}}, nil
	}
	<-d.free
	return nil, io.EOF
}

func (d *deaf) Close() error { close(d.closed); return nil }

// An attempt of a client that does not listen ends at its deadline, and its
// place is free then (C3).
func TestABackendThatDoesNotListenIsLeftBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &deaf{free: make(chan struct{}), closed: make(chan struct{})}
		c := custom(t, d, func(cfg *config.Model) { cfg.MaxRetries, cfg.Timeout = 1, time.Second })
		began := time.Now()
		_, err := c.Chat(t.Context(), ask())
		require.Equal(t, llm.Timeout, llm.CodeOfError(err))
		require.Less(t, time.Since(began), 1100*time.Millisecond)
		require.Zero(t, c.Report().InFlight)

		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second/2, cancel)
		began = time.Now()
		_, err = c.Chat(ctx, ask())
		require.Equal(t, llm.Canceled, llm.CodeOfError(err))
		require.LessOrEqual(t, time.Since(began), 600*time.Millisecond, "S10")

		s, err := c.Stream(t.Context(), ask())
		require.NoError(t, err)
		_, err = s.Collect()
		require.Equal(t, llm.StreamInterrupted, llm.CodeOfError(err))
		require.Equal(t, "some", llm.AsError(err).Partial)
		require.Zero(t, c.Report().InFlight)
		select {
		case <-d.closed:
			t.Error("closed under a read that is still out")
		default:
		}
		close(d.free)
		<-d.closed
	})
}

// The call's deadline passes while nobody reads a stream: that is the reader's
// doing and no evidence against the route.
func TestAStreamThatNobodyReadsIsNoEvidence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := broken{stream: func() (client.ChunkReader, error) {
			return reader(func() (*llm.Chunk, error) {
				return &llm.Chunk{Choices: []llm.ChunkChoice{{Delta: llm.Message{Content: "x"}}}}, nil
			}), nil
		}}
		c := custom(t, b, func(cfg *config.Model) { cfg.Breaker.Failures, cfg.Timeout = 1, time.Second })
		q := ask()
		q.Options.Deadline = 5 * time.Second
		s, err := c.Stream(t.Context(), q)
		require.NoError(t, err)
		<-s.Done()
		_, err = s.Next()
		require.Equal(t, llm.Timeout, llm.CodeOfError(err))
		require.Equal(t, "closed", c.Report().Circuit)
	})
}
