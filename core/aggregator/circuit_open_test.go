package aggregator_test

import (
	"context"
	"io"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/llmagg/llmagg/core/aggregator"
	"github.com/llmagg/llmagg/core/client"
	"github.com/llmagg/llmagg/core/config"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/manager"
	"github.com/stretchr/testify/require"
)

// refuses is a client of the application that answers with one error, such as
// one that is an aggregator itself.
type refuses struct {
	with  *llm.Error
	asked int
}

func (r *refuses) Chat(context.Context, *client.Exchange) (*llm.Response, error) {
	r.asked++
	if r.asked > 10 {
		return &llm.Response{Choices: []llm.Choice{{FinishReason: "stop"}}}, nil
	}
	return nil, r.with
}

func (r *refuses) Stream(context.Context, *client.Exchange) (client.ChunkReader, error) {
	r.asked++
	return nil, r.with
}

// A backend's own CIRCUIT_OPEN is an attempt that failed, not a closed door
// that the call may come back to.
func TestABackendsOwnCircuitOpenIsAskedOnce(t *testing.T) {
	backend := &refuses{with: llm.Errorf(llm.CircuitOpen, "the inner route is not usable")}
	c, err := client.NewCustom(config.Model{Provider: "mine", Name: "m"}, backend, client.Options{})
	require.NoError(t, err)
	m := manager.New(manager.Options{})
	a := aggregator.New(m, aggregator.Options{})
	t.Cleanup(func() {
		require.NoError(t, a.Close(context.Background()))
		require.NoError(t, m.Close(context.Background()))
		require.NoError(t, c.Close(context.Background()))
	})
	p, err := ask().Payload()
	require.NoError(t, err)
	_, err = a.ChatRoutes(t.Context(), []*client.Client{c}, p)
	require.Equal(t, llm.AllFailed, llm.CodeOfError(err))
	require.Equal(t, 1, backend.asked)
}

// A stream that breaks off with an error for which there is no next route ends
// with that error, though it might begin again (E3).
func TestARestartDoesNotGoWhereTheCallMayNot(t *testing.T) {
	w := build(t, map[string]string{"a": `[{"events":[{"text":"some"},{"error":{"message":"no","code":400,"type":"invalid_request_error"}}]}]`, "b": `[{}]`}, "")
	q := ask()
	q.Options.OnInterrupt, q.Options.StopOnBadRequest = llm.InterruptRestart, true
	s, err := w.Stream(t.Context(), q)
	require.NoError(t, err)
	_, err = s.Collect()
	require.Equal(t, llm.BadRequest, llm.CodeOfError(err), "%v", err)
	require.Equal(t, "some", llm.AsError(err).Partial)
	require.Zero(t, w.wall.Seen().Models["b"].Requests)
}

// silent answers nothing until its context ends; the first time it fails at
// once.
type silent struct{ asked atomic.Int64 }

func (s *silent) Chat(ctx context.Context, _ *client.Exchange) (*llm.Response, error) {
	if s.asked.Add(1) == 1 {
		return nil, llm.Errorf(llm.Unavailable, "down")
	}
	<-ctx.Done()
	return nil, ctx.Err()
}

func (s *silent) Stream(ctx context.Context, x *client.Exchange) (client.ChunkReader, error) {
	_, err := s.Chat(ctx, x)
	return nil, err
}

// A deadline that passes while another call's forced try is out is TIMEOUT
// (D5, E3), not the closed door.
func TestADeadlineWhileWaitingForAVerdictIsTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, err := client.NewCustom(config.Model{Provider: "mine", Name: "m", MaxRetries: 1, Breaker: config.Breaker{Failures: 1}}, &silent{}, client.Options{})
		require.NoError(t, err)
		a := aggregator.New(manager.New(manager.Options{}), aggregator.Options{})
		p, err := ask().Payload()
		require.NoError(t, err)
		call := func(o llm.CallOptions) error {
			_, err := a.ChatRoutes(t.Context(), []*client.Client{c}, p.WithOptions(o))
			return err
		}
		require.Equal(t, llm.AllFailed, llm.CodeOfError(call(llm.CallOptions{})))
		forced := make(chan error, 1)
		go func() { forced <- call(llm.CallOptions{}) }()
		synctest.Wait()
		began := time.Now()
		require.Equal(t, llm.Timeout, llm.CodeOfError(call(llm.CallOptions{Deadline: 2 * time.Second})))
		require.Equal(t, 2*time.Second, time.Since(began))
		require.Equal(t, llm.AllFailed, llm.CodeOfError(call(llm.CallOptions{Timeout: 3 * time.Second})))
		require.Equal(t, 5*time.Second, time.Since(began))
		require.Equal(t, llm.AllFailed, llm.CodeOfError(<-forced))
	})
}

// late fails in its first stream after a while, and answers in the next ones.
type late struct {
	after time.Duration
	asked atomic.Int64
}

func (l *late) Chat(context.Context, *client.Exchange) (*llm.Response, error) { return nil, nil }

func (l *late) Stream(context.Context, *client.Exchange) (client.ChunkReader, error) {
	if l.asked.Add(1) == 1 {
		time.Sleep(l.after)
		return nil, llm.Errorf(llm.Unavailable, "down")
	}
	return &one{}, nil
}

// one is a stream of one chunk.
type one struct{ given bool }

func (o *one) Next() (*llm.Chunk, error) {
	if o.given {
		return nil, io.EOF
	}
	o.given = true
	return &llm.Chunk{Choices: []llm.ChunkChoice{{Delta: llm.Message{Content: "Fine."}, FinishReason: "stop"}}}, nil
}

func (o *one) Close() error { return nil }

// The first route of a hedged call closes while the call waits in its line, and
// the hedge fails: the first route was never asked, so it is forced (B4).
func TestAHedgedRouteThatWasNotAskedMayBeForced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := aggregator.New(manager.New(manager.Options{}), aggregator.Options{})
		var routes []*client.Client
		backends := []*late{{after: time.Second}, {after: 2 * time.Second}}
		for i, b := range backends {
			c, err := client.NewCustom(config.Model{Provider: "mine", Name: string(rune('a' + i)), MaxRetries: 1, MaxConcurrentCalls: 1, Breaker: config.Breaker{Failures: 1}}, b, client.Options{})
			require.NoError(t, err)
			routes = append(routes, c)
		}
		p, err := ask().Payload()
		require.NoError(t, err)
		stream := func(routes []*client.Client, o llm.CallOptions) (*llm.Response, error) {
			s, err := a.StreamRoutes(t.Context(), routes, p.WithOptions(o))
			if err != nil {
				return nil, err
			}
			return s.Collect()
		}
		occupied := make(chan error, 1)
		go func() {
			_, err := stream(routes[:1], llm.CallOptions{})
			occupied <- err
		}()
		synctest.Wait()
		r, err := stream(routes, llm.CallOptions{HedgeAfter: 200 * time.Millisecond})
		require.NoError(t, err)
		require.Equal(t, "Fine.", r.Text())
		require.Equal(t, int64(1), backends[1].asked.Load())
		<-occupied
	})
}
