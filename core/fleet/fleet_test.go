package fleet_test

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/llmagg/llmagg/core/breaker"
	"github.com/llmagg/llmagg/core/client"
	"github.com/llmagg/llmagg/core/config"
	"github.com/llmagg/llmagg/core/fleet"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/manager"
	"github.com/llmagg/llmagg/core/observe"
	"github.com/llmagg/llmagg/core/provider"
)

type silent struct{}

func (silent) Chat(context.Context, *client.Exchange) (*llm.Response, error) { return nil, io() }

func (silent) Stream(context.Context, *client.Exchange) (client.ChunkReader, error) {
	return nil, io()
}

func io() error { return errors.New("no network in this test") }

// process is one member with one route.
type process struct {
	m      *manager.Manager
	member *fleet.Member
	c      *client.Client
}

func (p *process) breaker() *breaker.Breaker { return p.c.Machinery().Breaker() }

func (p *process) circuit() string { return p.c.Report().Circuit }

func (p *process) fail(times int) {
	for range times {
		enter(p.breaker()).Fail(io())
	}
}

// enter lets one call in, nil where the route is not usable.
func enter(b *breaker.Breaker) *breaker.Permit {
	if p := new(breaker.Permit); b.Enter(p) {
		return p
	}
	return nil
}

func join(t *testing.T, s fleet.Store, change func(*config.Model, *fleet.Options)) *process {
	t.Helper()
	model := config.Model{Name: "m", Provider: "p"}
	o := fleet.Options{Open: func(context.Context) (fleet.Store, error) { return s, nil }}
	if change != nil {
		change(&model, &o)
	}
	made, err := provider.NewCustom(config.Provider{Name: "p", Models: []config.Model{model}}, silent{}, provider.Options{})
	require.NoError(t, err)
	require.NoError(t, made.Initialize(t.Context()))
	p := &process{m: manager.New(manager.Options{})}
	require.NoError(t, p.m.Register(made))
	p.c = p.m.Clients()[0]
	p.member, err = fleet.Join(context.Background(), p.m, o)
	require.NoError(t, err)
	return p
}

func (p *process) close() { _ = p.m.Close(context.Background()) }

// fleetOf runs f with n members on one store, in a bubble of its own.
func fleetOf(t *testing.T, n int, f func(s *fleet.Memory, p []*process)) {
	synctest.Test(t, func(t *testing.T) {
		s := fleet.NewMemory()
		var all []*process
		for range n {
			all = append(all, join(t, s, nil))
		}
		settle()
		f(s, all)
		for _, p := range all {
			p.close()
		}
	})
}

// settle lets what was told be heard.
func settle() {
	synctest.Wait()
	time.Sleep(5 * time.Millisecond)
	synctest.Wait()
}

// One process that sees a route fail makes others suspect it; two open it.
func TestCircuitsOpenWhereTwoProcessesAgree(t *testing.T) {
	fleetOf(t, 3, func(_ *fleet.Memory, p []*process) {
		p[0].fail(5)
		settle()
		require.Equal(t, []string{"open", "closed", "closed"}, []string{p[0].circuit(), p[1].circuit(), p[2].circuit()})
		p[1].fail(1) // it was suspect
		require.Equal(t, "open", p[1].circuit())
		settle()
		require.Equal(t, "open", p[2].circuit(), "two agree")
		require.Equal(t, 2, p[2].member.Report().Heard)
		require.Equal(t, 0, p[2].member.Report().Told, "what was heard is no evidence of its own")
	})
}

// A success elsewhere closes an open circuit, and one more failure opens it
// again.
func TestACircuitThatClosesElsewhereCloses(t *testing.T) {
	fleetOf(t, 2, func(_ *fleet.Memory, p []*process) {
		p[0].fail(5)
		settle()
		p[1].fail(1)
		settle()
		permit, _ := p[0].breaker().LastResort()
		permit.Succeed()
		settle()
		require.Equal(t, "closed", p[1].circuit())
		p[1].fail(1)
		require.Equal(t, "open", p[1].circuit())
	})
}

// What a server asks of one process holds for all; so does a refused key.
func TestWaitsAndBlocksHoldForAll(t *testing.T) {
	fleetOf(t, 2, func(_ *fleet.Memory, p []*process) {
		p[0].breaker().BlockUntil(time.Now().Add(7 * time.Second))
		settle()
		require.InDelta(t, 7, p[1].c.NamedWait().Seconds(), 0.1)
		p[0].breaker().BlockUntil(time.Now().Add(7100 * time.Millisecond))
		settle()
		require.Equal(t, 1, p[0].member.Report().Told, "a slightly later end is not told again")
		time.Sleep(8 * time.Second)
		require.True(t, p[1].c.Usable())
		p[1].breaker().BlockAccount()
		settle()
		require.False(t, p[0].c.Usable())
		require.Zero(t, p[0].c.NamedWait())
	})
}

