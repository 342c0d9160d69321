package aggregator_test

import (
	"context"
	"io"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/llmagg/llmagg/core/aggregator"
	"github.com/llmagg/llmagg/core/client"
	"github.com/llmagg/llmagg/core/config"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/manager"
	"github.com/llmagg/llmagg/core/price"
	"github.com/stretchr/testify/require"
)

// acts is a client of the application that does one thing for each call; the
// last one is for all the rest.
type acts struct {
	mu   sync.Mutex // guards what follows
	does []act
	made int
}

// act is what a call comes to: it waits, then fails, or answers with text. A
// stream breaks off after its text where it has both.
type act struct {
	wait time.Duration
	text string
	err  error
	then func() // a second after its beginning
}

func (a *acts) next(ctx context.Context) (act, error) {
	a.mu.Lock()
	now := a.does[min(a.made, len(a.does)-1)]
	a.made++
	a.mu.Unlock()
	if now.then != nil {
		time.AfterFunc(time.Second, now.then)
	}
	select {
	case <-time.After(now.wait):
		return now, nil
	case <-ctx.Done():
		return now, ctx.Err()
	}
}

func (a *acts) Chat(ctx context.Context, _ *client.Exchange) (*llm.Response, error) {
	now, err := a.next(ctx)
	if err != nil || now.err != nil {
		return nil, firstOf(err, now.err)
	}
	return &llm.Response{Choices: []llm.Choice{{Message: llm.Message{Content: now.text}, FinishReason: "stop"}}}, nil
}

func (a *acts) Stream(ctx context.Context, _ *client.Exchange) (client.ChunkReader, error) {
	now, err := a.next(ctx)
	if err != nil || now.text == "" {
		return nil, firstOf(err, now.err)
	}
	return &said{now.text, now.err}, nil
}

func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

type said struct {
	text string
	err  error
}

func (s *said) Next() (*llm.Chunk, error) {
	if s.text == "" {
		return nil, firstOf(s.err, io.EOF)
	}
	c := &llm.Chunk{Choices: []llm.ChunkChoice{{Delta: llm.Message{Content: s.text}}}}
	s.text = ""
	return c, nil
}

func (s *said) Close() error { return nil }

// stage is an aggregator over routes that the test answers.
type stage struct {
	*aggregator.Aggregator
	routes []*client.Client
}

// play makes routes "a", "b", … of the acts; change may alter their
// configurations.
func play(t *testing.T, change func(name string, cfg *config.Model), does ...[]act) *stage {
	t.Helper()
	s := &stage{Aggregator: aggregator.New(manager.New(manager.Options{}), aggregator.Options{})}
	for i, d := range does {
		cfg := config.Model{Provider: "mine", Name: string(rune('a' + i)), Timeout: 10 * time.Second}
		if change != nil {
			change(cfg.Name, &cfg)
		}
		c, err := client.NewCustom(cfg, &acts{does: d}, client.Options{})
		require.NoError(t, err)
		s.routes = append(s.routes, c)
	}
	return s
}

func (s *stage) close(t *testing.T) {
	require.NoError(t, s.Close(context.Background()))
	for _, c := range s.routes {
		require.NoError(t, c.Close(context.Background()))
	}
}

func (s *stage) chat(t *testing.T, o llm.CallOptions) (*llm.Response, error) {
	p, err := ask().Payload()
	require.NoError(t, err)
	return s.ChatRoutes(t.Context(), s.routes, p.WithOptions(o))
}

func (s *stage) collect(t *testing.T, o llm.CallOptions) (*llm.Response, error) {
	p, err := ask().Payload()
	require.NoError(t, err)
	stream, err := s.StreamRoutes(t.Context(), s.routes, p.WithOptions(o))
	if err != nil {
		return nil, err
	}
	return stream.Collect()
}

var (
	down   = act{err: llm.Errorf(llm.Unavailable, "down")}
	answer = act{text: "yes"}
)

// after switches a route on when so much time has passed.
func after(d time.Duration, c *client.Client) (stop func() bool) {
	c.SetAvailable(false)
	return time.AfterFunc(d, func() { c.SetAvailable(true) }).Stop
}

