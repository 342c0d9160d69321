package aggregator_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/llmagg/llmagg/core/aggregator"
	"github.com/llmagg/llmagg/core/cache"
	"github.com/llmagg/llmagg/core/client"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/manager"
)

// keeper is [play] with a cache.
func keeper(t *testing.T, does ...[]act) (*stage, *cache.Cache) {
	s := play(t, nil, does...)
	c := cache.New(cache.Options{})
	s.Aggregator = aggregator.New(manager.New(manager.Options{}), aggregator.Options{Cache: c})
	return s, c
}

func TestAnEqualRequestIsAnsweredByTheCache(t *testing.T) {
	s, c := keeper(t, []act{{text: "one"}, {text: "two"}})
	defer s.close(t)
	first, err := s.chat(t, llm.CallOptions{Deadline: time.Minute})
	require.NoError(t, err)
	require.Empty(t, first.Cache)
	require.Len(t, first.Attempts, 1)

	second, err := s.chat(t, llm.CallOptions{Session: "other", MaxRetries: 2})
	require.NoError(t, err)
	require.Equal(t, "one", second.Text())
	require.Equal(t, llm.CacheHit, second.Cache)
	require.Empty(t, second.Attempts)
	require.Equal(t, &llm.Cost{Currency: "USD", Source: llm.CostOfCache}, second.Cost)
	require.NotEqual(t, first.CallID, second.CallID)

	streamed, err := s.collect(t, llm.CallOptions{})
	require.NoError(t, err)
	require.Equal(t, "one", streamed.Text())
	require.Equal(t, llm.CacheHit, streamed.Cache)
	require.Equal(t, "stop", streamed.Choices[0].FinishReason)
	require.Empty(t, streamed.Attempts)

	off, err := s.chat(t, llm.CallOptions{Cache: llm.CacheOff})
	require.NoError(t, err)
	require.Equal(t, "two", off.Text())
	third, err := s.chat(t, llm.CallOptions{})
	require.NoError(t, err)
	require.Equal(t, "one", third.Text(), "off keeps nothing")
	fresh, err := s.chat(t, llm.CallOptions{Cache: llm.CacheRefresh})
	require.NoError(t, err)
	require.Empty(t, fresh.Cache)
	fourth, err := s.chat(t, llm.CallOptions{})
	require.NoError(t, err)
	require.Equal(t, "two", fourth.Text(), "refresh replaces")

	_, err = s.chat(t, llm.CallOptions{Cache: "of"})
	require.ErrorContains(t, err, `did you mean "off"?`)
	_, err = s.chat(t, llm.CallOptions{CacheName: "nobody's"})
	require.ErrorContains(t, err, `"nobody's"`)
	require.Equal(t, uint64(4), c.Report().Hits)
}

// An answer that the options of a call refuse is asked for.
func TestAKeptAnswerMustBeAccepted(t *testing.T) {
	s, _ := keeper(t, []act{{text: "one"}, {text: "two"}})
	defer s.close(t)
	_, err := s.chat(t, llm.CallOptions{})
	require.NoError(t, err)
	refuses := llm.CallOptions{Accepts: func(r *llm.Response) error {
		if r.Text() == "one" {
			return errors.New("not this one")
		}
		return nil
	}}
	second, err := s.chat(t, refuses)
	require.NoError(t, err)
	require.Equal(t, "two", second.Text())
	third, err := s.collect(t, refuses)
	require.NoError(t, err)
	require.Equal(t, llm.CacheHit, third.Cache)
	panics := llm.CallOptions{Accepts: func(*llm.Response) error { panic("oh") }}
	_, err = s.chat(t, panics)
	require.Error(t, err)
}

// 64 calls at the same time are one request; each may leave.
func TestEqualCallsAtTheSameTimeAreOneRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c := keeper(t, []act{{text: "one", wait: 5 * time.Second}})
		var all sync.WaitGroup
		for i := range 64 {
			all.Go(func() {
				o := llm.CallOptions{}
				if i%8 == 7 { // the leader may be one of these
					o.Deadline = time.Second
				}
				r, err := s.chat(t, o)
				if o.Deadline > 0 {
					require.Equal(t, llm.Timeout, llm.AsError(err).Code)
					require.ErrorContains(t, err, "deadline of 1 s")
					return
				}
				require.NoError(t, err)
				require.Equal(t, "one", r.Text())
			})
		}
		all.Wait()
		r := c.Report()
		require.LessOrEqual(t, r.Misses, uint64(2))
		require.Equal(t, uint64(56), r.Hits+r.Joined+r.Kept)
		s.close(t)
	})
}

