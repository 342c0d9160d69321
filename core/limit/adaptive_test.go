package limit

import (
	"context"
	"fmt"
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
	at               time.Time
	busy             int
	answers, refused int
	used             float64 // tokens
}

// takes is false for what is too much, with the wait that is told.
func (s *server) takes(cost int) (ok bool, wait time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.tpm > 0 {
		now := time.Now()
		s.level = min(s.level+s.tpm*now.Sub(s.at).Minutes(), s.tpm)
		s.at = now
		if missing := float64(cost) - s.level; missing > 0 {
			s.refused++
			return false, time.Duration(math.Ceil(missing/s.tpm*60)) * time.Second
		}
		s.level -= float64(cost)
		s.used += float64(cost)
	}
	if s.slots > 0 && s.busy == s.slots {
		s.refused++
		return false, 0
	}
	s.busy++
	s.answers++
	return true, 0
}

// process is one of those that share a server.
type process struct {
	*server
	*Concurrency

	mu      sync.Mutex // guards what follows
	blocked time.Time  // by a wait that was told
}

func (p *process) rests() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return time.Until(p.blocked)
}

// call is one attempt.
func (p *process) call() {
	defer p.Release()
	if p.rests() > 0 { // as a route looks again once it has a slot
		return
	}
	began, n := time.Now(), p.length()
	ok, wait := p.takes(n + 200)
	if !ok {
		time.Sleep(time.Millisecond)
		p.mu.Lock()
		p.blocked = time.Now().Add(wait)
		p.mu.Unlock()
		p.Overloaded(began, wait)
		return
	}
	time.Sleep(time.Duration(n) * p.speed)
	p.server.mu.Lock()
	p.busy--
	p.server.mu.Unlock()
	p.Succeeded(began)
}

// under is a load of callers in each of several processes who come back at
// once, also when they are refused.
func (s *server) under(t *testing.T, processes, callers int, lasts time.Duration) {
	synctest.Test(t, func(t *testing.T) {
		s.at = time.Now()
		ctx, stop := context.WithTimeout(t.Context(), lasts)
		defer stop()
		var all sync.WaitGroup
		for range processes {
			p := &process{server: s, Concurrency: NewAdaptive(Adaptive{Min: 1, Max: 200, Start: 10})}
			for range callers {
				all.Go(func() {
					for {
						if rest := p.rests(); rest > 0 {
							time.Sleep(rest)
						} else if p.Acquire(ctx) != nil {
							return
						} else {
							p.call()
						}
					}
				})
			}
			defer func() {
				t.Logf("size %d", p.Size())
				require.Zero(t, p.InFlight())
			}()
		}
		all.Wait()
		t.Logf("%d answers, %.2f %% of %d refused", s.answers, 100*float64(s.refused)/float64(s.answers+s.refused), s.answers+s.refused)
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
			s.under(t, 1, c.callers, c.lasts)
			require.GreaterOrEqual(t, float64(s.answers), c.best*c.least)
			require.LessOrEqual(t, float64(s.refused), c.refused*float64(s.answers+s.refused))
		})
	}
}

