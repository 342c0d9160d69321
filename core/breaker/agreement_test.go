package breaker

import (
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// usable and enter always agree, whatever happened to a gate: a call that asks
// for a usable route and is refused there would ask again at once, for ever.
// So does usableAt with what usable says then, and force always gives a way.
func TestUsableAndEnterAgree(t *testing.T) {
	for seed := range uint64(400) {
		synctest.Test(t, func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 1))
			g := New(settings(Settings{Failures: 2, Open: 3 * time.Second, Block: 2 * time.Second}), nil)
			var out []*Permit
			for range 60 {
				happens(g, r, &out)
				usable := g.Usable()
				p := enter(g)
				require.Equal(t, usable, p != nil, "seed %d: usable is %v, Enter disagrees: %+v", seed, usable, g.Snapshot())
				if p != nil {
					p.Neutral()
				}
				require.Equal(t, usable, g.Usable(), "seed %d: a neutral pass leaves the gate as it was", seed)
				at := time.Now().Add(time.Duration(r.IntN(4000)) * time.Millisecond)
				later := g.UsableAt(at)
				if forced, v := g.LastResort(); forced != nil {
					forced.Neutral()
				} else if s := g.Snapshot(); v == nil {
					require.True(t, !s.On || !s.BlockedUntil.IsZero(), "seed %d: nobody may try, and nothing says why: %+v", seed, s)
				}
				if r.IntN(3) == 0 {
					time.Sleep(time.Until(at))
					require.Equal(t, later, g.Usable(), "seed %d: what was said of a time holds then", seed)
				}
			}
			for _, p := range out {
				p.Neutral()
			}
		})
	}
}

// happens does one thing that may happen to a gate. out are the passes that
// are not settled.
func happens(g *Breaker, r *rand.Rand, out *[]*Permit) {
	settle := func(f func(*Permit)) {
		if n := len(*out); n > 0 {
			i := r.IntN(n)
			f((*out)[i])
			*out = append((*out)[:i], (*out)[i+1:]...)
		}
	}
	switch r.IntN(12) {
	case 0, 1, 2:
		if p := enter(g); p != nil {
			*out = append(*out, p)
		}
	case 3:
		if p, _ := g.LastResort(); p != nil {
			*out = append(*out, p)
		}
	case 4, 5, 6:
		settle(func(p *Permit) { p.Fail(errDead) })
	case 7:
		settle((*Permit).Succeed)
	case 8:
		settle(func(p *Permit) { p.FirstToken(); p.Neutral() })
	case 9:
		settle(func(p *Permit) { g.BlockAccount(); p.FailUncounted(errDead) })
	case 10:
		g.BlockUntil(time.Now().Add(time.Duration(r.IntN(3000)) * time.Millisecond))
	case 11:
		g.Switch(r.IntN(3) > 0)
	}
}
