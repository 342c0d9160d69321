package fleet_test

import (
	"context"
	"errors"
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
