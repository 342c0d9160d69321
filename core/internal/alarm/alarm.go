// Package alarm has the timers of deadlines. An [Alarm] that is late itself,
// since its process was stopped or had no CPU, gives those who read some more
// time, so that data which have arrived win over it.
package alarm

import (
	"context"
	"sync"
	"time"
)

// Late is from when on a timer is late: its process was stopped (SIGSTOP, a
// frozen container, a debugger) or had no CPU. What came meanwhile lies in the
// socket and has not been looked at yet.
const Late = 100 * time.Millisecond

const (
	leastLook = time.Second // how long an alarm that is late looks for what has arrived, at least
	mostLooks = 10          // in a row
)

// Ringer is told by its alarm that the time is up, on a goroutine of the
// alarm's.
type Ringer interface{ TimeUp() }

// ringFunc is a function as a Ringer.
type ringFunc func()

func (f ringFunc) TimeUp() { f() }

// Alarm is the timer of a deadline. It tells its [Ringer] when the time is up;
// an alarm that is late itself gives those who read as much time again, at
// least leastLook and at most its whole time: data that have arrived win over
// it. Safe for concurrent use.
type Alarm struct {
	mu    sync.Mutex // guards what follows
	to    Ringer
	timer *time.Timer
	whole time.Duration
	due   time.Time // zero while the alarm is stopped
	armed time.Time // when timer rings, not later than due; zero if it does not
	looks int
}

// New makes an alarm that is set.
func New(d time.Duration, f func()) *Alarm {
	a := &Alarm{}
	a.Begin(ringFunc(f), time.Now(), d)
	return a
}

// Begin sets an alarm that is part of its [Ringer]: each call has one, and it
// costs no allocation of its own.
func (a *Alarm) Begin(to Ringer, now time.Time, d time.Duration) {
	a.mu.Lock()
	a.to, a.whole, a.due = to, d, now.Add(d)
	a.timer, a.armed = time.AfterFunc(d, a.ring), a.due
	a.mu.Unlock()
}

// Set starts the whole time anew.
func (a *Alarm) Set(now time.Time, d time.Duration) {
	a.mu.Lock()
	a.whole, a.due, a.looks = d, now.Add(d), 0
	if a.armed.IsZero() || a.armed.After(a.due) { // else it rings before, and is armed anew then
		a.arm(d)
	}
	a.mu.Unlock()
}

// arm makes the timer ring after d, when a.due is. The caller holds mu.
func (a *Alarm) arm(d time.Duration) {
	a.timer.Reset(d)
	a.armed = a.due
}

// Pause is Stop for an alarm that is set again soon, as between two reads of a
// stream: it leaves the timer alone, which costs more than all the rest.
func (a *Alarm) Pause() {
	a.mu.Lock()
	a.due = time.Time{}
	a.mu.Unlock()
}

// Stop tells whether the ringer will not be told of the time that was set.
func (a *Alarm) Stop() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.stop()
}

// StopFor is Stop for an alarm that tells another ringer from now on.
func (a *Alarm) StopFor(to Ringer) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.stop()
	a.to = to
}

// stop is Stop. The caller holds mu.
func (a *Alarm) stop() bool {
	stopped := !a.due.IsZero()
	a.due, a.armed = time.Time{}, time.Time{}
	a.timer.Stop()
	return stopped
}

// ring runs on the timer's goroutine.
func (a *Alarm) ring() {
	a.mu.Lock()
	a.armed = time.Time{}
	now := time.Now()
	late := now.Sub(a.due)
	switch {
	case a.due.IsZero(): // stopped meanwhile
		a.mu.Unlock()
		return
	case late < 0: // Set anew meanwhile
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
	to := a.to
	a.mu.Unlock()
	to.TimeUp()
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

// WithTimeout is context.WithTimeoutCause with an alarm for its timer. Its Err
// is Canceled at the deadline, too; the cause tells.
func WithTimeout(ctx context.Context, d time.Duration, cause error) (context.Context, context.CancelFunc) {
	inner, cancel := context.WithCancelCause(ctx)
	a := New(d, func() { cancel(cause) })
	return alarmed{inner, time.Now().Add(d)}, func() { a.Stop(); cancel(nil) }
}
