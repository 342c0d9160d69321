package limit

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
)

func TestConcurrencyServesFirstComeFirstServed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := NewConcurrency(2)
		require.NoError(t, l.Acquire(t.Context()))
		require.True(t, l.TryAcquire())
		require.False(t, l.TryAcquire())
		var order []int
		var mu sync.Mutex
		var wg sync.WaitGroup
		for i := range 10 {
			wg.Go(func() {
				if l.Acquire(t.Context()) != nil {
					return
				}
				mu.Lock()
				order = append(order, i)
				mu.Unlock()
			})
			synctest.Wait()
			require.Equal(t, i+1, l.Waiting())
		}
		for i := range 10 {
			l.Release()
			synctest.Wait()
			require.Equal(t, i, order[len(order)-1])
			require.Equal(t, 2, l.InFlight())
			require.Equal(t, 9-i, l.Waiting())
		}
		wg.Wait()
		l.Release()
		l.Release()
		require.Zero(t, l.InFlight())
		require.Equal(t, 2, l.Size())
	})
}

func TestConcurrencyCancelledWaiterLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := NewConcurrency(1)
		require.NoError(t, l.Acquire(t.Context()))
		ctx, cancel := context.WithCancel(t.Context())
		left := make(chan error, 1)
		go func() { left <- l.Acquire(ctx) }()
		synctest.Wait()
		next := make(chan error, 1)
		go func() { next <- l.Acquire(t.Context()) }()
		synctest.Wait()
		require.Equal(t, 2, l.Waiting())

		cancel()
		require.ErrorIs(t, <-left, context.Canceled)
		require.Equal(t, 1, l.Waiting())
		l.Release()
		require.NoError(t, <-next, "the one behind moves up")
		l.Release()
		require.Zero(t, l.InFlight())
	})
}

func TestConcurrencyTakesNothingForAContextThatIsOver(t *testing.T) {
	l := NewConcurrency(10)
	require.Equal(t, 10, l.Size())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, l.Acquire(ctx), context.Canceled)
	require.Zero(t, l.InFlight())
	require.Zero(t, l.Waiting())
}

func TestConcurrencyReleaseTooManyPanics(t *testing.T) {
	l := NewConcurrency(1)
	require.Panics(t, l.Release)
}

// Fifty callers at ten places, some of whom leave: never more than ten inside,
// and no place is lost.
func TestConcurrencyUnderConcurrency(t *testing.T) {
	l := NewConcurrency(10)
	var inside, most atomic.Int64
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			for range 100 {
				ctx, cancel := context.WithCancel(t.Context())
				if i%5 == 0 {
					go cancel()
				}
				if l.Acquire(ctx) == nil {
					n := inside.Add(1)
					for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
					}
					inside.Add(-1)
					l.Release()
				}
				cancel()
			}
		})
	}
	wg.Wait()
	require.LessOrEqual(t, most.Load(), int64(10))
	require.Zero(t, l.InFlight())
	require.Zero(t, l.Waiting())
	for range 10 {
		require.True(t, l.TryAcquire(), "all ten are free again")
	}
}
