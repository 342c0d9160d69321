package fleet_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

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
