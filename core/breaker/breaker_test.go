package breaker

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

var errDead = errors.New("route is dead")

// enter lets one call in, nil where the route is not usable.
func enter(g *Breaker) *Permit {
	if p := new(Permit); g.Enter(p) {
		return p
	}
	return nil
}

// mustEnter lets one call in.
func mustEnter(t *testing.T, g *Breaker) *Permit {
	t.Helper()
	p := enter(g)
	require.NotNil(t, p, "refused: %+v", g.Snapshot())
	return p
}

// opened is a gate whose circuit has just opened.
func opened(t *testing.T) *Breaker {
	t.Helper()
	g := New(settings(Settings{}), nil)
	for range 5 {
		mustEnter(t, g).Fail(errDead)
	}
	require.Equal(t, Open, g.Snapshot().State)
	return g
}

func TestBreakerOpensForTenSecondsThenLetsOneProbeIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := opened(t)
		reopens := time.Now().Add(10 * time.Second)
		require.False(t, g.Usable())
		p := enter(g)
		require.Nil(t, p)
		at, named := g.ReopensAt()
		require.Equal(t, reopens, at)
		require.Zero(t, named)
		require.False(t, g.UsableAt(reopens.Add(-1)))
		require.True(t, g.UsableAt(reopens))

		time.Sleep(time.Until(at))
		require.True(t, g.Usable(), "expired counts as half-open")
		at, _ = g.ReopensAt()
		require.Zero(t, at)
		probe := mustEnter(t, g)
		require.False(t, probe.LastResort())
		require.False(t, g.Usable())
		p = enter(g)
		require.Nil(t, p)
		at, _ = g.ReopensAt()
		require.Equal(t, time.Now(), at)

		probe.Succeed()
		require.Equal(t, Closed, g.Snapshot().State)
		require.True(t, g.Usable())
	})
}

func TestBreakerProbesRaceForOnePlace(t *testing.T) {
	g := New(settings(Settings{Open: time.Nanosecond}), nil)
	for round := range 50 {
		for g.Snapshot().State == Closed {
			mustEnter(t, g).Fail(errDead)
		}
		for !g.Usable() { // a nanosecond
			<-time.After(time.Microsecond)
		}
		got := make(chan *Permit, 16)
		var wg sync.WaitGroup
		for range 16 {
			wg.Go(func() {
				if p := enter(g); p != nil {
					got <- p
				}
			})
		}
		wg.Wait()
		require.Len(t, got, 1, "round %d", round)
		(<-got).Fail(errDead)
	}
}

func TestBreakerNeutralProbeFreesTheProbe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := opened(t)
		time.Sleep(10 * time.Second)
		probe := mustEnter(t, g)
		changed := watched(t, g)
		probe.Neutral()
		requireClosed(t, changed)
		require.Equal(t, HalfOpen, g.Snapshot().State)

		time.Sleep(time.Hour) // a probe given up long ago does not come back
		second := mustEnter(t, g)
		second.Fail(errDead)
		require.Equal(t, Open, g.Snapshot().State)
		probe.Fail(errDead)
		probe.Succeed()
		require.Equal(t, Open, g.Snapshot().State, "settled once")
	})
}

func TestBreakerUncountedFailureOfAProbeFreesIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := opened(t)
		time.Sleep(10 * time.Second)
		probe := mustEnter(t, g)
		_, v := g.LastResort()
		g.BlockAccount()
		probe.FailUncounted(errDead)
		ok, err := v.Result()
		require.False(t, ok)
		require.Equal(t, errDead, err)
		require.Equal(t, HalfOpen, g.Snapshot().State)
		require.False(t, g.Usable(), "blocked")
		time.Sleep(60 * time.Second)
		mustEnter(t, g).Succeed()
	})
}

func TestBreakerFirstOutcomeCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := New(settings(Settings{}), nil)
		p := mustEnter(t, g)
		p.Succeed()
		for range 9 {
			p.Fail(errDead)
		}
		p = mustEnter(t, g)
		p.Neutral()
		p.Fail(errDead)
		p.FirstToken()
		p = mustEnter(t, g)
		p.FailUncounted(errDead)
		p.Fail(errDead)
		require.Equal(t, windowCounts{successes: 1}, g.circuit.counts())
	})
}

func TestBreakerLateOutcomesAreDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := New(settings(Settings{}), nil)
		late := make([]*Permit, 8)
		for i := range late {
			late[i] = mustEnter(t, g)
		}
		for range 5 {
			mustEnter(t, g).Fail(errDead)
		}
		late[0].Succeed()
		late[1].Fail(errDead)
		require.Equal(t, Open, g.Snapshot().State)

		time.Sleep(10 * time.Second)
		late[2].Succeed()
		require.Equal(t, HalfOpen, g.Snapshot().State, "it is not the probe")
		probe := mustEnter(t, g)
		late[3].Fail(errDead)
		require.Equal(t, HalfOpen, g.Snapshot().State)
		probe.Succeed()
		for _, p := range late[4:] {
			p.Fail(errDead)
		}
		require.Equal(t, windowCounts{}, g.circuit.counts(), "nor does the next closed period hear of it")
	})
}

func TestBreakerLongStreamCountsThoughOlderThanTheWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := New(settings(Settings{}), nil)
		var streams []*Permit
		for range 5 {
			p := mustEnter(t, g)
			p.FirstToken()
			streams = append(streams, p)
		}
		require.Equal(t, windowCounts{}, g.circuit.counts(), "a first token is no outcome while closed")
		time.Sleep(10 * time.Minute)
		for _, p := range streams {
			p.Fail(errDead)
		}
		require.Equal(t, Open, g.Snapshot().State)
	})
}

