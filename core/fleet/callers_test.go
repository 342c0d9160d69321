package fleet_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/llmagg/llmagg/core/config"
	"github.com/llmagg/llmagg/core/fleet"
	"github.com/llmagg/llmagg/core/rate"
)

// joinRated makes so many members that share 100 calls a second.
func joinRated(t *testing.T, s fleet.Store, members int) (all []*process) {
	t.Helper()
	for range members {
		all = append(all, join(t, s, func(m *config.Model, _ *fleet.Options) {
			m.Rate = config.Rate{RPM: 6000, Burst: time.Second}
		}))
	}
	return all
}

// callers take as much of a rate as there is, eight for each member.
type callers struct {
	sync.WaitGroup
	taken atomic.Int64
}

// callUntil lets them begin; they end with ctx.
func callUntil(ctx context.Context, all []*process) *callers {
	c := &callers{}
	for _, p := range all {
		for range 8 {
			c.Go(func() {
				for {
					if _, err := p.c.Machinery().Rate().Wait(ctx, rate.Size{}); err != nil {
						return
					}
					c.taken.Add(1)
				}
			})
		}
	}
	return c
}

// Members that never reached their store keep a rate by the number of processes
// that their options say, and say so; without it, each keeps all of it.
func TestAStoreThatWasNeverReached(t *testing.T) {
	for processes, share := range map[int]float64{0: 1, 4: 0.25} {
		synctest.Test(t, func(t *testing.T) {
			s := fleet.NewMemory()
			s.Fail(errors.New("no route to host"))
			var all []*process
			for range 4 {
				all = append(all, join(t, s, func(m *config.Model, o *fleet.Options) {
					m.Rate = config.Rate{RPM: 6000, Burst: time.Second}
					o.Processes = processes
				}))
			}
			settle()
			ctx, stop := context.WithTimeout(t.Context(), 30*time.Second)
			defer stop()
			calling := callUntil(ctx, all)
			calling.Wait()
			require.InEpsilon(t, share*4*3000, calling.taken.Load(), 0.05)
			require.Equal(t, share, all[0].member.Report().RateShare)
			s.Fail(nil)
			time.Sleep(2 * time.Second) // of synctest
			require.Zero(t, all[0].member.Report().RateShare)
			for _, p := range all {
				p.close()
			}
		})
	}
}