// What a later version tells is not heard by who does not know it, but said,
// once of each kind, and of so many kinds only.
func TestWhatNobodyKnowsIsNotHeard(t *testing.T) {
	fleetOf(t, 1, func(s *fleet.Memory, p []*process) {
		data, err := p[0].member.Report().MarshalJSON()
		require.NoError(t, err)
		require.Contains(t, string(data), `"unknown":[]`)
		var seen []string
		defer p[0].m.Observers().Listen(func(v observe.Observation) {
			require.Equal(t, observe.FleetHeard, v.Kind)
			require.Equal(t, "told by process later; this version does not know the kind", v.Message)
			seen = append(seen, v.State)
		})()
		require.NoError(t, s.Tell(t.Context(), []fleet.Change{{Route: "r", What: "drained", For: time.Minute, Process: "later"}, {Route: "r", What: "wait", For: time.Minute, Process: "later"}}))
		settle()
		require.Equal(t, 1, p[0].member.Report().Heard)
		require.Equal(t, []string{"drained"}, p[0].member.Report().Unknown)
		changes := []fleet.Change{{What: "sk-0123456789abcdef0123456789", Process: "later"}, {What: "\xff", Process: "later"}}
		for i := range 1000 {
			changes = append(changes, fleet.Change{What: "drained", Process: "later"}, fleet.Change{What: breaker.What(strconv.Itoa(i)), Process: "later"})
		}
		require.NoError(t, s.Tell(t.Context(), changes))
		settle()
		said := p[0].member.Report().Unknown
		require.Len(t, said, 16)
		require.Equal(t, []string{"drained", "?", "0", "1"}, slices.Delete(slices.Clone(said[:5]), 1, 2))
		require.NotContains(t, said[1], "0123456789")
		require.Equal(t, said, seen)
	})
}

// A change of a known kind that holds for no time, or for longer than anybody
// tells, is said as one of an unknown kind is. One whose time is over is not.
func TestWhatHoldsForNoUsableTimeIsSaid(t *testing.T) {
	fleetOf(t, 1, func(s *fleet.Memory, p []*process) {
		var seen []string
		defer p[0].m.Observers().Listen(func(v observe.Observation) { seen = append(seen, v.State+": "+v.Message) })()
		for range 2 {
			require.NoError(t, s.Tell(t.Context(), []fleet.Change{
				{Route: "r", What: "opened", Process: "later"}, {Route: "r", What: "wait", For: time.Hour, Process: "later"},
				{Route: "r", What: "block", For: -time.Second, Process: "later"}, {Route: "r", What: "closed", For: time.Hour, Process: "later"},
			}))
		}
		settle()
		require.Equal(t, []string{"opened without a time", "wait for too long", "block without a time"}, p[0].member.Report().Unknown)
		require.Equal(t, "opened without a time: told by process later; this version cannot use it", seen[0])
		require.Len(t, seen, 3)
		require.Equal(t, 2, p[0].member.Report().Heard, "what closed needs no time")
		require.NoError(t, s.Tell(t.Context(), []fleet.Change{{Route: "q", What: "opened", For: time.Second, Process: "later"}}))
		time.Sleep(2 * time.Second) // on the bubble's clock
		late := join(t, s, nil)
		defer late.close()
		settle()
		require.Len(t, late.member.Report().Unknown, 3, "a time that is over is no mistake")
	})
}

// A report has what others told of routes, also of those that are not here, for
// as long as it holds.
func TestAReportHasWhatOthersTold(t *testing.T) {
	fleetOf(t, 2, func(s *fleet.Memory, p []*process) {
		listener := join(t, s, func(m *config.Model, _ *fleet.Options) { m.Model = "another" })
		defer listener.close()
		require.Empty(t, listener.member.Report().Routes)
		p[0].fail(5)
		p[0].breaker().BlockUntil(time.Now().Add(time.Minute))
		settle()
		first := p[0].member.Report().Process
		here, there := p[1].member.Report().Routes, listener.member.Report().Routes
		require.Len(t, here, 2)
		require.Equal(t, []string{"p/m"}, here[0].Names)
		require.Equal(t, []breaker.What{breaker.RouteOpened, breaker.RouteWaits}, []breaker.What{here[0].What, here[1].What})
		require.InDelta(t, 10, here[0].For.Seconds(), 0.1)
		require.InDelta(t, 60, here[1].For.Seconds(), 0.1)
		require.Equal(t, []string{first, first}, []string{here[0].Process, here[1].Process})
		require.Equal(t, here[0].Route, there[0].Route)
		require.Empty(t, there[0].Names)
		require.Empty(t, p[0].member.Report().Routes, "what it told itself it knows")
		time.Sleep(11 * time.Second) // on the bubble's clock
		require.Len(t, listener.member.Report().Routes, 1)
		time.Sleep(time.Minute) // on the bubble's clock
		require.Empty(t, listener.member.Report().Routes)
		data, err := listener.member.Report().MarshalJSON()
		require.NoError(t, err)
		require.Contains(t, string(data), `"routes":[]`)
	})
}