func TestBreakerProbeSucceedsAtFirstTokenAndBreaksAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := opened(t)
		time.Sleep(10 * time.Second)
		probe := mustEnter(t, g)
		changed := watched(t, g)
		probe.FirstToken()
		requireClosed(t, changed)
		require.Equal(t, Closed, g.Snapshot().State)
		require.True(t, g.Usable())
		probe.FirstToken()
		probe.Fail(errDead)
		require.Equal(t, windowCounts{failures: 1, inARow: 1}, g.circuit.counts())
		probe.Fail(errDead)
		require.Equal(t, uint32(1), g.circuit.counts().failures)
	})
}

func TestBreakerSwitch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := New(settings(Settings{}), nil)
		require.True(t, g.SwitchedOn())
		running := mustEnter(t, g)
		g.Switch(false)
		require.False(t, g.SwitchedOn())
		require.False(t, g.Usable())
		_ = enter(g)
		p, v := g.LastResort()
		require.Nil(t, p)
		require.Nil(t, v)
		running.Succeed()
		require.Equal(t, uint32(1), g.circuit.counts().successes)

		changed := watched(t, g)
		g.Switch(false)
		select {
		case <-changed:
			t.Fatal("nothing changed")
		default:
		}
		g.Switch(true)
		requireClosed(t, changed)
		require.True(t, g.Usable())
	})
}

func TestBreakerLongestBlockWinsAndNamedWaitsAreClamped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := New(settings(Settings{}), nil)
		now := time.Now()
		g.BlockUntil(now.Add(20 * time.Second))
		g.BlockUntil(now.Add(5 * time.Second))
		g.BlockAccount()
		s := g.Snapshot()
		require.Equal(t, now.Add(60*time.Second), s.BlockedUntil)
		require.False(t, s.RetryAfter)
		require.Equal(t, Closed, s.State, "the breaker hears nothing of it")
		at, named := g.ReopensAt()
		require.Equal(t, now.Add(60*time.Second), at)
		require.Equal(t, now.Add(20*time.Second), named)
		require.Nil(t, enter(g))

		time.Sleep(20 * time.Second)
		_, named = g.ReopensAt()
		require.Zero(t, named)
		require.Nil(t, enter(g))

		g.BlockUntil(time.Now().Add(time.Hour))
		s = g.Snapshot()
		require.Equal(t, time.Now().Add(10*time.Minute), s.BlockedUntil)
		require.True(t, s.RetryAfter)
		require.False(t, g.UsableAt(s.BlockedUntil.Add(-1)))
		require.True(t, g.UsableAt(s.BlockedUntil))
		time.Sleep(10 * time.Minute)
		require.True(t, g.Usable())

	})
}

func TestBreakerTellsCircuitChangesWithoutALock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var heard []string
		var g *Breaker
		g = New(settings(Settings{}), func(from, to State) {
			require.Equal(t, to, g.Snapshot().State) // would deadlock under the lock
			heard = append(heard, string(from)+">"+string(to))
		})
		for range 5 {
			mustEnter(t, g).Fail(errDead)
		}
		p, _ := g.LastResort()
		p.Fail(errDead) // open stays open: nothing to tell
		time.Sleep(10 * time.Second)
		mustEnter(t, g).Fail(errDead)
		time.Sleep(10 * time.Second)
		mustEnter(t, g).Succeed()
		require.Equal(t, []string{"closed>open", "open>half_open", "half_open>open", "open>half_open", "half_open>closed"}, heard)
	})
}

func TestForceOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := time.Now()
		early, late, blocked := opened(t), opened(t), New(settings(Settings{}), nil)
		early.blockedUntil = now.Add(11 * time.Second)
		late.blockedUntil = now.Add(12 * time.Second)
		blocked.blockedUntil = now.Add(60 * time.Second)
		order := func() []*Breaker {
			gates := []*Breaker{blocked, late, early}
			slices.SortStableFunc(gates, func(a, b *Breaker) int {
				if a.Before(b) {
					return -1
				}
				return 1
			})
			return gates
		}
		require.True(t, slices.Equal([]*Breaker{early, late, blocked}, order()))

		fail := func(g *Breaker) {
			time.Sleep(time.Second)
			p, _ := g.LastResort()
			require.True(t, p.LastResort())
			p.Fail(errDead)
		}
		fail(early)
		require.True(t, slices.Equal([]*Breaker{late, blocked, early}, order()), "last, though it reopens soonest but one")
		fail(late)
		fail(blocked)
		require.True(t, slices.Equal([]*Breaker{early, late, blocked}, order()), "and round again")

		p, _ := early.LastResort()
		p.Succeed()
		failedAt, reopens := early.order()
		require.Zero(t, failedAt)
		require.Zero(t, reopens)
	})
}

// requireClosed fails unless the channel is closed already.
// watched is told each event after which g may be usable.
func watched(t *testing.T, g *Breaker) <-chan struct{} {
	wake := make(chan struct{}, 1)
	t.Cleanup(g.Watch(wake))
	return wake
}

func requireClosed(t *testing.T, c <-chan struct{}) {
	t.Helper()
	select {
	case <-c:
	default:
		t.Fatal("neither closed nor told")
	}
}
