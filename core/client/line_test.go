package client

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
)

func TestLineServesFirstComeFirstServed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLine(2)
		require.NoError(t, l.acquire(t.Context()))
		require.True(t, l.tryAcquire())
		require.False(t, l.tryAcquire())
		var order []int
		var mu sync.Mutex
		var wg sync.WaitGroup
		for i := range 10 {
			wg.Go(func() {
				if l.acquire(t.Context()) != nil {
					return
				}
				mu.Lock()
				order = append(order, i)
				mu.Unlock()
			})
			synctest.Wait()
			require.Equal(t, i+1, l.waiting())
		}
		for i := range 10 {
			l.release()
			synctest.Wait()
			require.Equal(t, i, order[len(order)-1])
			require.Equal(t, 2, l.inFlight())
			require.Equal(t, 9-i, l.waiting())
		}
		wg.Wait()
		require.EqualValues(t, 12, l.served())
		l.release()
		l.release()
		require.Zero(t, l.inFlight())
		require.Equal(t, 2, l.capacity())
	})
}

func TestLineCancelledWaiterLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLine(1)
		require.NoError(t, l.acquire(t.Context()))
		ctx, cancel := context.WithCancel(t.Context())
		left := make(chan error, 1)
		go func() { left <- l.acquire(ctx) }()
		synctest.Wait()
		next := make(chan error, 1)
		go func() { next <- l.acquire(t.Context()) }()
		synctest.Wait()
		require.Equal(t, 2, l.waiting())

		cancel()
		require.ErrorIs(t, <-left, context.Canceled)
		require.Equal(t, 1, l.waiting())
		l.release()
		require.NoError(t, <-next, "the one behind moves up")
		l.release()
		require.Zero(t, l.inFlight())
		require.EqualValues(t, 2, l.served())
	})
}

func TestLineTakesNothingForAContextThatIsOver(t *testing.T) {
	l := newLine(0)
	require.Equal(t, 10, l.capacity())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, l.acquire(ctx), context.Canceled)
	require.Zero(t, l.inFlight())
	require.Zero(t, l.waiting())
}

func TestLineReleaseTooManyPanics(t *testing.T) {
	l := newLine(1)
	require.Panics(t, l.release)
}

// Fifty callers at ten places, some of whom leave: never more than ten inside, and no place is lost.
func TestLineUnderConcurrency(t *testing.T) {
	l := newLine(10)
	var inside, most atomic.Int64
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			for range 100 {
				ctx, cancel := context.WithCancel(t.Context())
				if i%5 == 0 {
					go cancel()
				}
				if l.acquire(ctx) == nil {
					n := inside.Add(1)
					for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
					}
					inside.Add(-1)
					l.release()
				}
				cancel()
			}
		})
	}
	wg.Wait()
	require.LessOrEqual(t, most.Load(), int64(10))
	require.Zero(t, l.inFlight())
	require.Zero(t, l.waiting())
	for range 10 {
		require.True(t, l.tryAcquire(), "all ten are free again")
	}
}
