package breaker

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
	for name, settle := range map[string]func(*Permit){"first token": (*Permit).FirstToken, "response": (*Permit).Succeed} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := opened(t)
				g.BlockAccount()
				p, v := g.LastResort()
				require.Nil(t, v)
				require.True(t, p.LastResort())
				require.False(t, g.Usable())
				again, v := g.LastResort()
				require.Nil(t, again)
				changed := watched(t, g)
				settle(p)
				requireClosed(t, changed)
				requireClosed(t, v.Done())
				ok, err := v.Result()
				require.True(t, ok)
				require.NoError(t, err)
				s := g.Snapshot()
				require.Equal(t, Snapshot{State: Closed, On: true}, s)
				p.Fail(errDead)
				want := windowCounts{}
				if name == "first token" { // the stream broke later
					want = windowCounts{failures: 1, inARow: 1}
				}
				require.Equal(t, want, g.circuit.counts())
			})
		})
	}
}

func TestForcedFailureOpensForAWholePeriod(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := opened(t)
		time.Sleep(4 * time.Second)
		p, _ := g.LastResort()
		_, v := g.LastResort()
		time.Sleep(3 * time.Second)
		p.Fail(errDead)
		ok, err := v.Result()
		require.False(t, ok)
		require.Equal(t, errDead, err)
		at, _ := g.ReopensAt()
		require.Equal(t, time.Now().Add(10*time.Second), at)

		p, _ = g.LastResort()
		_, v = g.LastResort()
		time.Sleep(5 * time.Second)
		p.FailUncounted(errDead)
		_, err = v.Result()
		require.Equal(t, errDead, err)
		again, _ := g.ReopensAt()
		require.Equal(t, at, again, "an uncounted failure leaves the circuit as it is")
		require.Equal(t, time.Now(), g.failedAt)
	})
}

func TestForcedTryThatOutlivesTheOpenPeriodIsTheProbe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := opened(t)
		p, _ := g.LastResort()
		time.Sleep(15 * time.Second)
		require.Equal(t, HalfOpen, g.Snapshot().State)
		require.False(t, g.Usable())
		require.Nil(t, enter(g))
		require.True(t, g.Snapshot().Trial)
		p.Fail(errDead)
		require.Equal(t, Open, g.Snapshot().State)
		at, _ := g.ReopensAt()
		require.Equal(t, time.Now().Add(10*time.Second), at)
	})
}

func TestForcedFailureBehindABlockCountsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := New(settings(Settings{}), nil)
		g.BlockAccount()
		p, _ := g.LastResort()
		p.Fail(errDead)
		s := g.Snapshot()
		require.Equal(t, Closed, s.State)
		require.Equal(t, uint32(1), g.circuit.counts().failures)
		require.Equal(t, time.Now().Add(60*time.Second), s.BlockedUntil, "the block stands")
	})
}

func TestForceNeverBeforeANamedWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := opened(t)
		g.BlockUntil(time.Now().Add(2 * time.Second))
		p, v := g.LastResort()
		require.Nil(t, p)
		require.Nil(t, v)
		time.Sleep(2 * time.Second)
		p, _ = g.LastResort()
		require.NotNil(t, p)

		g.BlockUntil(time.Now().Add(3 * time.Second)) // named to an attempt that was still out
		p.Succeed()
		require.Equal(t, Closed, g.Snapshot().State)
		require.False(t, g.Usable(), "a success does not overrule a wait named meanwhile")
		time.Sleep(3 * time.Second)
		require.True(t, g.Usable())
	})
}

func TestForceOnAUsableRouteIsAnOrdinaryCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := New(settings(Settings{}), nil)
		p, v := g.LastResort()
		require.Nil(t, v)
		require.False(t, p.LastResort())
		p.Succeed()
		require.Equal(t, windowCounts{successes: 1}, g.circuit.counts())

		g = opened(t)
		time.Sleep(10 * time.Second)
		probe, _ := g.LastResort()
		require.False(t, probe.LastResort())
		p, v = g.LastResort()
		require.Nil(t, p)
		probe.FirstToken()
		ok, _ := v.Result()
		require.True(t, ok, "a probe offers its verdict too")
	})
}

