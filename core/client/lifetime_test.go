package client_test

import (
	"context"
	"io"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/llmagg/llmagg/core/client"
	"github.com/llmagg/llmagg/core/config"
	"github.com/llmagg/llmagg/core/faultwall"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/stretchr/testify/require"
)

// A complete stream leaves its connection to the next call, though [DONE] and
// the end of the body are not waited for (S3).
func TestCompleteStreamsShareOneConnection(t *testing.T) {
	for name, step := range map[string]string{
		"whole":           `{"text":"one two three"}`,
		"done comes late": `{"events":[{"text":"hi","finish_reason":"stop"},{"data":"[DONE]","delay_s":0.05}]}`,
		"usage":           `{"text":"one two","usage_chunk":"own"}`,
	} {
		t.Run(name, func(t *testing.T) {
			w := wallWith(t, "["+step+"]")
			c := route(t, w, nil)
			reused := 0
			for tries := 0; reused < 3 && tries < 100; tries++ { // a call that comes before the rest is read opens another
				s, err := c.Stream(t.Context(), ask())
				require.NoError(t, err)
				_, err = s.Collect()
				require.NoError(t, err)
				require.NoError(t, w.Wait(t.Context(), func(s faultwall.Seen) bool {
					return !slices.ContainsFunc(s.Requests, func(r faultwall.SeenRequest) bool { return r.End == 0 })
				}))
				if requests := w.Seen().Requests; requests[len(requests)-1].Reused {
					reused++
				}
			}
			require.Equal(t, 3, reused)
			require.Zero(t, w.Seen().Totals.Disconnects)
		})
	}
}

// A complete stream that the server does not end is let go after a second, and
// nobody waits for that but the client's Close.
func TestTheRestOfACompleteStreamIsReadWithinBounds(t *testing.T) {
	w := wallWith(t, `[{"events":[{"text":"hi","finish_reason":"stop","usage":{"total_tokens":3}},"[DONE]",{"comment":"more","hold":"never"}]}]`)
	c := route(t, w, nil)
	began := time.Now()
	s, err := c.Stream(t.Context(), ask())
	require.NoError(t, err)
	r, err := s.Collect()
	require.NoError(t, err)
	require.Equal(t, "hi", r.Text())
	require.Less(t, time.Since(began), 500*time.Millisecond)
	require.Zero(t, c.Report().InFlight, "its place is free at once")
	require.NoError(t, c.Close(t.Context()))
	require.Less(t, time.Since(began), 3*time.Second)
	require.NoError(t, w.Wait(t.Context(), func(s faultwall.Seen) bool { return s.Totals.Disconnects == 1 }))
}

// Close from another goroutine while Next is called: whatever comes first, the
// stream ends and its place is free.
func TestCloseWhileReading(t *testing.T) {
	w := wallWith(t, `[{"forever":true}]`)
	c := route(t, w, nil)
	for i := range 100 {
		s, err := c.Stream(context.Background(), ask())
		require.NoError(t, err)
		var both sync.WaitGroup
		both.Go(func() { require.NoError(t, s.Close()) })
		both.Go(func() {
			for range i % 5 {
				if _, err := s.Next(); err != nil {
					require.Equal(t, llm.Canceled, llm.CodeOfError(err))
				}
			}
		})
		both.Wait()
		<-s.Done() // though nobody reads on
		_, err = s.Next()
		require.Equal(t, llm.Canceled, llm.CodeOfError(err), "%v", err)
		require.Zero(t, c.Report().InFlight)
	}
}

// slowChunks is a backend whose stream gives a chunk whenever the test says.
type slowChunks struct {
	next chan struct{}
	read chan struct{} // told when a read begins
}

func (b *slowChunks) Chat(context.Context, *client.Exchange) (*llm.Response, error) {
	return nil, llm.Errorf(llm.Unavailable, "streams only")
}

func (b *slowChunks) Stream(context.Context, *client.Exchange) (client.ChunkReader, error) {
	return b, nil
}

func (b *slowChunks) Next() (*llm.Chunk, error) {
	b.read <- struct{}{}
	<-b.next
	return &llm.Chunk{Choices: []llm.ChunkChoice{{Delta: llm.Message{Content: "x"}}}}, nil
}

func (b *slowChunks) Close() error { return nil }

func custom(t *testing.T, b client.Backend, change func(*config.Model)) *client.Client {
	t.Helper()
	cfg := config.Model{Provider: "mine", Name: "m", Timeout: 2 * time.Second,
		Retry: config.Retry{Backoff: time.Millisecond, BackoffMax: 2 * time.Millisecond}}
	if change != nil {
		change(&cfg)
	}
	c, err := client.NewCustom(cfg, b, client.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close(context.Background())) })
	return c
}