// Nobody tells a limit, only 429s that name a wait; several processes share it.
func TestAQuotaIsSharedByRefusalsAlone(t *testing.T) {
	const tpm = 600_000
	for _, c := range []struct {
		processes, callers int
		full               float64 // of the bucket, at the start
		lasts              time.Duration
		refused            float64 // of all, at most
	}{
		{1, 64, 0.1, 2 * time.Minute, 0.01}, {1, 64, 0.1, 10 * time.Minute, 0.01}, {1, 400, 1, 10 * time.Minute, 0.01},
		{8, 8, 0.1, 10 * time.Minute, 0.01}, {8, 50, 0.1, 10 * time.Minute, 0.012}, {8, 50, 1, 10 * time.Minute, 0.03}, // twenty times too many at first: 1.8 to 2.2 %
	} {
		t.Run(fmt.Sprintf("%d processes, %d callers, %v full, %v", c.processes, c.callers, c.full, c.lasts), func(t *testing.T) {
			s := &server{tpm: tpm, level: tpm * c.full, length: lengths, speed: 3 * time.Millisecond}
			s.under(t, c.processes, c.callers, c.lasts)
			share := s.used / (tpm * (c.full + c.lasts.Minutes()))
			t.Logf("%.1f %% of the quota", share*100)
			require.GreaterOrEqual(t, share, 0.95)
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
		require.False(t, l.Overloaded(before, 0))
		require.Equal(t, 8, l.Size())
		require.True(t, l.Overloaded(before, 0)) // the same overload
		require.Equal(t, 8, l.Size())
		require.Equal(t, 9, l.InFlight())
		l.Release()
		require.False(t, l.TryAcquire())
		l.Succeeded(before) // of a larger size: it says nothing of this one
		l.Succeeded(before)
		require.Equal(t, 8, l.Size())
		for range 15 { // 8.8 × 1.0015¹⁵ is 9
			require.Equal(t, 8, l.Size())
			l.Succeeded(time.Now())
		}
		require.Equal(t, 9, l.Size())
		for range 20 {
			time.Sleep(cutEvery)
			l.Overloaded(time.Now(), 0)
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
			require.Equal(t, known, l.Overloaded(began, 0))
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

// After a wait that was named, slots come back two for each success; all of
// them two seconds later.
func TestSlotsComeBackAfterANamedWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := NewAdaptive(Adaptive{Min: 1, Max: 60, Start: 30})
		fill := func(n int) {
			t.Helper()
			for range n {
				require.True(t, l.TryAcquire())
			}
			require.False(t, l.TryAcquire())
		}
		fill(30)
		before := time.Now()
		time.Sleep(time.Millisecond)
		require.False(t, l.Overloaded(before, time.Second))
		require.True(t, l.Overloaded(before, time.Second)) // the same overload
		require.Equal(t, 10, l.Size())
		for range 30 {
			l.Release()
		}
		fill(1)
		l.Succeeded(before) // it says nothing of now
		l.Release()
		time.Sleep(time.Second)
		fill(1)
		l.Succeeded(time.Now())
		fill(2)
		l.Overloaded(time.Now(), time.Second) // again: a fifth less
		require.Equal(t, 8, l.Size())
		for range 3 {
			l.Release()
		}
		fill(1)
		l.Release()
		time.Sleep(time.Second + cutEvery + time.Millisecond)
		fill(8)
		for range 8 {
			l.Release()
		}
	})
}

// An elastic limiter has a fixed number of slots, and what it found out only
// while somebody has borrowed it.
func TestALimiterThatIsBorrowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := NewElastic(Adaptive{Min: 1, Max: 40, Start: 10})
		fill := func() (n int) {
			for ; l.TryAcquire(); n++ {
			}
			return n
		}
		empty := func() {
			for l.InFlight() > 0 {
				l.Release()
			}
		}
		require.Equal(t, 10, fill())
		require.False(t, l.Adaptive())
		l.Borrow()
		l.Borrow()
		require.True(t, l.Adaptive())
		for range 10 {
			l.Succeeded(time.Now())
			require.Equal(t, 1, fill())
		}
		require.Equal(t, 20, l.Size())
		l.Return()
		require.Equal(t, 20, l.Size()) // the other still has it
		l.Overloaded(time.Now(), 0)
		require.Equal(t, 16, l.Size())
		l.Overloaded(time.Now(), 0) // more slots rest, with a timer
		l.Return()
		require.Equal(t, 10, l.Size())
		require.Zero(t, fill())
		for l.InFlight() > 10 {
			l.Release()
			require.Zero(t, fill())
		}
		l.Release()
		require.Equal(t, 1, fill())
		time.Sleep(2 * cutEvery)
		require.Zero(t, fill())
		require.Equal(t, 10, l.Size())
		l.Borrow() // soon after: it goes on
		require.Equal(t, 6, fill())
		l.Return()
		empty()
		time.Sleep(quiet + time.Second)
		l.Borrow()
		require.Equal(t, 10, fill())
		l.Succeeded(time.Now())
		require.Equal(t, 11, l.Size())
		l.Return()
		empty()
		require.Equal(t, 10, fill())
		empty()
	})
}

// Many borrowers at once, and callers beside them, leave what was there before.
func TestBorrowersLeaveTheSlots(t *testing.T) {
	l := NewElastic(Adaptive{Min: 1, Max: 200, Start: 10})
	var all sync.WaitGroup
	for i := range 100 {
		all.Go(func() {
			for range 50 {
				if i%2 == 0 {
					l.Borrow()
				}
				if l.Acquire(context.Background()) == nil {
					began := time.Now()
					switch {
					case !l.Adaptive():
					case rand.IntN(10) == 0:
						l.Overloaded(began, 0)
					default:
						l.Succeeded(began)
					}
					l.Release()
				}
				if i%2 == 0 {
					l.Return()
				}
			}
		})
	}
	all.Wait()
	for l.TryAcquire() {
	}
	require.Equal(t, 10, l.InFlight())
	for l.InFlight() > 0 {
		l.Release()
	}
}
