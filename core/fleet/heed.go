package fleet

import (
	"slices"
	"strings"
	"time"

	"github.com/llmagg/llmagg/core/breaker"
	"github.com/llmagg/llmagg/core/client"
	"github.com/llmagg/llmagg/core/internal/shown"
	"github.com/llmagg/llmagg/core/observe"
)

// verdict is what other processes told of a route.
type verdict struct {
	opened      map[string]time.Time // by process: when its circuit reopens
	wait, block time.Time
	by          string // the process that told of a wait or a block last
}

// deeds are what heeding a verdict does to a breaker: no lock is held then.
type deeds struct {
	wait, block, open time.Time
	suspect, closed   bool
}

func (d deeds) apply(c *client.Client) {
	b := c.Machinery().Breaker()
	if !d.wait.IsZero() {
		b.HeardWait(d.wait)
	}
	if !d.block.IsZero() {
		b.HeardBlock(d.block)
	}
	switch {
	case d.closed:
		b.HeardClosed()
	case !d.open.IsZero():
		b.HeardOpen(d.open)
	case d.suspect:
		b.Suspect()
	}
}

// hear takes in what was told, by this process or another.
func (m *Member) hear(changes []Change) {
	now := time.Now()
	for i := range changes {
		c := &changes[i]
		if c.Process == m.process {
			m.heardOwn(c, now)
			continue
		}
		m.hearOne(c, now)
	}
}

// heardOwn learns from an echo how long it takes to be heard.
func (m *Member) heardOwn(c *Change, now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if at, ok := m.tellingAt[c.Route]; ok {
		m.state.Lag = now.Sub(at)
		delete(m.tellingAt, c.Route)
	}
}

func (m *Member) hearOne(c *Change, now time.Time) {
	switch c.What {
	case breaker.RouteWaits, breaker.RouteBlocked, breaker.RouteOpened, breaker.RouteClosed:
	default:
		m.passOver(c, now, "")
		return
	}
	until := now.Add(c.For)
	circuit := c.What == breaker.RouteOpened || c.What == breaker.RouteClosed
	if circuit && !m.shares(ShareBreakers) || !circuit && !m.shares(ShareWaits) {
		return
	}
	if c.What != breaker.RouteClosed && m.unusable(c, now) {
		return
	}
	m.mu.Lock()
	m.state.Heard++
	v := m.verdicts[c.Route]
	if v == nil {
		m.forgetOld(now)
		v = &verdict{opened: map[string]time.Time{}}
		m.verdicts[c.Route] = v
	}
	switch c.What {
	case breaker.RouteWaits:
		v.wait, v.by = latest(v.wait, until), c.Process
	case breaker.RouteBlocked:
		v.block, v.by = latest(v.block, until), c.Process
	case breaker.RouteOpened:
		v.opened[c.Process] = until
	case breaker.RouteClosed:
		clear(v.opened)
	}
	r := m.routes[c.Route]
	var clients []*client.Client
	if r != nil {
		if circuit {
			r.settled()
		}
		clients = append(clients, r.clients...)
	}
	m.mu.Unlock()
	for _, x := range clients {
		m.mu.Lock()
		var due deeds
		if c.What == breaker.RouteClosed {
			due.closed = true
		} else {
			due = m.heed(r, x, v)
		}
		m.mu.Unlock()
		due.apply(x)
		if m.observers.Active() {
			m.observers.Tell(observe.Observation{Kind: observe.FleetHeard, Time: now, Provider: x.Provider(), Model: x.Name(),
				State: string(c.What), Wait: c.For, Message: "told by process " + c.Process}, m.observerPanicked)
		}
	}
}

// unusable tells whether a change says nothing of the time from now on; one
// that never did so is told.
func (m *Member) unusable(c *Change, now time.Time) bool {
	switch {
	case c.For+c.Age <= 0:
		m.passOver(c, now, " without a time")
	case c.For > 2*breaker.MaxRetryAfter:
		m.passOver(c, now, " for too long")
	default:
		return c.For <= 0 // it is over
	}
	return true
}

// mostUnknown bounds how many kinds of changes are told that this version does
// not know.
const mostUnknown = 16

