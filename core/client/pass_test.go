package client

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestForcedSuccessReplacesTheBreakerAndClearsTheBlock(t *testing.T) {
	for name, settle := range map[string]func(*pass){"first token": (*pass).firstToken, "response": (*pass).succeed} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := opened(t)
				g.blockAccount()
				p, v := g.force()
				require.Nil(t, v)
				require.True(t, p.forced)
				require.False(t, g.usable())
				again, v := g.force()
				require.Nil(t, again)
				changed := g.changes()
				settle(p)
				requireClosed(t, changed)
				requireClosed(t, v.done())
				ok, err := v.result()
				require.True(t, ok)
				require.NoError(t, err)
				s := g.state()
				require.Equal(t, gateState{circuit: circuitClosed, on: true}, s)
				p.fail(errDead)
				want := windowCounts{}
				if name == "first token" { // the stream broke later
					want = windowCounts{failures: 1, inARow: 1}
				}
				require.Equal(t, want, g.state().counts)
			})
		})
	}
}

func TestForcedFailureOpensForAWholePeriod(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := opened(t)
		time.Sleep(4 * time.Second)
		p, _ := g.force()
		_, v := g.force()
		time.Sleep(3 * time.Second)
		p.fail(errDead)
		ok, err := v.result()
		require.False(t, ok)
		require.Equal(t, errDead, err)
		at, _ := g.reopensAt()
		require.Equal(t, time.Now().Add(10*time.Second), at)

		p, _ = g.force()
		_, v = g.force()
		time.Sleep(5 * time.Second)
		p.failUncounted(errDead)
		_, err = v.result()
		require.Equal(t, errDead, err)
		again, _ := g.reopensAt()
		require.Equal(t, at, again, "an uncounted failure leaves the circuit as it is")
		require.Equal(t, time.Now(), g.forceOrder().failedAt)
	})
}

func TestForcedTryThatOutlivesTheOpenPeriodIsTheProbe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := opened(t)
		p, _ := g.force()
		time.Sleep(15 * time.Second)
		require.Equal(t, circuitHalfOpen, g.state().circuit)
		require.False(t, g.usable())
		_, why := g.enter()
		require.True(t, why.probing)
		p.fail(errDead)
		require.Equal(t, circuitOpen, g.state().circuit)
		at, _ := g.reopensAt()
		require.Equal(t, time.Now().Add(10*time.Second), at)
	})
}

func TestForcedFailureBehindABlockCountsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(breakerSettings{})
		g.blockAccount()
		p, _ := g.force()
		p.fail(errDead)
		s := g.state()
		require.Equal(t, circuitClosed, s.circuit)
		require.Equal(t, uint32(1), s.counts.failures)
		require.Equal(t, time.Now().Add(60*time.Second), s.blockedUntil, "the block stands")
	})
}

func TestForceNeverBeforeANamedWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := opened(t)
		g.block(time.Now().Add(2*time.Second), true)
		p, v := g.force()
		require.Nil(t, p)
		require.Nil(t, v)
		time.Sleep(2 * time.Second)
		p, _ = g.force()
		require.NotNil(t, p)

		g.block(time.Now().Add(3*time.Second), true) // named to an attempt that was still out
		p.succeed()
		require.Equal(t, circuitClosed, g.state().circuit)
		require.False(t, g.usable(), "a success does not overrule a wait named meanwhile")
		time.Sleep(3 * time.Second)
		require.True(t, g.usable())
	})
}

func TestForceOnAUsableRouteIsAnOrdinaryCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(breakerSettings{})
		p, v := g.force()
		require.Nil(t, v)
		require.False(t, p.forced)
		p.succeed()
		require.Equal(t, windowCounts{successes: 1}, g.state().counts)

		g = opened(t)
		time.Sleep(10 * time.Second)
		probe, _ := g.force()
		require.False(t, probe.forced)
		p, v = g.force()
		require.Nil(t, p)
		probe.firstToken()
		ok, _ := v.result()
		require.True(t, ok, "a probe offers its verdict too")
	})
}

func TestForcedNeutralLetsAWaiterTry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := opened(t)
		p, _ := g.force()
		_, v := g.force()
		changed := g.changes()
		p.neutral()
		requireClosed(t, changed)
		ok, err := v.result()
		require.False(t, ok)
		require.NoError(t, err)
		require.Zero(t, g.forceOrder().failedAt)
		p, _ = g.force()
		require.NotNil(t, p)
	})
}

func TestFailWithoutAnErrorIsStillAFailure(t *testing.T) {
	g := opened(t)
	p, _ := g.force()
	_, v := g.force()
	p.fail(nil)
	ok, err := v.result()
	require.False(t, ok)
	require.Error(t, err)
}

// Two hundred calls on a route whose circuit is open: the first three that force it give up, the fourth finds it alive.
func TestForcedTriesWithManyWaiters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := opened(t)
		var tries, out, through atomic.Int64
		var wg sync.WaitGroup
		for range 200 {
			wg.Go(func() {
				for {
					if p, _ := g.enter(); p != nil {
						p.succeed()
						through.Add(1)
						return
					}
					p, v := g.force()
					if p == nil {
						<-v.done()
						continue
					}
					if p.forced {
						if out.Add(1) > 1 {
							t.Error("two at a time")
						}
						n := tries.Add(1)
						time.Sleep(time.Second)
						out.Add(-1)
						if n <= 3 {
							p.neutral()
							continue
						}
					}
					p.succeed()
					through.Add(1)
					return
				}
			})
		}
		wg.Wait()
		require.EqualValues(t, 4, tries.Load())
		require.EqualValues(t, 200, through.Load())
	})
}

// Real goroutines and real time: whatever order calls enter, force and leave in, one trial is out at a time, and the route comes back.
func TestGateSurvivesDisorder(t *testing.T) {
	g := newGate(breakerSettings{failures: 2, open: 50 * time.Microsecond, block: 20 * time.Microsecond})
	g.onChange = func(_, _ circuit) { _ = g.usable() }
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := range 2000 {
				p, _ := g.enter()
				if p == nil {
					var v *verdict
					if p, v = g.force(); v != nil && i%2 == 0 {
						_, _ = v.result()
					}
				}
				if p == nil {
					g.reopensAt()
					g.forceOrder()
					continue
				}
				switch rand.IntN(8) {
				case 0, 1:
					p.fail(errDead)
				case 2:
					g.blockAccount()
					p.failUncounted(errDead)
				case 3:
					p.neutral()
				case 4:
					p.firstToken()
					p.fail(errDead)
				case 5:
					g.setSwitch(false)
					p.succeed()
					g.setSwitch(true)
				default:
					p.firstToken()
					p.succeed()
				}
				p.neutral()
			}
		})
	}
	wg.Wait()
	require.False(t, g.state().trial)
	for !g.usable() {
		<-time.After(10 * time.Microsecond)
	}
	p := mustEnter(t, g)
	p.succeed()
	require.Equal(t, circuitClosed, g.state().circuit)
}
