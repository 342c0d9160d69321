package client

import (
	"context"
	"sync"
	"time"

	"github.com/llmagg/llmagg/core/transport"
)

// Late is from when on a timer is late; see [transport.Late].
const Late = transport.Late

const (
	leastLook = time.Second // how long an alarm that is late looks for what has arrived, at least
	mostLooks = 10          // in a row
)

// ringer is told by its alarm that the time is up, on a goroutine of the
// alarm's.
type ringer interface{ timeUp() }

// ringFunc is a function as a ringer.
type ringFunc func()

func (f ringFunc) timeUp() { f() }

// alarm is the timer of a deadline. It tells its ringer when the time is up; an
// alarm that is late itself gives those who read as much time again, at least
// leastLook and at most its whole time: data that have arrived win over it.
// Safe for concurrent use.
type alarm struct {
	to ringer

	mu    sync.Mutex // guards what follows
	timer *time.Timer
	whole time.Duration
	due   time.Time // zero while the alarm is stopped
	armed time.Time // when timer rings, not later than due; zero if it does not
	looks int
}

// newAlarm makes an alarm that is set.
func newAlarm(d time.Duration, f func()) *alarm {
	a := &alarm{}
	a.begin(ringFunc(f), time.Now(), d)
	return a
}

// begin sets an alarm that is part of its ringer: each call has one, and it
// costs no allocation of its own.
func (a *alarm) begin(to ringer, now time.Time, d time.Duration) {
	a.mu.Lock()
	a.to, a.whole, a.due = to, d, now.Add(d)
	a.timer, a.armed = time.AfterFunc(d, a.ring), a.due
	a.mu.Unlock()
}

// set starts the whole time anew.
func (a *alarm) set(now time.Time, d time.Duration) {
	a.mu.Lock()
	a.whole, a.due, a.looks = d, now.Add(d), 0
	if a.armed.IsZero() || a.armed.After(a.due) { // else it rings before, and is armed anew then
		a.arm(d)
	}
	a.mu.Unlock()
}

// arm makes the timer ring after d, when a.due is. The caller holds mu.
func (a *alarm) arm(d time.Duration) {
	a.timer.Reset(d)
	a.armed = a.due
}

// pause is stop for an alarm that is set again soon, as between two reads of a
// stream: it leaves the timer alone, which costs more than all the rest.
func (a *alarm) pause() {
	a.mu.Lock()
	a.due = time.Time{}
	a.mu.Unlock()
}

// stop tells whether f will not be called for the time that was set.
func (a *alarm) stop() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	stopped := !a.due.IsZero()
	a.due, a.armed = time.Time{}, time.Time{}
	a.timer.Stop()
	return stopped
}

// ring runs on the timer's goroutine.
func (a *alarm) ring() {
	a.mu.Lock()
	a.armed = time.Time{}
	now := time.Now()
	late := now.Sub(a.due)
	switch {
	case a.due.IsZero(): // stopped meanwhile
		a.mu.Unlock()
		return
	case late < 0: // set anew meanwhile
		a.arm(-late)
		a.mu.Unlock()
		return
	case late > Late && a.looks < mostLooks:
		again := min(max(late, leastLook), max(a.whole, Late))
		a.looks++
		a.due = now.Add(again)
		a.arm(again)
		a.mu.Unlock()
		return
	}
	a.due = time.Time{}
	a.mu.Unlock()
	a.to.timeUp()
}

// alarmed is a context with a deadline that is an alarm's.
type alarmed struct {
	context.Context
	at time.Time
}

func (c alarmed) Deadline() (time.Time, bool) {
	if outer, ok := c.Context.Deadline(); ok && outer.Before(c.at) {
		return outer, true
	}
	return c.at, true
}

// withAlarm is context.WithTimeoutCause with an alarm for its timer. Its Err is
// Canceled at the deadline, too; the cause tells.
func withAlarm(ctx context.Context, d time.Duration, cause error) (context.Context, context.CancelFunc) {
	inner, cancel := context.WithCancelCause(ctx)
	a := newAlarm(d, func() { cancel(cause) })
	return alarmed{inner, time.Now().Add(d)}, func() { a.stop(); cancel(nil) }
}
