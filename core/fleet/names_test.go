package fleet_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/llmagg/llmagg/core/client"
	"github.com/llmagg/llmagg/core/config"
	"github.com/llmagg/llmagg/core/fleet"
)

// another makes the route of p a member once more, under another name.
func (p *process) another(t *testing.T, name string) *process {
	t.Helper()
	c, err := client.NewCustom(config.Model{Provider: "p", Name: name, Model: "m"}, silent{}, client.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close(context.Background())) })
	require.Equal(t, p.c.Identity(), c.Identity())
	p.member.Attach(c)
	return &process{m: p.m, member: p.member, c: c}
}

// What a process finds out of a route under one name holds for its other names
// there, too, whether the store is in reach or not, and is told once.
func TestNamesOfOneRouteHearEachOther(t *testing.T) {
	for _, away := range []bool{false, true} {
		fleetOf(t, 2, func(s *fleet.Memory, p []*process) {
			a, b := p[0], p[0].another(t, "alias")
			if away {
				s.Fail(errors.New("away"))
				time.Sleep(5 * time.Second) // on the bubble's clock
			}
			a.fail(5)
			require.Equal(t, "open", a.circuit())
			require.Equal(t, "closed", b.circuit(), "a process agrees with itself once")
			b.fail(1)
			require.Equal(t, "open", b.circuit())
			permit, _ := b.breaker().LastResort()
			permit.Succeed()
			require.Equal(t, "closed", a.circuit())
			a.breaker().BlockUntil(time.Now().Add(7 * time.Second))
			require.InDelta(t, 7, b.c.NamedWait().Seconds(), 0.1)
			late := a.another(t, "late")
			require.InDelta(t, 7, late.c.NamedWait().Seconds(), 0.1)
			time.Sleep(8 * time.Second) // on the bubble's clock
			late.breaker().BlockAccount()
			require.False(t, a.c.Usable())
			require.False(t, b.c.Usable())
			require.Zero(t, a.c.NamedWait())
			settle()
			if !away {
				require.Equal(t, 5, a.member.Report().Told)
				require.Zero(t, a.member.Report().Heard)
				require.False(t, p[1].c.Usable())
			}
		})
	}
}

// Names of one route do not probe it at the same time, whether the store is in
// reach or not. A probe that was broken off leaves it to the next name.
func TestOneNameOfARouteProbes(t *testing.T) {
	for _, away := range []bool{false, true} {
		fleetOf(t, 2, func(s *fleet.Memory, p []*process) {
			a, b := p[0], p[0].another(t, "alias")
			a.fail(5)
			b.fail(1)
			settle()
			time.Sleep(10100 * time.Millisecond) // on the bubble's clock
			if away {
				s.Fail(errors.New("away"))
				time.Sleep(2 * time.Second) // on the bubble's clock
			}
			may := func(x *process) bool {
				for range 3 {
					if x.c.MayProbe() {
						return true
					}
					settle()
				}
				return false
			}
			require.True(t, may(a))
			require.False(t, may(b), "the call of the other name is about to enter")
			permit := enter(a.breaker())
			require.NotNil(t, permit)
			time.Sleep(2 * time.Second) // on the bubble's clock
			require.False(t, may(b), "the other name's probe is under way")
			permit.Neutral()
			require.True(t, may(b))
			permit = enter(b.breaker())
			require.NotNil(t, permit)
			permit.Fail(io())
			require.False(t, a.c.Usable(), "the failed probe counts for both names")
			time.Sleep(10100 * time.Millisecond) // on the bubble's clock
			require.True(t, may(a))
		})
	}
}

// A process that has a route under two names counts as one of those that have
// to agree: with another process, or alone where one is enough.
func TestNamesOfOneRouteAreOneProcess(t *testing.T) {
	fleetOf(t, 2, func(s *fleet.Memory, p []*process) {
		a, b := p[0], p[0].another(t, "alias")
		a.fail(5)
		b.fail(1)
		settle()
		require.Equal(t, "closed", p[1].circuit())
		p[1].fail(1)
		require.Equal(t, "open", p[1].circuit())
		one := join(t, s, func(_ *config.Model, o *fleet.Options) { o.Agree = 1 })
		defer one.close()
		settle()
		require.Equal(t, "open", one.circuit())
		require.Equal(t, "open", one.another(t, "alias").circuit())
	})
	fleetOf(t, 2, func(_ *fleet.Memory, p []*process) {
		a, b := p[0], p[0].another(t, "alias")
		p[1].fail(5)
		settle()
		a.fail(1)
		require.Equal(t, "open", b.circuit(), "the other process and this one agree")
		require.Equal(t, "open", a.another(t, "late").circuit())
	})
}
