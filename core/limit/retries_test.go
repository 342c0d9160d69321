package limit

import (
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// retries counts how many of n are allowed.
func retries(b *Retries, n int) (allowed int) {
	for range n {
		if b.Allow().Taken() {
			allowed++
		}
	}
	return allowed
}

func ask(b *Retries, n int) {
	for range n {
		b.Request(time.Now())
	}
}

func TestRetriesOfAQuietRouteIsThreePerSecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewRetries(0.2, 3)
		require.Equal(t, 3, retries(b, 100))
		time.Sleep(time.Second)
		require.Equal(t, 3, retries(b, 100))
		time.Sleep(time.Hour)
		require.Equal(t, 3, retries(b, 100), "nothing is saved up")
	})
}

func TestRetriesShareStaysBelowAFifth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewRetries(0.2, 3)
		ask(b, 100)
		require.Equal(t, 3+19, retries(b, 100))
		time.Sleep(time.Second)
		require.Equal(t, 3, retries(b, 100))
		ask(b, 20)
		require.Equal(t, 4, retries(b, 100), "23 of 120")
	})
}

func TestRetriesForgetsAfterTheWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewRetries(0.2, 3)
		ask(b, 100)
		require.Equal(t, 22, retries(b, 100))
		time.Sleep(15 * time.Second)
		ask(b, 50)
		require.Equal(t, 3+10, retries(b, 100), "29 of 150")
		time.Sleep(16 * time.Second)
		require.Equal(t, 3, retries(b, 100), "10 of 50 are left")
		require.EqualValues(t, 50, b.window.sums[requests])
		require.EqualValues(t, 10, b.window.sums[sharedRetries])
		time.Sleep(24 * time.Hour)
		require.Equal(t, 3, retries(b, 100))
		require.Zero(t, b.window.sums[requests])
		require.Zero(t, b.window.sums[sharedRetries])
	})
}

func TestRetriesSettings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewRetries(-1, -1)
		ask(b, 100)
		require.Zero(t, retries(b, 10), "negative gives nothing")
		b = NewRetries(0.5, 0.5)
		ask(b, 10)
		require.Equal(t, 1+4, retries(b, 100))
		time.Sleep(31 * time.Second)
		require.Equal(t, 1, retries(b, 100))
	})
}

// Over minutes with every call failing, the retries stay below R5's bound.
func TestRetriesBoundHoldsOverTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewRetries(0.2, 3)
		var reqs, tries int
		for range 120 {
			for range 40 {
				b.Request(time.Now())
				reqs++
				tries += retries(b, 2)
			}
			time.Sleep(time.Second)
		}
		require.Less(t, float64(tries), 0.2*float64(reqs)+3*121)
		require.Greater(t, float64(tries), 0.2*float64(reqs)+3*110, "and are not wasted")
	})
}

func TestRetriesUnderConcurrency(t *testing.T) {
	b := NewRetries(0.2, -1)
	var allowed atomic.Int64
	var wg sync.WaitGroup
	ask(b, 1000)
	for range 8 {
		wg.Go(func() { allowed.Add(int64(retries(b, 100))) })
	}
	wg.Wait()
	require.EqualValues(t, 199, allowed.Load())
}

// A retry that was allowed and not made leaves the budget as it was; what has
// left the window meanwhile is not given back a second time.
func TestRetriesGivenBackCountNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewRetries(0.2, 1)
		ask(b, 100)
		for range 100 {
			charge := b.Allow()
			require.True(t, charge.Taken())
			b.GiveBack(charge)
		}
		require.Equal(t, 1+19, retries(b, 100))
		b.GiveBack(Charge{})
		require.Zero(t, retries(b, 100))
	})
	synctest.Test(t, func(t *testing.T) {
		b := NewRetries(0.2, -1)
		ask(b, 100)
		charge := b.Allow()
		time.Sleep(10 * time.Second)
		b.GiveBack(charge)
		require.Equal(t, 19, retries(b, 100))
		time.Sleep(31 * time.Second)
		ask(b, 10)
		b.GiveBack(charge)
		require.Equal(t, 1, retries(b, 100), "the charge is long forgotten")
	})
}
