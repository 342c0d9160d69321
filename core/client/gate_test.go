package client

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

// mustEnter lets one call in.
func mustEnter(t *testing.T, g *gate) *pass {
	t.Helper()
	p, why := g.enter()
	require.NotNil(t, p, "refused: %+v", why)
	return p
}

// opened is a gate whose circuit has just opened.
func opened(t *testing.T) *gate {
	t.Helper()
	g := newGate(breakerSettings{})
	for range 5 {
		mustEnter(t, g).fail(errDead)
	}
	require.Equal(t, circuitOpen, g.state().circuit)
	return g
}

func TestGateOpensForTenSecondsThenLetsOneProbeIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := opened(t)
		reopens := time.Now().Add(10 * time.Second)
		require.False(t, g.usable())
		p, why := g.enter()
		require.Nil(t, p)
		require.Equal(t, refusal{openUntil: reopens}, why)
		at, named := g.reopensAt()
		require.Equal(t, reopens, at)
		require.Zero(t, named)
		require.False(t, g.usableAt(reopens.Add(-1)))
		require.True(t, g.usableAt(reopens))

		time.Sleep(time.Until(at))
		require.True(t, g.usable(), "expired counts as half-open")
		at, _ = g.reopensAt()
		require.Zero(t, at)
		probe := mustEnter(t, g)
		require.False(t, probe.forced)
		require.False(t, g.usable())
		p, why = g.enter()
		require.Nil(t, p)
		require.Equal(t, refusal{probing: true}, why)
		at, _ = g.reopensAt()
		require.Equal(t, time.Now(), at)

		probe.succeed()
		require.Equal(t, circuitClosed, g.state().circuit)
		require.True(t, g.usable())
	})
}

func TestGateProbesRaceForOnePlace(t *testing.T) {
	g := newGate(breakerSettings{open: time.Nanosecond})
	for round := range 50 {
		for g.state().circuit == circuitClosed {
			mustEnter(t, g).fail(errDead)
		}
		for !g.usable() { // a nanosecond
			<-time.After(time.Microsecond)
		}
		got := make(chan *pass, 16)
		var wg sync.WaitGroup
		for range 16 {
			wg.Go(func() {
				if p, _ := g.enter(); p != nil {
					got <- p
				}
			})
		}
		wg.Wait()
		require.Len(t, got, 1, "round %d", round)
		(<-got).fail(errDead)
	}
}

func TestGateNeutralProbeFreesTheProbe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := opened(t)
		time.Sleep(10 * time.Second)
		probe := mustEnter(t, g)
		changed := g.changes()
		probe.neutral()
		requireClosed(t, changed)
		require.Equal(t, circuitHalfOpen, g.state().circuit)

		time.Sleep(time.Hour) // a probe given up long ago does not come back
		second := mustEnter(t, g)
		second.fail(errDead)
		require.Equal(t, circuitOpen, g.state().circuit)
		probe.fail(errDead)
		probe.succeed()
		require.Equal(t, circuitOpen, g.state().circuit, "settled once")
	})
}

func TestGateUncountedFailureOfAProbeFreesIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := opened(t)
		time.Sleep(10 * time.Second)
		probe := mustEnter(t, g)
		_, v := g.force()
		g.blockAccount()
		probe.failUncounted(errDead)
		ok, err := v.result()
		require.False(t, ok)
		require.Equal(t, errDead, err)
		require.Equal(t, circuitHalfOpen, g.state().circuit)
		require.False(t, g.usable(), "blocked")
		time.Sleep(60 * time.Second)
		mustEnter(t, g).succeed()
	})
}

func TestGateFirstOutcomeCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(breakerSettings{})
		p := mustEnter(t, g)
		p.succeed()
		for range 9 {
			p.fail(errDead)
		}
		p = mustEnter(t, g)
		p.neutral()
		p.fail(errDead)
		p.firstToken()
		p = mustEnter(t, g)
		p.failUncounted(errDead)
		p.fail(errDead)
		require.Equal(t, windowCounts{successes: 1}, g.state().counts)
	})
}

func TestGateLateOutcomesAreDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(breakerSettings{})
		late := make([]*pass, 8)
		for i := range late {
			late[i] = mustEnter(t, g)
		}
		for range 5 {
			mustEnter(t, g).fail(errDead)
		}
		late[0].succeed()
		late[1].fail(errDead)
		require.Equal(t, circuitOpen, g.state().circuit)

		time.Sleep(10 * time.Second)
		late[2].succeed()
		require.Equal(t, circuitHalfOpen, g.state().circuit, "it is not the probe")
		probe := mustEnter(t, g)
		late[3].fail(errDead)
		require.Equal(t, circuitHalfOpen, g.state().circuit)
		probe.succeed()
		for _, p := range late[4:] {
			p.fail(errDead)
		}
		require.Equal(t, windowCounts{}, g.state().counts, "nor does the next closed period hear of it")
	})
}

func TestGateLongStreamCountsThoughOlderThanTheWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(breakerSettings{})
		var streams []*pass
		for range 5 {
			p := mustEnter(t, g)
			p.firstToken()
			streams = append(streams, p)
		}
		require.Equal(t, windowCounts{}, g.state().counts, "a first token is no outcome while closed")
		time.Sleep(10 * time.Minute)
		for _, p := range streams {
			p.fail(errDead)
		}
		require.Equal(t, circuitOpen, g.state().circuit)
	})
}