// Who leaves while the store is still being opened tells what it found out, but
// waits for a second at most.
func TestWhoLeavesEarlyTells(t *testing.T) {
	for takes, heard := range map[time.Duration]int{0: 1, 100 * time.Millisecond: 1, time.Hour: 0} {
		fleetOf(t, 1, func(s *fleet.Memory, p []*process) {
			settle()
			short := join(t, s, func(_ *config.Model, o *fleet.Options) {
				o.Open = func(ctx context.Context) (fleet.Store, error) {
					select {
					case <-time.After(takes):
						return s, nil
					case <-ctx.Done():
						return nil, ctx.Err()
					}
				}
			})
			short.breaker().BlockUntil(time.Now().Add(time.Minute))
			began := time.Now()
			short.close()
			require.LessOrEqual(t, time.Since(began), time.Second)
			settle()
			require.Equal(t, heard, p[0].member.Report().Heard, "the store opens after %v", takes)
		})
	}
}

// Who joins later knows what was told before.
func TestWhoJoinsLaterKnows(t *testing.T) {
	fleetOf(t, 2, func(s *fleet.Memory, p []*process) {
		p[0].fail(5)
		settle()
		p[1].fail(1)
		p[0].breaker().BlockUntil(time.Now().Add(time.Minute))
		settle()
		late := join(t, s, nil)
		defer late.close()
		settle()
		require.Equal(t, "open", late.circuit())
		require.NotZero(t, late.c.NamedWait())
		other := join(t, s, func(m *config.Model, _ *fleet.Options) { m.Model = "another" })
		defer other.close()
		settle()
		require.True(t, other.c.Usable(), "another model is another route")
	})
}

// One process of a fleet probes a half-open route; the others leave it alone
// until they hear how it went.
func TestOneProcessProbes(t *testing.T) {
	fleetOf(t, 3, func(s *fleet.Memory, p []*process) {
		p[0].fail(5)
		settle()
		p[1].fail(1)
		settle()
		time.Sleep(10100 * time.Millisecond)
		probers := 0
		for range 3 {
			for _, x := range p {
				if shared := x.c.MayProbe(); shared {
					probers++
				}
			}
			settle()
		}
		require.Equal(t, 1, probers)
		usable := 0
		for _, x := range p {
			if x.c.Usable() {
				usable++
			}
		}
		require.Equal(t, 1, usable, "the others' circuits stay closed to calls")
		s.Fail(errors.New("gone"))
		settle()
		time.Sleep(2 * time.Second)
		for _, x := range p {
			require.True(t, x.c.MayProbe(), "without a store everybody may")
		}
		s.Fail(nil)
	})
}

// A probe that fails in one process is not made again by the others, although
// their circuits opened a little later: the time until the next begins anew.
func TestAFailedProbeCountsForAll(t *testing.T) {
	fleetOf(t, 12, func(_ *fleet.Memory, p []*process) {
		for _, x := range p {
			for x.circuit() == "closed" {
				enter(x.breaker()).Fail(io())
			}
			time.Sleep(3 * time.Millisecond) // of synctest: circuits do not open at the same moment
		}
		probes := 0
		for range 25_000 { // 25 s: two ends of a circuit that stays open for 10 s
			for _, x := range p {
				if b := x.breaker(); b.Probing() && x.c.MayProbe() && b.Usable() {
					if permit := enter(b); permit != nil {
						probes++
						permit.Fail(io())
					}
				}
			}
			time.Sleep(time.Millisecond) // of synctest
		}
		require.Equal(t, 2, probes)
	})
}

