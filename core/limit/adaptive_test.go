package limit

import (
	"context"
	"math"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// server takes so many calls at once, or so many tokens a minute; what is too
// much is refused at once, tokens with a wait.
type server struct {
	slots  int           // 0: no limit
	tpm    float64       // 0: no limit
	length func() int    // of an answer, in tokens
	speed  time.Duration // of a token

	mu               sync.Mutex // guards what follows
	level            float64
	at, blocked      time.Time // blocked: by a wait that was told
	busy             int
	answers, refused int
}

func (s *server) takes(cost int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.tpm > 0 {
		now := time.Now()
		s.level = min(s.level+s.tpm*now.Sub(s.at).Minutes(), s.tpm)
		s.at = now
		if missing := float64(cost) - s.level; missing > 0 {
			s.refused++
			s.blocked = now.Add(time.Duration(math.Ceil(missing/s.tpm*60)) * time.Second)
			return false
		}
		s.level -= float64(cost)
	}
	if s.slots > 0 && s.busy == s.slots {
		s.refused++
		return false
	}
	s.busy++
	s.answers++
	return true
}

func (s *server) rests() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return time.Until(s.blocked)
}

// call is one attempt.
func (s *server) call(l *Concurrency) {
	defer l.Release()
	if s.rests() > 0 { // as a route looks again once it has a slot
		return
	}
	began, n := time.Now(), s.length()
	if !s.takes(n + 200) {
		time.Sleep(time.Millisecond)
		l.Overloaded(began)
		return
	}
	time.Sleep(time.Duration(n) * s.speed)
	s.mu.Lock()
	s.busy--
	s.mu.Unlock()
	l.Succeeded(began)
}

// under is a load of callers who come back at once, also when they are refused.
func (s *server) under(t *testing.T, callers int, lasts time.Duration) {
	synctest.Test(t, func(t *testing.T) {
		s.at = time.Now()
		l := NewAdaptive(Adaptive{Min: 1, Max: 200, Start: 10})
		ctx, stop := context.WithTimeout(t.Context(), lasts)
		defer stop()
		var all sync.WaitGroup
		for range callers {
			all.Go(func() {
				for {
					if rest := s.rests(); rest > 0 {
						time.Sleep(rest)
					} else if l.Acquire(ctx) != nil {
						return
					} else {
						s.call(l)
					}
				}
			})
		}
		all.Wait()
		t.Logf("%d answers, %d refused, size %d", s.answers, s.refused, l.Size())
		require.Zero(t, l.InFlight())
	})
}

// lengths are lognormal, with a median of 270 tokens and a mean of 345.
func lengths() int { return int(min(270*math.Exp(rand.NormFloat64()*0.7), 4000)) }

func TestTheSizeFollowsWhatTheServerTakes(t *testing.T) {
	for name, c := range map[string]struct {
		*server
		callers int
		lasts   time.Duration
		best    float64 // answers
		least   float64 // of the best
		refused float64 // of all, at most
	}{
		"20 short answers at once":        {&server{slots: 20, length: func() int { return 10 }, speed: 10 * time.Millisecond}, 64, time.Minute, 12_000, 0.95, 0.015},
		"20 long answers at once":         {&server{slots: 20, length: lengths, speed: 20 * time.Millisecond}, 200, 10 * time.Minute, 20 * 600 / 6.9, 0.80, 0.03},
		"600 000 tokens a minute":         {&server{tpm: 600_000, level: 100_000, length: lengths, speed: 20 * time.Millisecond}, 400, 10 * time.Minute, 6_100_000 / 545, 0.95, 0.01},
		"600 000 a minute, short answers": {&server{tpm: 600_000, level: 10_000, length: lengths, speed: time.Millisecond}, 400, 10 * time.Minute, 6_010_000 / 545, 0.90, 0.02},
		"as many as there are":            {&server{length: func() int { return 10 }, speed: 10 * time.Millisecond}, 400, time.Minute, 120_000, 0.95, 0},
	} {
		t.Run(name, func(t *testing.T) {
			s := c.server
			s.under(t, c.callers, c.lasts)
			require.GreaterOrEqual(t, float64(s.answers), c.best*c.least)
			require.LessOrEqual(t, float64(s.refused), c.refused*float64(s.answers+s.refused))
		})
	}
}

func TestSlowStartEndsWithTheFirstOverload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := NewAdaptive(Adaptive{Min: 2, Max: 30, Start: 10})
		take := func(n int) {
			for range n {
				require.True(t, l.TryAcquire())
			}
		}
		take(10)
		require.False(t, l.TryAcquire())
		l.Succeeded(time.Now()) // full: one more
		require.Equal(t, 11, l.Size())
		l.Release()
		l.Succeeded(time.Now()) // not full
		require.Equal(t, 11, l.Size())
		time.Sleep(time.Millisecond)
		before := time.Now()
		time.Sleep(time.Millisecond)
		require.False(t, l.Overloaded(before))
		require.Equal(t, 8, l.Size())
		require.True(t, l.Overloaded(before)) // the same overload
		require.Equal(t, 8, l.Size())
		require.Equal(t, 9, l.InFlight())
		l.Release()
		require.False(t, l.TryAcquire())
		l.Succeeded(before) // of a larger size: it says nothing of this one
		l.Succeeded(before)
		require.Equal(t, 8, l.Size())
		l.Succeeded(time.Now()) // +2/8.8
		l.Succeeded(time.Now())
		require.Equal(t, 9, l.Size())
		for range 20 {
			time.Sleep(cutEvery)
			l.Overloaded(time.Now())
		}
		require.Equal(t, 2, l.Size())
		for l.InFlight() > 0 {
			l.Release()
		}
		take(2)
		require.False(t, l.TryAcquire())
		l.Release()
		l.Release()
		time.Sleep(quiet + time.Second)
		take(10) // the start again
		require.False(t, l.TryAcquire())
		for l.InFlight() < 30 { // and slow start again, up to the most
			l.Succeeded(time.Now())
			take(1)
		}
		l.Succeeded(time.Now())
		require.Equal(t, 30, l.Size())
	})
}

// Slots of attempts that are refused soon after a cut rest, and come back.
func TestRefusedSlotsRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := NewAdaptive(Adaptive{Min: 2, Max: 30, Start: 10})
		refused := func(known bool) {
			require.True(t, l.TryAcquire())
			began := time.Now()
			time.Sleep(time.Millisecond)
			require.Equal(t, known, l.Overloaded(began))
			l.Release()
		}
		refused(false)
		for range 6 {
			refused(false)
		}
		require.Equal(t, 8, l.Size())
		require.True(t, l.TryAcquire())
		require.True(t, l.TryAcquire())
		require.False(t, l.TryAcquire()) // six rest, the fewest stay
		time.Sleep(cutEvery)
		for range 6 {
			require.True(t, l.TryAcquire())
		}
		require.False(t, l.TryAcquire())
		for range 8 {
			l.Release()
		}
		require.Zero(t, l.InFlight())
	})
}
