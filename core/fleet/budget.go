package fleet

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/llmagg/llmagg/core/client"
	"github.com/llmagg/llmagg/core/rate"
)

// account is a route's share of the limits that all processes keep together.
// The goroutine that talks with the store owns it, but for the limiters.
type account struct {
	limiters []*rate.Limiter // of the route's clients; guarded by member.mu
	asked    time.Time       // when a lease was asked for last
}

// leaseEvery bounds how often a route asks for more.
const leaseEvery = 100 * time.Millisecond

// join makes a client lease its configured rate.
func (m *Member) join(r *route, c *client.Client) {
	limiter := c.Machinery().Rate()
	if limits, _ := limiter.Configured(); !m.shares(ShareRates) || limits == [2]float64{} {
		return
	}
	limiter.Lease(m.wake)
	m.mu.Lock()
	defer m.mu.Unlock()
	if r.account == nil {
		r.account = &account{}
	}
	r.account.limiters = append(r.account.limiters, limiter)
	m.ring()
}

// quit ends that for a client that has closed. The caller holds member.mu.
func (r *route) quit(c *client.Client) {
	if r.account == nil {
		return
	}
	gone := c.Machinery().Rate()
	r.account.limiters = slices.DeleteFunc(r.account.limiters, func(l *rate.Limiter) bool { return l == gone })
}

// leasing is a limiter that may want more.
type leasing struct {
	route   *route
	limiter *rate.Limiter
}

// due lists the limiters of routes that may ask again.
func (m *Member) due() (all []leasing) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	for _, r := range m.routes {
		if r.account == nil || now.Sub(r.account.asked) < leaseEvery {
			continue
		}
		for _, l := range r.account.limiters {
			all = append(all, leasing{r, l})
		}
	}
	return all
}

// lease asks the store for what the limiters want.
func (m *Member) lease(ctx context.Context, s Store) error {
	for _, x := range m.due() {
		x.limiter.Alone(0)
		limits, capacities := x.limiter.Configured()
		wants, toTell := x.limiter.Wants()
		for of, n := range wants {
			if n == 0 {
				continue
			}
			x.route.account.asked = time.Now()
			b := Budget{Route: x.route.id, Of: rate.Names()[of], PerSecond: limits[of] / 60, Burst: capacities[of]}
			if b.Of == rate.Tokens {
				b.Asked = toTell
			}
			var granted, asked int
			err := m.ask(ctx, func(ctx context.Context) (err error) {
				granted, asked, err = s.Lease(ctx, b, n)
				return err
			})
			if err != nil {
				x.limiter.Unanswered()
				return err
			}
			x.limiter.Grant(of, granted, b.Asked, asked)
		}
	}
	return nil
}

// share is this process's of each rate, while the store is out of reach. The
// caller holds mu.
func (m *Member) share() float64 {
	return 1 / float64(cmp.Or(m.state.Processes, m.o.Processes))
}

// kept is the share of each rate that the process keeps to; 0 while the store
// gives rates, and where they are not shared. The caller holds mu.
func (m *Member) kept() float64 {
	if m.answers || !m.shares(ShareRates) {
		return 0
	}
	return m.share()
}

// alone lets the limiters go on without the store, each at its process's share.
func (m *Member) alone() {
	m.mu.Lock()
	share := m.share()
	var all []*rate.Limiter
	for _, r := range m.routes {
		if r.account != nil {
			all = append(all, r.account.limiters...)
		}
	}
	m.mu.Unlock()
	for _, l := range all {
		l.Alone(share)
	}
}

// nextLease is the time until the store is talked to again, unless something is
// told or wanted before.
func (m *Member) nextLease(beaten time.Time) time.Duration {
	wait := time.Until(beaten.Add(beat))
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range m.routes {
		if r.account != nil && !r.account.asked.IsZero() {
			if d := time.Until(r.account.asked.Add(leaseEvery)); d > -2*leaseEvery {
				wait = min(wait, max(d, time.Millisecond))
			}
		}
	}
	return max(wait, soon)
}