func TestForcedNeutralLetsAWaiterTry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := opened(t)
		p, _ := g.LastResort()
		_, v := g.LastResort()
		changed := watched(t, g)
		p.Neutral()
		requireClosed(t, changed)
		ok, err := v.Result()
		require.False(t, ok)
		require.NoError(t, err)
		require.Zero(t, g.failedAt)
		p, _ = g.LastResort()
		require.NotNil(t, p)
	})
}

func TestFailWithoutAnErrorIsStillAFailure(t *testing.T) {
	g := opened(t)
	p, _ := g.LastResort()
	_, v := g.LastResort()
	p.Fail(nil)
	ok, err := v.Result()
	require.False(t, ok)
	require.Error(t, err)
}

// Two hundred calls on a route whose circuit is open: the first three that
// force it give up, the fourth finds it alive.
func TestForcedTriesWithManyWaiters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := opened(t)
		var tries, out, through atomic.Int64
		var wg sync.WaitGroup
		for range 200 {
			wg.Go(func() {
				for {
					if p := enter(g); p != nil {
						p.Succeed()
						through.Add(1)
						return
					}
					p, v := g.LastResort()
					if p == nil {
						<-v.Done()
						continue
					}
					if p.LastResort() {
						if out.Add(1) > 1 {
							t.Error("two at a time")
						}
						n := tries.Add(1)
						time.Sleep(time.Second)
						out.Add(-1)
						if n <= 3 {
							p.Neutral()
							continue
						}
					}
					p.Succeed()
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

// Real goroutines and real time: whatever order calls enter, force and leave
// in, one trial is out at a time, and the route comes back.
func TestBreakerSurvivesDisorder(t *testing.T) {
	var g *Breaker
	g = New(settings(Settings{Failures: 2, Open: 50 * time.Microsecond, Block: 20 * time.Microsecond}), func(_, _ State) { _ = g.Usable() })
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := range 2000 {
				p := enter(g)
				if p == nil {
					var v *Trial
					if p, v = g.LastResort(); v != nil && i%2 == 0 {
						_, _ = v.Result()
					}
				}
				if p == nil {
					g.ReopensAt()
					g.order()
					continue
				}
				switch rand.IntN(8) {
				case 0, 1:
					p.Fail(errDead)
				case 2:
					g.BlockAccount()
					p.FailUncounted(errDead)
				case 3:
					p.Neutral()
				case 4:
					p.FirstToken()
					p.Fail(errDead)
				case 5:
					g.Switch(false)
					p.Succeed()
					g.Switch(true)
				default:
					p.FirstToken()
					p.Succeed()
				}
				p.Neutral()
			}
		})
	}
	wg.Wait()
	require.False(t, g.Snapshot().Trial)
	for !g.Usable() {
		<-time.After(10 * time.Microsecond)
	}
	p := mustEnter(t, g)
	p.Succeed()
	require.Equal(t, Closed, g.Snapshot().State)
}

// A watch hears what may make the route usable, and the end of a trial that
// failed, after which the route reopens at another time.
func TestAWatchHearsOfEachEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := opened(t)
		wake := make(chan struct{}, 1)
		stop := g.Watch(wake)
		told := func() bool {
			select {
			case <-wake:
				return true
			default:
				return false
			}
		}
		p, _ := g.LastResort()
		require.False(t, told())
		p.Fail(errDead)
		require.True(t, told(), "a failed trial")
		p, _ = g.LastResort()
		p.Neutral()
		require.True(t, told(), "a trial without a result")
		p, _ = g.LastResort()
		p.Succeed()
		require.True(t, told(), "a trial that succeeded")
		g.Switch(false)
		require.False(t, told())
		g.Switch(true)
		require.True(t, told(), "switched on")
		stop()
		g.Switch(false)
		g.Switch(true)
		require.False(t, told())
	})
}