// passOver tells once of each kind of change that this version does not know,
// or cannot use for the reason given.
func (m *Member) passOver(c *Change, now time.Time, reason string) {
	kind := shown.Cut(shown.Bare(strings.ToValidUTF8(string(c.What), "?")), 60) + reason
	m.mu.Lock()
	known := &m.state.Unknown
	if len(*known) >= mostUnknown || slices.Contains(*known, kind) {
		m.mu.Unlock()
		return
	}
	*known = append(*known, kind)
	m.mu.Unlock()
	process, cannot := shown.Cut(c.Process, 60), "does not know the kind"
	if reason != "" {
		cannot = "cannot use it"
	}
	if l := m.o.Logger; l != nil {
		l.Warn("another process told a change, but this version of llmagg "+cannot+"; such changes are passed over: use one version in the whole fleet",
			"fleet", m.o.Name, "kind", kind, "process", process)
	}
	if m.observers.Active() {
		m.observers.Tell(observe.Observation{Kind: observe.FleetHeard, Time: now, State: kind,
			Message: "told by process " + process + "; this version " + cannot}, m.observerPanicked)
	}
}

// heed says what a verdict, nil for none, does to a client of a route, and what
// the route's other names in this process found out. A circuit opens where
// enough processes say so, this one included where its own is not closed, or
// that of another name is open; else it becomes suspect. A closed circuit opens
// until the first of the others reopens; another waits for the last, which is
// that of the latest failure. The caller holds mu.
func (m *Member) heed(r *route, c *client.Client, v *verdict) (d deeds) {
	now := time.Now()
	if v == nil {
		v = &verdict{}
	}
	if now.Before(v.wait) {
		d.wait = v.wait
	}
	if now.Before(v.block) {
		d.block = v.block
	}
	agree := 0
	var first, last time.Time
	for process, until := range v.opened {
		if !now.Before(until) {
			delete(v.opened, process)
			continue
		}
		agree++
		if first.IsZero() || until.Before(first) {
			first = until
		}
		last = latest(last, until)
	}
	here := false
	for _, until := range m.heedNames(r, c, &d) {
		here, last = true, latest(last, until)
		if first.IsZero() || until.Before(first) {
			first = until
		}
	}
	if agree == 0 && !here {
		return d
	}
	if c.Machinery().Breaker().Snapshot().State != breaker.Closed {
		if here { // a probe under another name failed: that is the process's own
			agree = m.o.Agree
		}
		here, first = true, last
	}
	if here {
		agree++
	}
	if agree >= m.o.Agree {
		d.open = first
	} else {
		d.suspect = true
	}
	return d
}

// heedNames adds the waits and blocks of a route's other names to d, and says
// when those reopen whose circuits are open. The caller holds mu.
func (m *Member) heedNames(r *route, c *client.Client, d *deeds) (reopen []time.Time) {
	for _, x := range r.clients {
		if x == c {
			continue
		}
		s := x.Machinery().Breaker().Snapshot()
		switch {
		case !m.shares(ShareWaits):
		case s.RetryAfter:
			d.wait = latest(d.wait, s.BlockedUntil)
		default:
			d.block = latest(d.block, s.BlockedUntil)
		}
		if s.State == breaker.Open && m.shares(ShareBreakers) {
			reopen = append(reopen, s.OpenUntil)
		}
	}
	return reopen
}

// forgetOld forgets verdicts that hold no longer, where there are many. The
// caller holds mu.
func (m *Member) forgetOld(now time.Time) {
	if len(m.verdicts) < 1000 {
		return
	}
	for id, v := range m.verdicts {
		last := latest(v.wait, v.block)
		for _, until := range v.opened {
			last = latest(last, until)
		}
		if now.After(last) {
			delete(m.verdicts, id)
		}
	}
}

func latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// Told is something that another process told of a route, and that holds now.
type Told struct {
	Route   string        `json:"route"` // as the fleet knows it
	Names   []string      `json:"names"` // in this process; none where it has no such route
	What    breaker.What  `json:"what"`
	For     time.Duration `json:"for_ns"`  // from now on
	Process string        `json:"process"` // for a wait or a block the last that told of either
}

// toldOfRoutes is what holds now of what others told, in no order. The caller
// holds mu.
func (m *Member) toldOfRoutes(now time.Time) []Told {
	all := []Told{}
	for id, v := range m.verdicts {
		names := []string{}
		if r := m.routes[id]; r != nil {
			for _, c := range r.clients {
				names = append(names, c.Provider()+"/"+c.Name())
			}
		}
		add := func(what breaker.What, until time.Time, process string) {
			if left := until.Sub(now); left > 0 {
				all = append(all, Told{id, names, what, left, process})
			}
		}
		for process, until := range v.opened {
			add(breaker.RouteOpened, until, process)
		}
		add(breaker.RouteWaits, v.wait, v.by)
		add(breaker.RouteBlocked, v.block, v.by)
	}
	return all
}
