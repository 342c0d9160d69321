package client

import (
	"sync"
	"time"
)

// maxNamedWait bounds how long a server's word blocks its route (clause R4).
const maxNamedWait = 10 * time.Minute

// gate decides whether a route lets a call in: it owns the breaker, the "blocked until" beside it, the application's switch, and the
// trial in flight. Safe for concurrent use; times are those of time.Now.
//
// A call asks enter when it has its place; refused everywhere, it asks force. The pass it gets is settled exactly once by
// succeed, fail, failUncounted or neutral; `defer p.neutral()` makes sure that no way out of a call leaves the route to a trial
// that never ends.
type gate struct {
	// onChange, if set before the gate is shared, is told each change of the circuit, on the goroutine that caused it and
	// without any lock held; it may call the gate. Changes caused by different goroutines may arrive in either order. That an
	// open circuit has become half-open is told when somebody goes in.
	onChange func(from, to circuit)

	settings breakerSettings

	mu           sync.Mutex // guards everything below, and the fields of every pass
	breaker      *breaker
	on           bool
	blockedUntil time.Time     // end of the longest block that nobody named: key, quota
	namedUntil   time.Time     // end of the longest wait that the server named
	trial        *verdict      // the forced try or half-open probe in flight
	failedAt     time.Time     // last forced try that failed, if none succeeded since
	changed      chan struct{} // closed at the next change that may make the route usable; nil while nobody waits
	told         circuit       // what onChange heard last
}

func newGate(s breakerSettings) *gate {
	b := newBreaker(s)
	return &gate{settings: b.settings, breaker: b, on: true, told: circuitClosed}
}

// refusal says why enter lets nobody in. Several reasons may hold at once.
type refusal struct {
	switchedOff bool
	probing     bool      // a probe or forced try is out; force gives its verdict
	openUntil   time.Time // when block and open circuit are over; zero if neither keeps calls out
	named       bool      // a wait that the server named is running, maybe not to the end of openUntil: force is no use yet
}

// usable tells whether enter would let a call in now.
func (g *gate) usable() bool { return g.usableAt(time.Now()) }

// usableAt tells whether the route would let a call in at a time now or later, if nothing happens until then: a retry asks
// it before it waits.
func (g *gate) usableAt(t time.Time) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.on || t.Before(g.blockEnd()) {
		return false
	}
	switch g.breaker.circuit() {
	case circuitClosed:
		return true
	case circuitOpen:
		return g.trial == nil && !t.Before(g.breaker.openUntil)
	default:
		return g.trial == nil
	}
}

// enter lets a call in, or says why not (the pass is then nil). In half-open state the pass is the probe.
func (g *gate) enter() (*pass, refusal) {
	g.mu.Lock()
	now := time.Now()
	p := g.letIn(now)
	if p != nil && p.kind == passClosed {
		g.mu.Unlock() // nothing has changed that there is to tell
		return p, refusal{}
	}
	defer g.unlockAndTell()
	if p != nil {
		return p, refusal{}
	}
	return nil, refusal{
		switchedOff: !g.on,
		probing:     g.trial != nil,
		openUntil:   g.reopens(now),
		named:       now.Before(g.namedUntil),
	}
}

// force lets a call try a route that is not usable (clause B4). It gives either a pass (forced, or an ordinary one if the route
// has become usable meanwhile: see pass.forced), or, while somebody else tries, the verdict to wait for. Both are nil where nobody may try: the
// route is switched off, or the wait that its server named is running.
func (g *gate) force() (*pass, *verdict) {
	g.mu.Lock()
	defer g.unlockAndTell()
	now := time.Now()
	if p := g.letIn(now); p != nil {
		return p, nil
	}
	switch {
	case !g.on:
		return nil, nil
	case g.trial != nil:
		return nil, g.trial
	case now.Before(g.namedUntil):
		return nil, nil
	}
	g.trial = newVerdict()
	return &pass{gate: g, kind: passForced, trial: g.trial, forced: true}, nil
}

// letIn gives the pass of a usable route, or nil. The caller holds mu.
func (g *gate) letIn(now time.Time) *pass {
	if !g.on || now.Before(g.blockEnd()) {
		return nil
	}
	if g.breaker.circuit() == circuitClosed {
		return &pass{gate: g, kind: passClosed, period: g.breaker.period}
	}
	if g.trial != nil {
		return nil // a forced try is out: it is the probe, though the breaker does not know it
	}
	done, ok := g.breaker.probe()
	if !ok {
		return nil
	}
	g.trial = newVerdict()
	return &pass{gate: g, kind: passProbe, trial: g.trial, probeDone: done}
}

