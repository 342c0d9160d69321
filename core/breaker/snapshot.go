package breaker

import "time"

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