// A closed aggregator ends those who wait, whoever leads.
func TestClosingEndsThoseWhoWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c := keeper(t, []act{{text: "one", wait: 5 * time.Second}})
		other := aggregator.New(manager.New(manager.Options{}), aggregator.Options{Cache: c})
		p, err := ask().Payload()
		require.NoError(t, err)
		var all sync.WaitGroup
		all.Go(func() {
			r, err := s.chat(t, llm.CallOptions{})
			require.NoError(t, err)
			require.Equal(t, "one", r.Text())
		})
		synctest.Wait()
		all.Go(func() {
			_, err := other.ChatRoutes(t.Context(), s.routes, p)
			require.Equal(t, llm.Closed, llm.AsError(err).Code)
		})
		ctx, leave := context.WithCancel(t.Context())
		all.Go(func() {
			_, err := s.ChatRoutes(ctx, s.routes, p)
			require.Equal(t, llm.Canceled, llm.AsError(err).Code)
		})
		synctest.Wait()
		require.NoError(t, other.Close(t.Context()))
		leave()
		all.Wait()
		s.close(t)
	})
}

// pieces is a backend whose streams are told whole, or break off.
type pieces struct{ acts }

func (p *pieces) Stream(ctx context.Context, _ *client.Exchange) (client.ChunkReader, error) {
	now, err := p.next(ctx)
	if err != nil {
		return nil, err
	}
	if now.err != nil {
		return &said{now.text, now.err}, nil
	}
	r := &llm.Response{ID: "1", Choices: []llm.Choice{{Message: llm.Message{Content: now.text}, FinishReason: "stop"}}}
	return &list{r.AsChunks()}, nil
}

type list struct{ chunks []*llm.Chunk }

func (l *list) Next() (*llm.Chunk, error) {
	if len(l.chunks) == 0 {
		return (&said{}).Next()
	}
	c := l.chunks[0]
	l.chunks = l.chunks[1:]
	return c, nil
}

func (l *list) Close() error { return nil }

// What a complete stream told is kept, for chats too; what broke off, or was
// left by its reader, is not.
func TestOnlyACompleteStreamIsKept(t *testing.T) {
	s, c := keeper(t)
	backend := &pieces{acts{does: []act{{text: "cut", err: down.err}, {text: "left"}, {text: "whole"}}}}
	route, err := client.NewCustom(play(t, nil, []act{answer}).routes[0].Config(), backend, client.Options{})
	require.NoError(t, err)
	s.routes = []*client.Client{route}
	defer s.close(t)
	_, err = s.collect(t, llm.CallOptions{MaxRetries: 1})
	require.Equal(t, llm.StreamInterrupted, llm.AsError(err).Code)
	require.Zero(t, c.Report().Kept)

	p, err := ask().Payload()
	require.NoError(t, err)
	left, err := s.StreamRoutes(t.Context(), s.routes, p)
	require.NoError(t, err)
	_, err = left.Next()
	require.NoError(t, err)
	require.NoError(t, left.Close())
	require.Zero(t, c.Report().Kept)

	r, err := s.collect(t, llm.CallOptions{})
	require.NoError(t, err)
	require.Equal(t, "whole", r.Text())
	require.Empty(t, r.Cache)
	r, err = s.chat(t, llm.CallOptions{})
	require.NoError(t, err)
	require.Equal(t, "whole", r.Text())
	require.Equal(t, llm.CacheHit, r.Cache)

	again, err := s.StreamRoutes(t.Context(), s.routes, p) // left in the middle, and told to nobody
	require.NoError(t, err)
	ev, err := again.Next()
	require.NoError(t, err)
	require.Equal(t, "whole", ev.Chunk.Text())
	require.NoError(t, again.Close())
	_, err = again.Next()
	require.Equal(t, llm.Canceled, llm.AsError(err).Code)
}
