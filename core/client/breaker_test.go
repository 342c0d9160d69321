package client

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func failures(b *breaker, n int) {
	for range n {
		b.record(b.period, errAttemptFailed)
	}
}

func successes(b *breaker, n int) {
	for range n {
		b.record(b.period, nil)
	}
}

func TestBreakerOpensAfterFiveConsecutiveFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBreaker(breakerSettings{})
		failures(b, 4)
		successes(b, 1)
		failures(b, 4)
		require.Equal(t, circuitClosed, b.circuit(), "a success starts the count again: 8 of 9")
		require.Equal(t, windowCounts{successes: 1, failures: 8, inARow: 4}, b.counts())

		b = newBreaker(breakerSettings{})
		failures(b, 4)
		require.Equal(t, circuitClosed, b.circuit())
		failures(b, 1)
		require.Equal(t, circuitOpen, b.circuit())
	})
}

func TestBreakerConsecutiveFailuresOutliveTheWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBreaker(breakerSettings{})
		for range 4 {
			failures(b, 1)
			time.Sleep(40 * time.Second)
		}
		require.Equal(t, circuitClosed, b.circuit())
		failures(b, 1)
		require.Equal(t, circuitOpen, b.circuit(), "B1 sets no time to consecutive failures")
	})
}

func TestBreakerOpensAtHalfOfTen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBreaker(breakerSettings{})
		for range 4 {
			failures(b, 1)
			successes(b, 1)
		}
		failures(b, 1)
		require.Equal(t, circuitClosed, b.circuit(), "5 of 9: too few to judge")
		successes(b, 2)
		require.Equal(t, circuitClosed, b.circuit(), "5 of 11")
		failures(b, 1)
		require.Equal(t, circuitOpen, b.circuit(), "6 of 12")
	})
}

func TestBreakerShareForgetsWhatLeftTheWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBreaker(breakerSettings{})
		for range 4 {
			failures(b, 1)
			successes(b, 1)
		}
		time.Sleep(31 * time.Second)
		require.Equal(t, windowCounts{}, b.counts())
		successes(b, 5)
		failures(b, 4)
		require.Equal(t, circuitClosed, b.circuit(), "4 of 9 in the window, though 8 of 17 in all")

		b = newBreaker(breakerSettings{})
		successes(b, 6)
		time.Sleep(20 * time.Second)
		failures(b, 3)
		time.Sleep(11 * time.Second) // the successes are gone, the failures are not
		successes(b, 4)
		failures(b, 2)
		require.Equal(t, circuitClosed, b.circuit(), "5 of 9")
		successes(b, 1)
		failures(b, 1)
		require.Equal(t, circuitOpen, b.circuit(), "6 of 11")
	})
}

func TestBreakerSettingsAreUsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBreaker(breakerSettings{failures: 2, open: time.Second})
		failures(b, 2)
		require.Equal(t, circuitOpen, b.circuit())
		time.Sleep(time.Second - 2)
		require.Equal(t, circuitOpen, b.circuit())
		time.Sleep(2 * time.Nanosecond)
		require.Equal(t, circuitHalfOpen, b.circuit(), "at the instant of openUntil, not after it")
		require.Equal(t, b.openUntil, time.Now())

		b = newBreaker(breakerSettings{ratio: 0.25, minRequests: 4})
		successes(b, 3)
		failures(b, 1)
		require.Equal(t, circuitOpen, b.circuit())
	})
}

func TestBreakerProbe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBreaker(breakerSettings{})
		_, ok := b.probe()
		require.False(t, ok, "no probe while closed")
		b.trip()
		_, ok = b.probe()
		require.False(t, ok, "no probe while open")
		time.Sleep(10 * time.Second)

		done, ok := b.probe()
		require.True(t, ok)
		_, ok = b.probe()
		require.False(t, ok, "one at a time")
		done(errAttemptNeutral)
		require.Equal(t, circuitHalfOpen, b.circuit())

		done, ok = b.probe()
		require.True(t, ok, "a neutral probe is free again")
		done(errAttemptFailed)
		require.Equal(t, circuitOpen, b.circuit())
		require.Equal(t, time.Now().Add(10*time.Second), b.openUntil)

		time.Sleep(10 * time.Second)
		done, ok = b.probe()
		require.True(t, ok)
		before := b.period
		done(nil)
		require.Equal(t, circuitClosed, b.circuit())
		require.Greater(t, b.period, before)
		require.Equal(t, windowCounts{}, b.counts())
	})
}

func TestBreakerTripOpensForAWholePeriod(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBreaker(breakerSettings{})
		failures(b, 5)
		time.Sleep(9 * time.Second)
		b.trip()
		time.Sleep(9 * time.Second)
		require.Equal(t, circuitOpen, b.circuit())
		time.Sleep(time.Second)
		require.Equal(t, circuitHalfOpen, b.circuit())
		b.reset()
		failures(b, 4)
		require.Equal(t, circuitClosed, b.circuit(), "trip leaves nothing behind")
	})
}