// The chunk that arrives while the stream is being closed is still given, and
// the stream ends though nobody asks for another.
func TestCloseDuringAReadThatSucceeds(t *testing.T) {
	b := &slowChunks{next: make(chan struct{}, 1), read: make(chan struct{}, 8)}
	c := custom(t, b, nil)
	b.next <- struct{}{}
	s, err := c.Stream(t.Context(), ask())
	require.NoError(t, err)
	_, err = s.Next() // the first token, which is there
	require.NoError(t, err)
	<-b.read
	got := make(chan error, 1)
	go func() { _, err := s.Next(); got <- err }()
	<-b.read
	require.NoError(t, s.Close())
	b.next <- struct{}{}
	if err := <-got; err != nil {
		require.Equal(t, llm.Canceled, llm.CodeOfError(err))
	}
	select {
	case <-s.Done():
	case <-time.After(5 * time.Second):
		t.Fatal("the stream has not ended")
	}
	require.Zero(t, c.Report().InFlight)
}

// broken is a backend that misbehaves as Go code can.
type broken struct {
	chat   func() (*llm.Response, error)
	stream func() (client.ChunkReader, error)
}

func (b broken) Chat(context.Context, *client.Exchange) (*llm.Response, error) { return b.chat() }
func (b broken) Stream(context.Context, *client.Exchange) (client.ChunkReader, error) {
	return b.stream()
}

type reader func() (*llm.Chunk, error)

func (r reader) Next() (*llm.Chunk, error) { return r() }
func (r reader) Close() error              { return nil }

// A backend's panic is INTERNAL: it frees the place and counts against the
// route, as the error table says.
func TestABackendThatPanicsIsAFailure(t *testing.T) {
	boom := broken{chat: func() (*llm.Response, error) { panic("boom") }, stream: func() (client.ChunkReader, error) { panic("boom") }}
	c := custom(t, boom, func(cfg *config.Model) { cfg.Breaker.Failures = 3 })
	for range 2 {
		_, err := c.Chat(t.Context(), ask())
		require.Equal(t, llm.Internal, llm.CodeOfError(err))
		require.ErrorContains(t, err, "boom")
		require.Len(t, llm.AsError(err).Attempts, 1, "not asked again")
		require.Zero(t, c.Report().InFlight)
	}
	_, err := c.Stream(t.Context(), ask())
	require.Equal(t, llm.Internal, llm.CodeOfError(err))
	require.Equal(t, "open", c.Report().Circuit)
	require.Zero(t, c.Report().InFlight)

	calls := 0
	late := broken{stream: func() (client.ChunkReader, error) {
		return reader(func() (*llm.Chunk, error) {
			if calls++; calls > 1 {
				panic("late boom")
			}
			return &llm.Chunk{Choices: []llm.ChunkChoice{{Delta: llm.Message{Content: "some"}}}}, nil
		}), nil
	}}
	c = custom(t, late, nil)
	s, err := c.Stream(t.Context(), ask())
	require.NoError(t, err)
	_, err = s.Collect()
	require.Equal(t, llm.StreamInterrupted, llm.CodeOfError(err))
	require.ErrorContains(t, err, "late boom")
	require.Equal(t, "some", llm.AsError(err).Partial)
	require.Zero(t, c.Report().InFlight)
}

func TestABackendThatReturnsNothingIsAFailure(t *testing.T) {
	nothing := broken{chat: func() (*llm.Response, error) { return nil, nil }, stream: func() (client.ChunkReader, error) { return nil, nil }}
	c := custom(t, nothing, func(cfg *config.Model) { cfg.MaxRetries = 1 })
	_, err := c.Chat(t.Context(), ask())
	require.Equal(t, llm.BadResponse, llm.CodeOfError(err))
	_, err = c.Stream(t.Context(), ask())
	require.Equal(t, llm.BadResponse, llm.CodeOfError(err))
	empty := broken{stream: func() (client.ChunkReader, error) {
		return reader(func() (*llm.Chunk, error) { return nil, nil }), nil
	}}
	_, err = custom(t, empty, func(cfg *config.Model) { cfg.MaxRetries = 1 }).Stream(t.Context(), ask())
	require.Equal(t, llm.BadResponse, llm.CodeOfError(err))
	none := broken{stream: func() (client.ChunkReader, error) {
		return reader(func() (*llm.Chunk, error) { return nil, io.EOF }), nil
	}}
	_, err = custom(t, none, func(cfg *config.Model) { cfg.MaxRetries = 1 }).Stream(t.Context(), ask())
	require.Equal(t, llm.StreamInterrupted, llm.CodeOfError(err), "S2: at least one choice must come")
}

