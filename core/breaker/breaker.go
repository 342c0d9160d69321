// Package breaker decides whether a route admits a call: by its circuit, which
// is gobreaker's (circuit.go), by blocks for a time, and by a switch.
//
//	┌────────┐ ── failures in a row, or a share of failures ─► ┌──────┐
//	│ Closed │                                                 │ Open │
//	└────────┘ ◄───────────── last resort succeeds ─────────── └──────┘
//	    ▲                                                       │    ▲
//	    │                    ┌──────────┐ ◄─── time passes ─────┘    │
//	    └── trial succeeds ──│ HalfOpen │─────────── trial fails ─────┘
//	                         └──────────┘
package breaker

import (
	"sync"
	"time"
)

// MaxRetryAfter bounds how long a server's Retry-After blocks its route (R4).
const MaxRetryAfter = 10 * time.Minute

// Settings are the numbers of promises B1 and B3; none is zero.
type Settings struct {
	Failures    uint32        // consecutive failures that open the circuit
	Ratio       float64       // share of failures in the window that opens it
	MinRequests uint32        // outcomes in the window before the share counts
	Window      time.Duration // over which the share is taken
	Open        time.Duration // how long an open circuit stays open
	Block       time.Duration // how long a refused key or a spent quota blocks
}

// Breaker decides for one route. It is safe for concurrent use; its times are
// those of time.Now.
//
// A call asks Enter when it has its slot, and LastResort when every route has
// refused it. It settles the [Permit] that it gets once, by Succeed, Fail,
// FailUncounted or Neutral. `defer p.Neutral()` settles it on every other way
// out of the call: the route would wait for an unsettled trial for ever.
type Breaker struct {
	settings Settings
	onChange func(from, to State)

	mu           sync.Mutex // guards what follows, and the fields of every permit
	circuit      *circuit
	on           bool
	blockedUntil time.Time              // end of the longest block for a key or an account
	retryAfter   time.Time              // end of the longest wait that the server asked for
	trial        *Trial                 // the half-open probe or last resort in flight
	failedAt     time.Time              // when the latest last resort failed; zero after a success
	watches      map[chan struct{}]bool // those of Watch; nil until somebody watches
	told         State                  // what onChange heard last
	share        func(Event)            // see Share; nil: nobody
	deferred     time.Time              // see Defer
}

// New makes a closed breaker. onChange, if it is not nil, is told each change
// of the circuit, on the goroutine that caused it and with no lock held, so it
// may call the breaker. Changes by different goroutines may arrive in any
// order. The change from open to half-open is told when a call enters.
func New(s Settings, onChange func(from, to State)) *Breaker {
	return &Breaker{settings: s, onChange: onChange, circuit: newCircuit(s), on: true, told: Closed}
}

// Usable reports whether Enter would admit a call now.
func (b *Breaker) Usable() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.circuit.closed && b.blockEnd().IsZero() {
		return b.on
	}
	return b.usableAt(time.Now())
}

// UsableAt reports whether Enter would admit a call at the time t, if nothing
// changes until then. A retry asks before it waits.
func (b *Breaker) UsableAt(t time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.usableAt(t)
}

// usableAt is UsableAt for a caller that holds mu.
func (b *Breaker) usableAt(t time.Time) bool {
	if !b.on || t.Before(b.blockEnd()) {
		return false
	}
	switch b.circuit.state() {
	case Closed:
		return true
	case Open:
		return b.trial == nil && !t.Before(later(b.circuit.openUntil, b.deferred))
	default:
		return b.trial == nil && !t.Before(b.deferred)
	}
}

// Enter admits a call, whose permit it writes to p, a zero one; it reports
// false if the route is not usable. The permit of a half-open circuit is its
// trial.
func (b *Breaker) Enter(p *Permit) bool {
	b.mu.Lock()
	admitted := b.letIn(p)
	if admitted && p.kind == ordinary {
		b.mu.Unlock() // no change to tell
		return true
	}
	b.unlockAndTell()
	return admitted
}

// LastResort lets one call try a route that is not usable (B4). It returns that
// call's permit, which is an ordinary one if the route has become usable
// meanwhile (see [Permit.LastResort]). While the call tries, other calls get
// its trial. Both results are nil if no call may try: the route is switched
// off, or its server has asked to wait.
func (b *Breaker) LastResort() (*Permit, *Trial) {
	b.mu.Lock()
	defer b.unlockAndTell()
	if p := new(Permit); b.letIn(p) {
		return p, nil
	}
	switch {
	case !b.on:
		return nil, nil
	case b.trial != nil:
		return nil, b.trial
	case time.Now().Before(b.retryAfter):
		return nil, nil
	}
	b.trial = newTrial()
	return &Permit{breaker: b, kind: lastResort, trial: b.trial, lastResort: true}, nil
}

// letIn makes p the permit of a usable route. The caller holds mu.
func (b *Breaker) letIn(p *Permit) bool {
	if end := b.blockEnd(); !b.on || !end.IsZero() && time.Now().Before(end) {
		return false
	}
	p.breaker = b
	if b.circuit.state() == Closed {
		p.kind, p.period = ordinary, b.circuit.period
		return true
	}
	if b.trial != nil || !b.deferred.IsZero() && time.Now().Before(b.deferred) {
		return false // a last resort counts as the probe, of which the circuit does not know
	}
	done, ok := b.circuit.probe()
	if !ok {
		return false
	}
	b.trial = newTrial()
	p.kind, p.trial, p.probeDone = halfOpenProbe, b.trial, done
	return true
}

