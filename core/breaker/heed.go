package breaker

import "time"

// This file is for routes that several processes share: what a breaker tells of
// its own evidence, and how it heeds what others tell.

// Event is what a breaker's own evidence did to its route.
type Event struct {
	What  What
	Until time.Time // when the route reopens; zero for RouteClosed
}

// What happened to a route.
type What string

// The events.
const (
	RouteOpened  What = "opened" // its circuit opened
	RouteClosed  What = "closed" // its circuit closed
	RouteWaits   What = "wait"   // its server asked to wait
	RouteBlocked What = "block"  // its key was refused, or its quota is spent
)

// worthTelling is by how much a wait must grow before it is told again: each
// answer of a burst names a slightly later end.
const worthTelling = 250 * time.Millisecond

// Share has the breaker tell f each event that its own attempts caused, not
// what it heard. f runs on the goroutine that caused the event and with no lock
// held; it must return at once. nil ends that, and what was held back by Defer.
func (b *Breaker) Share(f func(Event)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.share = f
	if f == nil {
		b.deferred = time.Time{}
		b.wake()
	}
}

// HeardWait is BlockUntil for a wait that another process was told of.
func (b *Breaker) HeardWait(until time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.retryAfter = later(b.retryAfter, bounded(until))
}

// HeardBlock is BlockAccount where another process was refused.
func (b *Breaker) HeardBlock(until time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.blockedUntil = later(b.blockedUntil, bounded(until))
}

// Suspect makes the next failure in a row open a closed circuit.
func (b *Breaker) Suspect() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.circuit.suspect()
}

// HeardOpen opens the circuit until then, if it is closed or half-open and no
// trial of this process is under way. Calls are kept out of an open circuit
// until then, but no longer than by a failure of its own now: a probe that just
// failed elsewhere is not made again here.
func (b *Breaker) HeardOpen(until time.Time) {
	b.mu.Lock()
	defer b.unlockHeard()
	d := time.Until(bounded(until))
	if d <= 0 || b.trial != nil {
		return
	}
	if b.circuit.state() == Open {
		b.deferred = later(b.deferred, time.Now().Add(min(d, b.settings.Open)))
		return
	}
	b.deferred = time.Time{}
	b.circuit.tripFor(d)
}

// HeardClosed closes an open or half-open circuit and leaves it suspect.
func (b *Breaker) HeardClosed() {
	b.mu.Lock()
	defer b.unlockHeard()
	b.deferred = time.Time{}
	if b.circuit.state() == Closed {
		return
	}
	b.circuit.reset()
	b.circuit.suspect()
	b.wake()
}

// Probing reports whether the call that enters next is the half-open circuit's
// probe.
func (b *Breaker) Probing() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return !b.circuit.closed && b.trial == nil && b.circuit.state() == HalfOpen
}

// Defer keeps calls out of a circuit that is not closed until then, since
// another process is probing the route. Last resorts are admitted.
func (b *Breaker) Defer(until time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.circuit.state() != Closed {
		b.deferred = bounded(until)
	}
}

// unlockHeard is unlockAndTell for a change that came from another process: the
// observer hears of it, the other processes do not.
func (b *Breaker) unlockHeard() {
	from, to := b.told, b.circuit.state()
	b.told = to
	b.mu.Unlock()
	if from != to && b.onChange != nil {
		b.onChange(from, to)
	}
}

// event is what a change of the circuit tells other processes; nothing where it
// only became half-open. The caller holds mu.
func (b *Breaker) event(to State) (Event, bool) {
	switch to {
	case Open:
		return Event{What: RouteOpened, Until: b.circuit.openUntil}, true
	case Closed:
		return Event{What: RouteClosed}, true
	}
	return Event{}, false
}

// bounded is then, at most MaxRetryAfter from now.
func bounded(then time.Time) time.Time {
	if limit := time.Now().Add(MaxRetryAfter); then.After(limit) {
		return limit
	}
	return then
}
