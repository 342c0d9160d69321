package breaker

import "time"

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