// R2: while another usable route is left a route gets two attempts, also where
// the other one becomes usable only during the wait before the third.
func TestNoThirdAttemptBesideARouteThatHasBecomeUsable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b *client.Client
		second := act{err: down.err, then: func() { b.SetAvailable(true) }} // the backoff is 2 s at least
		s := play(t, func(_ string, cfg *config.Model) {
			cfg.MaxRetries, cfg.Retry.Backoff, cfg.Retry.BackoffMax = 5, 4*time.Second, 4*time.Second
		}, []act{down, second}, []act{answer})
		defer s.close(t)
		b = s.routes[1]
		b.SetAvailable(false)
		r, err := s.chat(t, llm.CallOptions{})
		require.NoError(t, err)
		require.Equal(t, "a:UNAVAILABLE a:UNAVAILABLE b:OK", trail(r.Attempts))
		require.Equal(t, "backoff", r.Attempts[1].WaitedFor)
	})
}

// R4: a long wait that a server named is waited for on the last usable route
// only, so it ends when another route becomes usable.
func TestALongNamedWaitEndsWhenAnotherRouteBecomesUsable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := act{err: &llm.Error{Code: llm.RateLimit, Status: 429, RetryAfter: 9 * time.Second, HasRetryAfter: true, Message: "slow down"}}
		s := play(t, nil, []act{slow, answer}, []act{answer})
		defer s.close(t)
		defer after(5*time.Second, s.routes[1])()
		began := time.Now()
		r, err := s.chat(t, llm.CallOptions{})
		require.NoError(t, err)
		require.Equal(t, "a:RATE_LIMIT b:OK", trail(r.Attempts))
		require.Equal(t, 5*time.Second, time.Since(began), "at the event, not at the next look")
		require.Equal(t, 5*time.Second, r.Attempts[1].Wait)
		require.Equal(t, "retry-after", r.Attempts[1].WaitedFor)
	})
}

// The same where time alone makes the other route usable, which no event tells.
func TestALongNamedWaitEndsWhenAnotherRouteReopens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		refused := act{err: llm.Errorf(llm.Authentication, "no such key")}
		slow := act{err: &llm.Error{Code: llm.RateLimit, Status: 429, RetryAfter: 9 * time.Second, HasRetryAfter: true, Message: "slow down"}}
		s := play(t, func(_ string, cfg *config.Model) { cfg.Breaker.Block = 5 * time.Second }, []act{slow, answer}, []act{refused, answer})
		defer s.close(t)
		p, err := ask().Payload()
		require.NoError(t, err)
		_, err = s.ChatRoutes(t.Context(), s.routes[1:], p) // b is blocked for 5 s
		require.Error(t, err)
		began := time.Now()
		r, err := s.chat(t, llm.CallOptions{})
		require.NoError(t, err)
		require.Equal(t, "a:RATE_LIMIT b:OK", trail(r.Attempts))
		require.Equal(t, 5*time.Second, time.Since(began))
	})
}

// C2: a wait in line is bounded by timeout while another usable route is left,
// whenever that has become usable; without one it goes on.
func TestAWaitInLineLooksAtTheOtherRoutes(t *testing.T) {
	for name, c := range map[string]struct {
		usable time.Duration // when b becomes usable
		trail  string
		took   time.Duration
	}{
		"before timeout": {4 * time.Second, "b:OK", 10 * time.Second},
		"after timeout":  {15 * time.Second, "b:OK", 15 * time.Second},
		"never":          {time.Hour, "a:OK", 20 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := play(t, func(_ string, cfg *config.Model) { cfg.MaxConcurrentCalls = 1 }, []act{{wait: 20 * time.Second, text: "long"}, answer}, []act{answer})
				defer s.close(t)
				defer after(c.usable, s.routes[1])()
				first := make(chan error, 1)
				go func() { _, err := s.chat(t, llm.CallOptions{Timeout: time.Minute}); first <- err }()
				synctest.Wait()
				began := time.Now()
				r, err := s.chat(t, llm.CallOptions{})
				require.NoError(t, err)
				require.Equal(t, c.trail, trail(r.Attempts))
				require.Equal(t, c.took, time.Since(began))
				require.Equal(t, c.took, r.Attempts[0].Wait, "it waited in vain, and the trail says so")
				require.Equal(t, "concurrency limit", r.Attempts[0].WaitedFor)
				require.NoError(t, <-first)
			})
		})
	}
}

// E3, S9: an error for which there is no next route ends a hedged call, too:
// what one vendor refused is not asked of a third, nor taken from a second.
func TestARefusalEndsAHedgedCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		refused := act{wait: 2 * time.Second, err: llm.Errorf(llm.ContentFilter, "no")}
		for name, second := range map[string]act{"that would answer": {wait: 3 * time.Second, text: "yes"}, "that would fail": {wait: 3 * time.Second, err: down.err}} {
			s := play(t, nil, []act{refused}, []act{second}, []act{answer})
			_, err := s.collect(t, llm.CallOptions{HedgeAfter: time.Second})
			require.Error(t, err, "beside a hedge %s", name)
			e := llm.AsError(err)
			require.Equal(t, llm.ContentFilter, e.Code, "beside a hedge %s: %v", name, err)
			require.Equal(t, "a:CONTENT_FILTER b:CANCELED", trail(e.Attempts))
			require.Equal(t, 2*time.Second, e.Attempts[0].Duration)
			s.close(t)
		}
	})
}

