package callstate

import (
	"errors"
	"strings"
	"time"
)

// What a call waits for before an attempt, in the words of the trail.
const (
	ForBackoff = "backoff"           // the pause before a retry (R3)
	ForServer  = "retry-after"       // the pause that the server asked for (R4)
	ForSlot    = "concurrency limit" // a free slot of max_concurrent_calls (C2)
	ForRate    = "rate"              // requests or tokens of the route's rate (C4)
	ForOther   = "half-open trial"   // another call's attempt on an open route (B4)
)

// ErrElsewhere is the cause of a CIRCUIT_OPEN that ends the wait for a route
// because another route has become usable. The call may still return to the
// route.
var ErrElsewhere = errors.New("another route has become usable")

// Waits is what a call waited for before an attempt, and how long in all.
type Waits struct {
	For  time.Duration
	What string
}

// And adds a wait. What took less than a millisecond was none.
func (w Waits) And(d time.Duration, what string) Waits {
	switch {
	case d <= time.Millisecond:
		return w
	case w.What == "":
		return Waits{w.For + d, what}
	case !strings.Contains(w.What, what):
		what = w.What + ", " + what
	default:
		what = w.What
	}
	return Waits{w.For + d, what}
}

// Carry keeps a wait that led to no attempt for the trail's next one: a place
// that did not come, a trial that failed.
func (c *Call) Carry(d time.Duration, what string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.carried = c.carried.And(d, what)
}