// block keeps calls out until then (clause B3); the longest block wins. A wait that the server named keeps forced tries out
// too, and is cut at 10 minutes. The breaker hears nothing of it. Blocks are noted before the pass is settled, so that nobody slips in.
func (g *gate) block(until time.Time, named bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !named {
		g.blockedUntil = later(g.blockedUntil, until)
		return
	}
	if limit := time.Now().Add(maxNamedWait); until.After(limit) {
		until = limit
	}
	g.namedUntil = later(g.namedUntil, until)
}

// blockAccount keeps calls out for the configured time after the server refused the key or named its quota exhausted.
func (g *gate) blockAccount() { g.block(time.Now().Add(g.settings.block), false) }

// clearBlock ends every block, the named ones too.
func (g *gate) clearBlock() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.blockedUntil, g.namedUntil = time.Time{}, time.Time{}
	g.announce()
}

// setSwitch is the application's word. A route that is switched off is not usable and not forced; calls that are in stay in.
func (g *gate) setSwitch(on bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.on == on {
		return
	}
	g.on = on
	if on {
		g.announce()
	}
}

func (g *gate) switchedOn() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.on
}

// reopensAt says when time alone makes the route usable, leaving the switch aside: zero if nothing has to be waited for, the
// present if only a probe in flight keeps calls out (wait for its verdict, see force). named is the end of the wait that the server
// named, zero if none is running: before it even force lets nobody in.
func (g *gate) reopensAt() (at, named time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	at = g.reopens(now)
	if at.IsZero() && g.trial != nil && g.breaker.circuit() != circuitClosed {
		at = now
	}
	if now.Before(g.namedUntil) {
		named = g.namedUntil
	}
	return at, named
}

// reopens is the end of what keeps calls out by time, zero if nothing does. The caller holds mu.
func (g *gate) reopens(now time.Time) time.Time {
	at := g.blockEnd()
	if g.breaker.circuit() == circuitOpen {
		at = later(at, g.breaker.openUntil)
	}
	if !now.Before(at) {
		return time.Time{}
	}
	return at
}

// blockEnd is the end of the longest block, in the past if none is running. The caller holds mu.
func (g *gate) blockEnd() time.Time { return later(g.blockedUntil, g.namedUntil) }

// forceOrder places the route among others: force is asked in ascending order.
func (g *gate) forceOrder() forceKey {
	at, _ := g.reopensAt()
	g.mu.Lock()
	defer g.mu.Unlock()
	return forceKey{failedAt: g.failedAt, reopens: at}
}

// forceKey orders routes for forced tries: those without a failed try first, soonest to reopen first; then those whose forced try
// failed, the longest ago first. A success of any kind makes the route forget its failed try.
type forceKey struct{ failedAt, reopens time.Time }

// compare is negative if k's route is tried before o's; for slices.SortStableFunc.
func (k forceKey) compare(o forceKey) int {
	if c := k.failedAt.Compare(o.failedAt); c != 0 {
		return c
	}
	return k.reopens.Compare(o.reopens)
}

// changes gives a channel that is closed at the next event that may make the route usable: circuit closed, block cleared,
// switched on, trial given up. Time does none of these: see reopensAt. Take the channel first and look at the gate then.
func (g *gate) changes() <-chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.changed == nil {
		g.changed = make(chan struct{})
	}
	return g.changed
}

// announce wakes those who wait on changes. The caller holds mu.
func (g *gate) announce() {
	if g.changed != nil {
		close(g.changed)
		g.changed = nil
	}
}

// unlockAndTell releases mu and then tells the observer what changed under it.
func (g *gate) unlockAndTell() {
	from, to := g.told, g.breaker.circuit()
	g.told = to
	g.mu.Unlock()
	if from != to && g.onChange != nil {
		g.onChange(from, to)
	}
}

// gateState is a snapshot for health reports.
type gateState struct {
	circuit      circuit
	on           bool
	trial        bool      // a probe or forced try is out
	openUntil    time.Time // zero unless the circuit is open
	blockedUntil time.Time // zero unless a block is running
	blockNamed   bool      // the server named the wait that ends at blockedUntil
	counts       windowCounts
}

func (g *gate) state() gateState {
	g.mu.Lock()
	defer g.mu.Unlock()
	s := gateState{circuit: g.breaker.circuit(), on: g.on, trial: g.trial != nil, counts: g.breaker.counts()}
	if s.circuit == circuitOpen {
		s.openUntil = g.breaker.openUntil
	}
	if end := g.blockEnd(); time.Now().Before(end) {
		s.blockedUntil = end
		s.blockNamed = !g.namedUntil.Before(end)
	}
	return s
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
