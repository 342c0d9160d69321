package client

import (
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// retries counts how many of n are allowed.
func retries(b *budget, n int) (allowed int) {
	for range n {
		if b.allowRetry() {
			allowed++
		}
	}
	return allowed
}

func requests(b *budget, n int) {
	for range n {
		b.request()
	}
}

func TestBudgetOfAQuietRouteIsThreePerSecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBudget(budgetSettings{})
		require.Equal(t, 3, retries(b, 100))
		time.Sleep(time.Second)
		require.Equal(t, 3, retries(b, 100))
		time.Sleep(time.Hour)
		require.Equal(t, 3, retries(b, 100), "nothing is saved up")
	})
}

func TestBudgetShareStaysBelowAFifth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBudget(budgetSettings{})
		requests(b, 100)
		require.Equal(t, 3+19, retries(b, 100))
		time.Sleep(time.Second)
		require.Equal(t, 3, retries(b, 100))
		requests(b, 20)
		require.Equal(t, 4, retries(b, 100), "23 of 120")
	})
}

func TestBudgetForgetsAfterTheWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBudget(budgetSettings{})
		requests(b, 100)
		require.Equal(t, 22, retries(b, 100))
		time.Sleep(15 * time.Second)
		requests(b, 50)
		require.Equal(t, 3+10, retries(b, 100), "29 of 150")
		time.Sleep(16 * time.Second)
		require.Equal(t, 3, retries(b, 100), "10 of 50 are left")
		require.EqualValues(t, 50, b.sumReq)
		require.EqualValues(t, 10, b.sumRetry)
		time.Sleep(24 * time.Hour)
		require.Equal(t, 3, retries(b, 100))
		require.Zero(t, b.sumReq)
		require.Zero(t, b.sumRetry)
	})
}

func TestBudgetSettings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBudget(budgetSettings{ratio: -1, perSecond: -1})
		requests(b, 100)
		require.Zero(t, retries(b, 10), "negative gives nothing")
		b = newBudget(budgetSettings{ratio: 0.5, perSecond: 0.5, window: time.Second})
		requests(b, 10)
		require.Equal(t, 1+4, retries(b, 100))
		time.Sleep(2 * time.Second)
		require.Equal(t, 1, retries(b, 100))
	})
}

// Over minutes with every call failing, the retries stay below R5's bound.
func TestBudgetBoundHoldsOverTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBudget(budgetSettings{})
		var reqs, tries int
		for range 120 {
			for range 40 {
				b.request()
				reqs++
				tries += retries(b, 2)
			}
			time.Sleep(time.Second)
		}
		require.Less(t, float64(tries), 0.2*float64(reqs)+3*121)
		require.Greater(t, float64(tries), 0.2*float64(reqs)+3*110, "and are not wasted")
	})
}

func TestBudgetUnderConcurrency(t *testing.T) {
	b := newBudget(budgetSettings{perSecond: -1, window: time.Hour})
	var allowed atomic.Int64
	var wg sync.WaitGroup
	requests(b, 1000)
	for range 8 {
		wg.Go(func() { allowed.Add(int64(retries(b, 100))) })
	}
	wg.Wait()
	require.EqualValues(t, 199, allowed.Load())
}
