package client

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
			g := newGate(breakerSettings{failures: 2, open: 3 * time.Second, block: 2 * time.Second})
			var out []*pass
			for range 60 {
				happens(g, r, &out)
				usable := g.usable()
				p, why := g.enter()
				require.Equal(t, usable, p != nil, "seed %d: usable is %v, enter says %+v of %+v", seed, usable, why, g.state())
				if p != nil {
					p.neutral()
				}
				require.Equal(t, usable, g.usable(), "seed %d: a neutral pass leaves the gate as it was", seed)
				at := time.Now().Add(time.Duration(r.IntN(4000)) * time.Millisecond)
				later := g.usableAt(at)
				if forced, v := g.force(); forced != nil {
					forced.neutral()
				} else if s := g.state(); v == nil {
					require.True(t, !s.on || !s.blockedUntil.IsZero(), "seed %d: nobody may try, and nothing says why: %+v", seed, s)
				}
				if r.IntN(3) == 0 {
					time.Sleep(time.Until(at))
					require.Equal(t, later, g.usable(), "seed %d: what was said of a time holds then", seed)
				}
			}
			for _, p := range out {
				p.neutral()
			}
		})
	}
}

// happens does one thing that may happen to a gate. out are the passes that
// are not settled.
func happens(g *gate, r *rand.Rand, out *[]*pass) {
	settle := func(f func(*pass)) {
		if n := len(*out); n > 0 {
			i := r.IntN(n)
			f((*out)[i])
			*out = append((*out)[:i], (*out)[i+1:]...)
		}
	}
	switch r.IntN(12) {
	case 0, 1, 2:
		if p, _ := g.enter(); p != nil {
			*out = append(*out, p)
		}
	case 3:
		if p, _ := g.force(); p != nil {
			*out = append(*out, p)
		}
	case 4, 5, 6:
		settle(func(p *pass) { p.fail(errDead) })
	case 7:
		settle((*pass).succeed)
	case 8:
		settle(func(p *pass) { p.firstToken(); p.neutral() })
	case 9:
		settle(func(p *pass) { g.blockAccount(); p.failUncounted(errDead) })
	case 10:
		g.block(time.Now().Add(time.Duration(r.IntN(3000))*time.Millisecond), true)
	case 11:
		g.setSwitch(r.IntN(3) > 0)
	}
}