// R1: a hedge that lost was an attempt; a route that may get only one is not
// asked again when the stream that won breaks off.
func TestALostHedgeIsAnAttempt(t *testing.T) {
	for retries, want := range map[int]string{1: "a:STREAM_INTERRUPTED b:CANCELED", 2: "a:STREAM_INTERRUPTED b:CANCELED b:OK"} {
		synctest.Test(t, func(t *testing.T) {
			s := play(t, nil, []act{{wait: 2 * time.Second, text: "some", err: llm.Errorf(llm.StreamInterrupted, "cut")}}, []act{{wait: 9 * time.Second, text: "late"}, answer})
			defer s.close(t)
			r, err := s.collect(t, llm.CallOptions{HedgeAfter: time.Second, MaxRetries: retries, OnInterrupt: llm.InterruptRestart})
			if retries == 1 {
				require.Equal(t, llm.AllFailed, llm.CodeOfError(err))
				require.Equal(t, want, trail(llm.AsError(err).Attempts))
				return
			}
			require.NoError(t, err)
			require.Equal(t, want, trail(r.Attempts))
		})
	}
}

// S9: aggregators over the same routes share one budget of hedges.
func TestAnAggregatorForEachCallDoesNotHedgeMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := manager.New(manager.Options{})
		s := play(t, nil, []act{{wait: 2 * time.Second, text: "slow"}}, []act{answer})
		defer s.close(t)
		hedges := 0
		for range 20 {
			s.Aggregator = aggregator.New(m, aggregator.Options{})
			r, err := s.collect(t, llm.CallOptions{HedgeAfter: time.Second})
			require.NoError(t, err)
			if len(r.Attempts) > 1 {
				hedges++
			}
			require.NoError(t, s.Close(t.Context()))
		}
		require.Equal(t, 1, hedges, "20 calls allow one")
	})
}

// S9: a hedge that is refused before anything is sent, here by a hard max_cost,
// leaves the budget of hedges as it was.
func TestAHedgeThatIsRefusedLeavesTheBudgetAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cheap, dear, tokens := 0.001, 1.0, 10
		s := play(t, func(name string, cfg *config.Model) {
			cfg.Price = price.Price{Request: map[string]*float64{"a": &cheap, "b": &dear}[name]}
		}, []act{{wait: 2 * time.Second, text: "slow"}}, []act{answer})
		defer s.close(t)
		request := ask()
		request.MaxTokens = &tokens
		p, err := request.Payload()
		require.NoError(t, err)
		var trails []string
		for _, amount := range []float64{0.5, 0.5, 5, 5} {
			b, err := llm.NewBudget("mine", llm.MaxCost{Amount: amount, Hard: true})
			require.NoError(t, err)
			stream, err := s.StreamRoutes(t.Context(), s.routes, p.WithOptions(llm.CallOptions{HedgeAfter: time.Second, Budgets: []*llm.Budget{b}}))
			require.NoError(t, err)
			r, err := stream.Collect()
			require.NoError(t, err)
			trails = append(trails, trail(r.Attempts))
		}
		require.Equal(t, []string{"a:OK", "a:OK", "a:TIMEOUT b:OK", "a:OK"}, trails, "one hedge is always allowed, and was not used up")
	})
}

// D6: after a restart it is the new route's reader_timeout that counts.
func TestReaderTimeoutIsThatOfTheRouteThatIsRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := play(t, func(name string, cfg *config.Model) {
			cfg.ReaderTimeout = map[string]time.Duration{"a": 10 * time.Second, "b": 2 * time.Second}[name]
		}, []act{{text: "some", err: llm.Errorf(llm.StreamInterrupted, "cut")}}, []act{answer})
		defer s.close(t)
		p, err := ask().Payload()
		require.NoError(t, err)
		stream, err := s.StreamRoutes(t.Context(), s.routes, p.WithOptions(llm.CallOptions{OnInterrupt: llm.InterruptRestart}))
		require.NoError(t, err)
		for range 2 { // the chunk, the restart
			_, err = stream.Next()
			require.NoError(t, err)
		}
		began := time.Now()
		<-stream.Done()
		require.Equal(t, 2*time.Second, time.Since(began))
	})
}