// A store that fails is told of once, and used again when it is back.
func TestAStoreThatComesAndGoes(t *testing.T) {
	fleetOf(t, 2, func(s *fleet.Memory, p []*process) {
		seen := p[0].m.Observers().Subscribe(100)
		defer seen.Close()
		time.Sleep(1100 * time.Millisecond)
		require.True(t, p[0].member.Report().Connected)
		require.Equal(t, 2, p[1].member.Report().Processes)
		s.Fail(errors.New("LOADING"))
		time.Sleep(30 * time.Second)
		r := p[0].member.Report()
		require.False(t, r.Connected)
		require.Equal(t, "LOADING", r.Error)
		require.InDelta(t, 30, time.Since(r.LostSince).Seconds(), 1.1)
		p[0].breaker().BlockUntil(time.Now().Add(time.Minute))
		s.Forget()
		s.Fail(nil)
		time.Sleep(1500 * time.Millisecond)
		require.True(t, p[0].member.Report().Connected)
		require.NotZero(t, p[1].c.NamedWait(), "what happened meanwhile is told")
		var kinds []observe.Kind
		for len(seen.C()) > 0 {
			kinds = append(kinds, (<-seen.C()).Kind)
		}
		require.Equal(t, []observe.Kind{observe.FleetLost, observe.FleetJoined}, kinds)
	})
}

// Members of one fleet keep a rate together, whoever has the demand (all, one,
// or each half of them in turns), and a store that is away for a while changes
// nothing in the sum. What members without demand could have spent meanwhile is
// lost: each knows its own share only.
func TestARateIsKeptTogether(t *testing.T) {
	for demand, away := range map[string]int{"all": 0, "one": 7 * 5 * 100 / 8, "alternating": 4 * 5 * 100 / 8} {
		t.Run(demand, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := fleet.NewMemory()
				all := joinRated(t, s, 8)
				settle()
				ctx, stop := context.WithTimeout(t.Context(), 30*time.Second)
				defer stop()
				sum := 0
				go func() {
					time.Sleep(10 * time.Second) // on the bubble's clock
					s.Fail(errors.New("frozen"))
					time.Sleep(5 * time.Second) // on the bubble's clock
					s.Fail(nil)
				}()
				switch demand {
				case "all", "one":
					calling := callUntil(ctx, map[string][]*process{"all": all, "one": all[:1]}[demand])
					calling.Wait()
					sum = int(calling.taken.Load())
				case "alternating":
					for turn := range 10 {
						short, stop := context.WithTimeout(ctx, 3*time.Second)
						calling := callUntil(short, all[4*(turn%2):4*(turn%2)+4])
						calling.Wait()
						stop()
						sum += int(calling.taken.Load())
					}
				}
				t.Logf("%s: %d of 3000 and a burst of 100", demand, sum)
				require.LessOrEqual(t, sum, 3000+100+8, "limit and burst, and what was not yet repaid")
				require.GreaterOrEqual(t, sum, (3000-away)*95/100, "what was spent without the store is not paid back beyond a burst")
				for _, p := range all {
					p.close()
				}
			})
		})
	}
}

// After a long outage, in which the members kept the rate by their shares, they
// go on with it: the outage is not paid back a second time.
func TestALongOutageIsNotPaidBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := fleet.NewMemory()
		all := joinRated(t, s, 4)
		time.Sleep(2 * time.Second) // of synctest: each knows of the others
		ctx, stop := context.WithCancel(t.Context())
		calling := callUntil(ctx, all)
		time.Sleep(10 * time.Second)
		s.Fail(errors.New("frozen"))
		time.Sleep(60 * time.Second)
		s.Fail(nil)
		back := calling.taken.Load()
		time.Sleep(5 * time.Second)
		stop()
		calling.Wait()
		t.Logf("%d of 7500, %d of 500 in the 5 s after an outage of 60", calling.taken.Load(), calling.taken.Load()-back)
		require.GreaterOrEqual(t, calling.taken.Load()-back, int64(350))
		require.LessOrEqual(t, calling.taken.Load(), int64(7500+100+8))
		for _, p := range all {
			p.close()
		}
	})
}

func TestOptionsAreChecked(t *testing.T) {
	open := func(context.Context) (fleet.Store, error) { return nil, errors.New("unused") }
	for _, c := range []struct {
		o    fleet.Options
		want string
	}{
		{fleet.Options{}, "no store"},
		{fleet.Options{Open: open, Agree: -1}, "agree is -1"},
		{fleet.Options{Open: open, Processes: -1}, "processes is -1"},
		{fleet.Options{Open: open, Name: "a:b"}, "a:b"},
		{fleet.Options{Open: open, Share: []string{"all"}}, `share has "all"`},
		{fleet.Options{Open: open, Share: []string{}}, "share is empty"},
	} {
		_, err := fleet.Join(t.Context(), manager.New(manager.Options{}), c.o)
		require.ErrorContains(t, err, c.want)
		require.Equal(t, llm.InvalidArgument, llm.AsError(err).Code)
	}
}
