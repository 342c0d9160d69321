package fleet

import (
	"slices"
	"time"

	"github.com/llmagg/llmagg/core/breaker"
	"github.com/llmagg/llmagg/core/client"
)

// route is a route of this process that the fleet knows; several clients, its
// names, may lead there.
type route struct {
	member *Member
	id     string
	px     time.Duration // how long a mark lasts

	// Guarded by member.mu.
	clients []*client.Client
	asked   time.Time      // the mark was asked for; zero: it was not
	granted bool           // and may be used
	holding bool           // a probe with the mark is under way
	prober  *client.Client // the name that may probe; nil: none
	given   time.Time      // when it got that
	account *account       // of its rate; nil without one
}

// outgoing is a change that is to be told.
type outgoing struct {
	route string
	what  breaker.What
	until time.Time
}

const (
	// mostQueued bounds what waits for a store that is out of reach.
	mostQueued = 1000
	// patience is how long calls leave a half-open route alone while its mark
	// is asked for. They go to other routes meanwhile, so that it costs them
	// nothing; with 20 ms a busy machine made six probes at once.
	patience = 250 * time.Millisecond
	// hearing is how long a mark is kept after a probe has failed, so that the
	// others hear of that before they can have the mark.
	hearing = 100 * time.Millisecond
	// longestMark bounds how long a process may keep the others from probing.
	longestMark = 15 * time.Second
)

// Attach makes a client's route a member, until the client closes or the member
// leaves, and applies what was heard of the route before.
func (m *Member) Attach(c *client.Client) {
	id := m.routeID(c)
	m.mu.Lock()
	if m.gone {
		m.mu.Unlock()
		return
	}
	r := m.routes[id]
	if r == nil {
		r = &route{member: m, id: id, px: min(c.Config().Timeout, longestMark)}
		m.routes[id] = r
	}
	if slices.Contains(r.clients, c) {
		m.mu.Unlock()
		return
	}
	r.clients = append(r.clients, c)
	m.mu.Unlock()
	c.Share(&client.Shared{Told: func(v breaker.Event) { r.told(c, v) }, MayProbe: func() bool { return r.mayProbe(c) }, Closed: func() { r.remove(c) }})
	m.join(r, c)
	m.mu.Lock()
	due := m.heed(r, c, m.verdicts[id])
	m.mu.Unlock()
	due.apply(c)
}

// remove forgets a client.
func (r *route) remove(c *client.Client) {
	m := r.member
	m.mu.Lock()
	defer m.mu.Unlock()
	r.quit(c)
	r.clients = slices.DeleteFunc(r.clients, func(x *client.Client) bool { return x == c })
	if r.prober == c {
		r.prober = nil
	}
	if len(r.clients) == 0 && m.routes[r.id] == r {
		delete(m.routes, r.id)
	}
}

// told queues what the route's own attempts caused under one of its names, and
// has its other names here heed it, whether the store is in reach or not.
func (r *route) told(by *client.Client, v breaker.Event) {
	m := r.member
	if circuit := v.What == breaker.RouteOpened || v.What == breaker.RouteClosed; circuit && !m.shares(ShareBreakers) || !circuit && !m.shares(ShareWaits) {
		return
	}
	m.mu.Lock()
	if r.holding && v.What == breaker.RouteOpened {
		r.holding = false
		time.AfterFunc(hearing, func() { m.giveBack(r.id) })
	}
	r.settled()
	if len(m.queue) == mostQueued {
		m.queue = m.queue[1:]
	}
	m.queue = append(m.queue, outgoing{r.id, v.What, v.Until})
	m.ring()
	var names []*client.Client
	if !m.gone && len(r.clients) > 1 {
		names = slices.DeleteFunc(slices.Clone(r.clients), func(x *client.Client) bool { return x == by })
	}
	m.mu.Unlock()
	for _, x := range names {
		due := deeds{closed: true}
		if v.What != breaker.RouteClosed {
			m.mu.Lock()
			due = m.heed(r, x, m.verdicts[r.id])
			m.mu.Unlock()
		}
		due.apply(x)
	}
}

// settled ends what a mark was for. The caller holds member.mu.
func (r *route) settled() {
	if r.holding {
		r.member.done = append(r.member.done, r.id)
	}
	r.asked, r.granted, r.holding, r.prober = time.Time{}, false, false, nil
}

// giveBack has the mark of a route given back.
func (m *Member) giveBack(route string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.done = append(m.done, route)
	m.ring()
}

// mayProbe reports whether a name of the half-open route may probe it. The
// first to ask has the mark asked for; as long as that takes, and as long as
// another process has it, calls go elsewhere. Without a store every process
// may. In a process, one name probes at a time.
func (r *route) mayProbe(c *client.Client) bool {
	m := r.member
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.shares(ShareBreakers) {
		return true
	}
	now := time.Now()
	if p := r.prober; p != nil && p != c && (now.Sub(r.given) < patience || p.Machinery().Breaker().Snapshot().Trial) {
		return false
	}
	if !r.marked(now) {
		return false
	}
	r.prober, r.given = c, now
	return true
}

// marked reports whether the process may probe: it has the mark, or need not
// have it. The caller holds member.mu.
func (r *route) marked(now time.Time) bool {
	m := r.member
	switch {
	case !m.connected:
		return true
	case r.granted:
		r.granted, r.holding = false, true
		return true
	case r.asked.IsZero():
		r.asked = now
		m.asking = append(m.asking, r)
		m.ring()
		return false
	case now.Sub(r.asked) < patience:
		return false
	}
	r.asked = time.Time{}
	return true
}

// ring wakes the goroutine that talks with the store. The caller holds mu.
func (m *Member) ring() {
	select {
	case m.wake <- struct{}{}:
	default:
	}
}