// A wait that an application's backend names counts like a server's (R4).
func TestABackendMayNameAWait(t *testing.T) {
	calls := 0
	b := broken{chat: func() (*llm.Response, error) {
		if calls++; calls == 1 {
			return nil, &llm.Error{Code: llm.RateLimit, Message: "slow down", RetryAfter: 150 * time.Millisecond, HasRetryAfter: true}
		}
		return &llm.Response{Choices: []llm.Choice{{FinishReason: "stop"}}}, nil
	}}
	r, err := custom(t, b, nil).Chat(t.Context(), ask())
	require.NoError(t, err)
	require.GreaterOrEqual(t, r.Attempts[1].Wait, 150*time.Millisecond)
}

func TestCloseTwiceAndUseAfterClose(t *testing.T) {
	c := route(t, wallWith(t, `[{}]`), nil)
	_, err := c.Chat(t.Context(), ask())
	require.NoError(t, err)
	require.NoError(t, c.Close(t.Context()))
	require.NoError(t, c.Close(t.Context()))
	_, err = c.Chat(t.Context(), ask())
	require.Equal(t, llm.Closed, llm.CodeOfError(err))
	require.ErrorContains(t, err, "the client is closed")
	_, err = c.Stream(t.Context(), ask())
	require.Equal(t, llm.Closed, llm.CodeOfError(err))
	require.False(t, c.CheckHealth(t.Context()))
}

// A retired client stays open for those who may still come to it.
func TestAHeldClientRetiresWhenItIsReleased(t *testing.T) {
	c := route(t, wallWith(t, `[{}]`), nil)
	require.True(t, c.Hold())
	require.True(t, c.Hold())
	c.Retire()
	c.Release()
	_, err := c.Chat(t.Context(), ask())
	require.NoError(t, err)
	c.Release()
	_, err = c.Chat(t.Context(), ask())
	require.Equal(t, llm.Closed, llm.CodeOfError(err))
	require.False(t, c.Hold())

	c = route(t, wallWith(t, `[{}]`), nil)
	require.True(t, c.Hold())
	require.NoError(t, c.Close(t.Context()), "a hold holds up no Close")
	c.Release()
}

func TestCloseEndsCallsInFlightAndInLine(t *testing.T) {
	w := wallWith(t, `[{"hold":"never"}]`)
	c := route(t, w, func(cfg *config.Model) { cfg.MaxConcurrentCalls = 1; cfg.Timeout = time.Minute })
	errs := make(chan error, 3)
	for range 3 {
		go func() { _, err := c.Chat(context.Background(), ask()); errs <- err }()
	}
	require.NoError(t, w.Wait(t.Context(), func(s faultwall.Seen) bool { return s.Totals.InFlight == 1 }))
	require.Eventually(t, func() bool { return c.Report().Waiting == 2 }, 5*time.Second, time.Millisecond)
	require.NoError(t, c.Close(t.Context()))
	for range 3 {
		require.Equal(t, llm.Closed, llm.CodeOfError(<-errs))
	}
}

func TestBadRequestsLeaveTheClientUsable(t *testing.T) {
	w := wallWith(t, `[{}]`)
	c := route(t, w, nil)
	for says, r := range map[string]*llm.Request{
		"request is nil":          nil,
		`"messages" is empty`:     {Messages: []llm.Message{}},
		`"messages"`:              {},
		`messages[0].role is "x"`: {Messages: []llm.Message{{Role: "x", Content: "hi"}}},
		"invalid UTF-8":           {Messages: []llm.Message{{Role: llm.RoleUser, Content: "a\xffb"}}},
		`"n" is 0; expected 1`:    {Messages: ask().Messages, N: new(int)},
	} {
		_, err := c.Chat(t.Context(), r)
		require.Equal(t, llm.InvalidArgument, llm.CodeOfError(err), says)
		require.ErrorContains(t, err, says)
		_, err = c.Stream(t.Context(), r)
		require.Equal(t, llm.InvalidArgument, llm.CodeOfError(err), says)
	}
	require.Empty(t, w.Seen().Requests)
	_, err := c.Chat(t.Context(), ask())
	require.NoError(t, err)
}