func TestGateProbeSucceedsAtFirstTokenAndBreaksAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := opened(t)
		time.Sleep(10 * time.Second)
		probe := mustEnter(t, g)
		changed := g.changes()
		probe.firstToken()
		requireClosed(t, changed)
		require.Equal(t, circuitClosed, g.state().circuit)
		require.True(t, g.usable())
		probe.firstToken()
		probe.fail(errDead)
		require.Equal(t, windowCounts{failures: 1, inARow: 1}, g.state().counts)
		probe.fail(errDead)
		require.Equal(t, uint32(1), g.state().counts.failures)
	})
}

func TestGateSwitch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(breakerSettings{})
		require.True(t, g.switchedOn())
		running := mustEnter(t, g)
		g.setSwitch(false)
		require.False(t, g.switchedOn())
		require.False(t, g.usable())
		_, why := g.enter()
		require.Equal(t, refusal{switchedOff: true}, why)
		p, v := g.force()
		require.Nil(t, p)
		require.Nil(t, v)
		running.succeed()
		require.Equal(t, uint32(1), g.state().counts.successes)

		changed := g.changes()
		g.setSwitch(false)
		select {
		case <-changed:
			t.Fatal("nothing changed")
		default:
		}
		g.setSwitch(true)
		requireClosed(t, changed)
		require.True(t, g.usable())
	})
}

func TestGateLongestBlockWinsAndNamedWaitsAreClamped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(breakerSettings{})
		now := time.Now()
		g.block(now.Add(20*time.Second), true)
		g.block(now.Add(5*time.Second), true)
		g.blockAccount()
		s := g.state()
		require.Equal(t, now.Add(60*time.Second), s.blockedUntil)
		require.False(t, s.blockNamed)
		require.Equal(t, circuitClosed, s.circuit, "the breaker hears nothing of it")
		at, named := g.reopensAt()
		require.Equal(t, now.Add(60*time.Second), at)
		require.Equal(t, now.Add(20*time.Second), named)
		_, why := g.enter()
		require.Equal(t, refusal{openUntil: at, named: true}, why)

		time.Sleep(20 * time.Second)
		_, named = g.reopensAt()
		require.Zero(t, named)
		_, why = g.enter()
		require.False(t, why.named)

		g.block(time.Now().Add(time.Hour), true)
		s = g.state()
		require.Equal(t, time.Now().Add(10*time.Minute), s.blockedUntil)
		require.True(t, s.blockNamed)
		require.False(t, g.usableAt(s.blockedUntil.Add(-1)))
		require.True(t, g.usableAt(s.blockedUntil))
		time.Sleep(10 * time.Minute)
		require.True(t, g.usable())

		g.block(time.Now().Add(time.Minute), true)
		changed := g.changes()
		g.clearBlock()
		requireClosed(t, changed)
		require.True(t, g.usable())
		require.Zero(t, g.state().blockedUntil)
	})
}

func TestGateTellsCircuitChangesWithoutALock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(breakerSettings{})
		var heard []string
		g.onChange = func(from, to circuit) {
			require.Equal(t, to, g.state().circuit) // would deadlock under the lock
			heard = append(heard, string(from)+">"+string(to))
		}
		for range 5 {
			mustEnter(t, g).fail(errDead)
		}
		p, _ := g.force()
		p.fail(errDead) // open stays open: nothing to tell
		time.Sleep(10 * time.Second)
		mustEnter(t, g).fail(errDead)
		time.Sleep(10 * time.Second)
		mustEnter(t, g).succeed()
		require.Equal(t, []string{"closed>open", "open>half_open", "half_open>open", "open>half_open", "half_open>closed"}, heard)
	})
}

func TestForceOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := time.Now()
		early, late, blocked := opened(t), opened(t), newGate(breakerSettings{})
		early.block(now.Add(11*time.Second), false)
		late.block(now.Add(12*time.Second), false)
		blocked.block(now.Add(60*time.Second), false)
		order := func() []*gate {
			gates := []*gate{blocked, late, early}
			slices.SortStableFunc(gates, func(a, b *gate) int { return a.forceOrder().compare(b.forceOrder()) })
			return gates
		}
		require.True(t, slices.Equal([]*gate{early, late, blocked}, order()))

		fail := func(g *gate) {
			time.Sleep(time.Second)
			p, _ := g.force()
			require.True(t, p.forced)
			p.fail(errDead)
		}
		fail(early)
		require.True(t, slices.Equal([]*gate{late, blocked, early}, order()), "last, though it reopens soonest but one")
		fail(late)
		fail(blocked)
		require.True(t, slices.Equal([]*gate{early, late, blocked}, order()), "and round again")

		p, _ := early.force()
		p.succeed()
		require.Equal(t, forceKey{}, early.forceOrder())
	})
}

// requireClosed fails unless the channel is closed already.
func requireClosed(t *testing.T, c <-chan struct{}) {
	t.Helper()
	select {
	case <-c:
	default:
		t.Fatal("not closed")
	}
}
