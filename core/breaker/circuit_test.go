package breaker

import (
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func failures(b *circuit, n int) {
	for range n {
		b.fail(b.period)
	}
}

func successes(b *circuit, n int) {
	for range n {
		b.succeed(b.period, time.Now())
	}
}

func TestBreakerOpensAfterFiveConsecutiveFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newCircuit(settings(Settings{}))
		failures(b, 4)
		successes(b, 1)
		failures(b, 4)
		require.Equal(t, windowCounts{successes: 1, failures: 8, inARow: 4}, b.counts())
		require.Equal(t, Closed, b.state(), "a success starts the count again: 8 of 9")

		b = newCircuit(settings(Settings{}))
		failures(b, 4)
		require.Equal(t, Closed, b.state())
		failures(b, 1)
		require.Equal(t, Open, b.state())
	})
}

func TestBreakerConsecutiveFailuresOutliveTheWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newCircuit(settings(Settings{}))
		for range 4 {
			failures(b, 1)
			time.Sleep(40 * time.Second)
		}
		require.Equal(t, Closed, b.state())
		failures(b, 1)
		require.Equal(t, Open, b.state(), "B1 sets no time to consecutive failures")
	})
}

func TestBreakerOpensAtHalfOfTen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newCircuit(settings(Settings{}))
		for range 4 {
			failures(b, 1)
			successes(b, 1)
		}
		failures(b, 1)
		require.Equal(t, Closed, b.state(), "5 of 9: too few to judge")
		successes(b, 2)
		require.Equal(t, Closed, b.state(), "5 of 11")
		failures(b, 1)
		require.Equal(t, Open, b.state(), "6 of 12")
	})
}

func TestBreakerShareForgetsWhatLeftTheWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newCircuit(settings(Settings{}))
		for range 4 {
			failures(b, 1)
			successes(b, 1)
		}
		time.Sleep(31 * time.Second)
		require.Equal(t, windowCounts{}, b.counts())
		successes(b, 5)
		failures(b, 4)
		require.Equal(t, Closed, b.state(), "4 of 9 in the window, though 8 of 17 in all")

		b = newCircuit(settings(Settings{}))
		successes(b, 6)
		time.Sleep(20 * time.Second)
		failures(b, 3)
		time.Sleep(11 * time.Second) // the successes are gone, the failures are not
		successes(b, 4)
		failures(b, 2)
		require.Equal(t, Closed, b.state(), "5 of 9")
		successes(b, 1)
		failures(b, 1)
		require.Equal(t, Open, b.state(), "6 of 11")
	})
}

func TestBreakerSettingsAreUsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newCircuit(settings(Settings{Failures: 2, Open: time.Second}))
		failures(b, 2)
		require.Equal(t, Open, b.state())
		time.Sleep(time.Second - 2)
		require.Equal(t, Open, b.state())
		time.Sleep(2 * time.Nanosecond)
		require.Equal(t, HalfOpen, b.state(), "at the instant of openUntil, not after it")
		require.Equal(t, b.openUntil, time.Now())

		b = newCircuit(settings(Settings{Ratio: 0.25, MinRequests: 4}))
		successes(b, 3)
		failures(b, 1)
		require.Equal(t, Open, b.state())
	})
}

func TestBreakerProbe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newCircuit(settings(Settings{}))
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
		require.Equal(t, HalfOpen, b.state())

		done, ok = b.probe()
		require.True(t, ok, "a neutral probe is free again")
		done(errAttemptFailed)
		require.Equal(t, Open, b.state())
		require.Equal(t, time.Now().Add(10*time.Second), b.openUntil)

		time.Sleep(10 * time.Second)
		done, ok = b.probe()
		require.True(t, ok)
		before := b.period
		done(nil)
		require.Equal(t, Closed, b.state())
		require.Greater(t, b.period, before)
		require.Equal(t, windowCounts{}, b.counts())
	})
}

func TestBreakerTripOpensForAWholePeriod(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newCircuit(settings(Settings{}))
		failures(b, 5)
		time.Sleep(9 * time.Second)
		b.trip()
		time.Sleep(9 * time.Second)
		require.Equal(t, Open, b.state())
		time.Sleep(time.Second)
		require.Equal(t, HalfOpen, b.state())
		b.reset()
		failures(b, 4)
		require.Equal(t, Closed, b.state(), "trip leaves nothing behind")
	})
}

// gobreaker is not asked for each success, but forgets each as if it were.
func TestASuccessIsForgottenWithThePartOfTheWindowInWhichItCame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked, b := newCircuit(settings(Settings{})), newCircuit(settings(Settings{}))
		steps := rand.New(rand.NewPCG(1, 2))
		for range 2000 {
			time.Sleep(time.Duration(steps.IntN(5000)) * time.Millisecond)
			if steps.IntN(50) == 0 {
				failures(asked, 1)
				failures(b, 1)
			}
			for range steps.IntN(4) {
				asked.success = nil
				successes(asked, 1)
				successes(b, 1)
			}
			require.Equal(t, asked.counts(), b.counts())
			require.Equal(t, asked.state(), b.state())
		}
	})
}

func TestASuccessAfterARecoveryCountsInTheNewPeriod(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newCircuit(settings(Settings{}))
		successes(b, 3)
		failures(b, 5)
		time.Sleep(b.settings.Open)
		done, ok := b.probe()
		require.True(t, ok)
		done(nil)
		before := b.counts()
		successes(b, 1)
		require.Equal(t, before.successes+1, b.counts().successes)
	})
}
