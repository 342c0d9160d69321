package alarm

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestAnAlarmRingsInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		rang := make(chan time.Duration, 4)
		a := New(2*time.Second, func() { rang <- time.Since(began) })
		time.Sleep(time.Second)
		a.Set(time.Now(), 2*time.Second)
		require.Equal(t, 3*time.Second, <-rang)
		require.False(t, a.Stop(), "it has rung")
		a.Set(time.Now(), time.Second)
		require.True(t, a.Stop())
		time.Sleep(time.Minute)
		require.Empty(t, rang)
	})
}

// Of a stream: one alarm for its first token and then for its silence.
func TestAnAlarmThatWasStoppedForAnotherTellsTheOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		rang := make(chan string, 4)
		a := New(2*time.Second, func() { rang <- "first" })
		time.Sleep(time.Second)
		a.StopFor(ringFunc(func() { rang <- "other" }))
		time.Sleep(time.Minute)
		require.Empty(t, rang)
		a.Set(time.Now(), 3*time.Second)
		a.ring() // of the first one's timer, which was stopped too late
		require.Equal(t, "other", <-rang)
		require.Equal(t, time.Minute+4*time.Second, time.Since(began))
	})
}

// A process that was stopped: the timer's goroutine runs long after its time.
func TestAnAlarmThatIsLateLooksOnceMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		rang := make(chan time.Duration, 4)
		a := New(time.Minute, func() { rang <- time.Since(began) })
		late := func(by time.Duration) {
			a.mu.Lock()
			a.due = time.Now().Add(-by)
			a.mu.Unlock()
			a.ring()
		}
		late(3 * time.Second)
		time.Sleep(time.Second)
		require.Empty(t, rang)
		a.Set(time.Now(), time.Minute) // data came
		require.Equal(t, time.Minute+time.Second, <-rang)

		a.Set(time.Now(), time.Minute)
		late(3 * time.Second)
		at := time.Now()
		require.Equal(t, at.Sub(began)+3*time.Second, <-rang, "nothing came in the time that it was late")

		a.Set(time.Now(), time.Minute)
		late(3 * time.Second)
		a.Stop()
		time.Sleep(time.Hour)
		require.Empty(t, rang)
		a.ring() // of a timer that was stopped too late
		require.Empty(t, rang)

		a.Set(time.Now(), time.Minute)
		late(Late)
		require.Len(t, rang, 1, "a moment is not late")
		<-rang

		a.Set(time.Now(), time.Minute)
		for range mostLooks {
			late(time.Hour)
		}
		require.Empty(t, rang)
		late(time.Hour)
		require.Len(t, rang, 1, "not for ever")
	})
}