// BlockUntil blocks the route until t because the server asked for it (R4, B3),
// at most for 10 minutes; the longest wait counts. Last resorts are blocked
// too. The circuit does not change. Call BlockUntil before the permit is
// settled: otherwise a call could enter in between.
func (b *Breaker) BlockUntil(then time.Time) {
	then = bounded(then)
	b.mu.Lock()
	share := b.share
	if then.Sub(b.retryAfter) < worthTelling || !then.After(time.Now()) {
		share = nil
	}
	b.retryAfter = later(b.retryAfter, then)
	b.mu.Unlock()
	if share != nil {
		share(Event{RouteWaits, then})
	}
}

// BlockAccount blocks the route for Settings.Block after the server has refused
// the key or the quota is spent. Last resorts are admitted.
func (b *Breaker) BlockAccount() {
	b.mu.Lock()
	before := b.blockedUntil
	b.blockedUntil = later(b.blockedUntil, time.Now().Add(b.settings.Block))
	share, then := b.share, b.blockedUntil
	b.mu.Unlock()
	if share != nil && then.Sub(before) >= worthTelling {
		share(Event{RouteBlocked, then})
	}
}

// Switch is the application's switch of the route. A route that is switched off
// admits no call; running calls continue.
func (b *Breaker) Switch(on bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.on == on {
		return
	}
	b.on = on
	if on {
		b.wake()
	}
}

// SwitchedOn is the argument of the last Switch; true before the first one.
func (b *Breaker) SwitchedOn() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.on
}

// ReopensAt returns when time alone makes the route usable, without regard to
// the switch. at is zero if there is nothing to wait for, and the present time
// if only a trial in flight keeps calls out (LastResort returns that trial).
// retryAfter is the end of the wait that the server asked for, or zero.
func (b *Breaker) ReopensAt() (at, retryAfter time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	at = b.reopens(now)
	if at.IsZero() && b.trial != nil && b.circuit.state() != Closed {
		at = now
	}
	if now.Before(b.retryAfter) {
		retryAfter = b.retryAfter
	}
	return at, retryAfter
}

// reopens is the end of what keeps calls out by time, zero if nothing does. The
// caller holds mu.
func (b *Breaker) reopens(now time.Time) time.Time {
	at := b.blockEnd()
	switch b.circuit.state() {
	case Open:
		at = later(at, later(b.circuit.openUntil, b.deferred))
	case HalfOpen:
		at = later(at, b.deferred)
	}
	if !now.Before(at) {
		return time.Time{}
	}
	return at
}

// blockEnd is the end of the longest block; it is in the past if the route is
// not blocked. The caller holds mu.
func (b *Breaker) blockEnd() time.Time { return later(b.blockedUntil, b.retryAfter) }

// unlockAndTell releases mu and then tells the observer what changed under it.
func (b *Breaker) unlockAndTell() {
	from, to := b.told, b.circuit.state()
	b.told = to
	var told Event
	var share func(Event)
	if from != to && b.share != nil {
		if v, any := b.event(to); any {
			told, share = v, b.share
		}
	}
	b.mu.Unlock()
	if from != to && b.onChange != nil {
		b.onChange(from, to)
	}
	if share != nil {
		share(told)
	}
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// Before orders two breakers whose routes are not usable, for last resorts
// (B4): a route without a failed last resort first, the soonest to reopen
// first; then the routes whose last resort failed, the longest ago first. A
// success of any kind makes a route forget its failed last resort.
func (b *Breaker) Before(other *Breaker) bool {
	failed, reopens := b.order()
	otherFailed, otherReopens := other.order()
	if c := failed.Compare(otherFailed); c != 0 {
		return c < 0
	}
	return reopens.Before(otherReopens)
}

func (b *Breaker) order() (failedAt, reopens time.Time) {
	at, _ := b.ReopensAt()
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.failedAt, at
}

// Snapshot is the state of a breaker at one moment, for reports and messages.
type Snapshot struct {
	State        State
	On           bool
	Trial        bool      // a half-open probe or a last resort is in flight
	OpenUntil    time.Time // zero unless the circuit is open
	BlockedUntil time.Time // zero unless a block is running
	RetryAfter   bool      // the server asked for the wait that ends at BlockedUntil
}

// Snapshot returns the breaker's state now.
func (b *Breaker) Snapshot() Snapshot {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := Snapshot{State: b.circuit.state(), On: b.on, Trial: b.trial != nil}
	if s.State == Open {
		s.OpenUntil = b.circuit.openUntil
	}
	if end := b.blockEnd(); time.Now().Before(end) {
		s.BlockedUntil = end
		s.RetryAfter = !b.retryAfter.Before(end)
	}
	return s
}

// Watch has the breaker send on wake, which needs room for one value, at each
// event after which the route may be usable or may become so at another time:
// a trial ends, the route is switched on. The passing of time is no such event:
// see ReopensAt. Look at the breaker after Watch has returned. stop ends the
// watch.
func (b *Breaker) Watch(wake chan struct{}) (stop func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.watches == nil {
		b.watches = map[chan struct{}]bool{}
	}
	b.watches[wake] = true
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.watches, wake)
	}
}

// wake tells the watches. The caller holds mu.
func (b *Breaker) wake() {
	for wake := range b.watches {
		select {
		case wake <- struct{}{}:
		default: // it has not been looked at since the last event
		}
	}
}
