package client

import (
	"strings"
	"time"
)

// What a call waits for before an attempt, in the words of the trail.
const (
	forBackoff = "backoff"           // the pause before a retry (R3)
	forServer  = "retry-after"       // the pause that the server asked for (R4)
	forPlace   = "concurrency limit" // a free slot of max_concurrent_calls (C2)
	forOther   = "half-open trial"   // another call's attempt on an open route (B4)
)

// waits is what a call waited for before an attempt, and how long in all.
type waits struct {
	d    time.Duration
	what string
}

// and adds a wait. What took less than a millisecond was none.
func (w waits) and(d time.Duration, what string) waits {
	switch {
	case d <= time.Millisecond:
		return w
	case w.what == "":
		return waits{w.d + d, what}
	case !strings.Contains(w.what, what):
		what = w.what + ", " + what
	default:
		what = w.what
	}
	return waits{w.d + d, what}
}

// carry keeps a wait that led to no attempt for the trail's next one: a place
// that did not come, a trial that failed.
func (c *Call) carry(d time.Duration, what string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.carried = c.carried.and(d, what)
}

// carriedWith takes what was carried, and w after it.
func (c *Call) carriedWith(w waits) waits {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := c.carried
	c.carried = waits{}
	return all.and(w.d, w.what)
}
