package breaker

import (
	"errors"
	"time"

	"github.com/sony/gobreaker/v2"
)

// State is a circuit's state, under the name that reports and observers use.
type State string

// The states.
const (
	Closed   State = "closed"
	Open     State = "open"
	HalfOpen State = "half_open"
)

// windowBuckets is how many parts the rolling window moves in: it forgets 1/30
// of itself at a time.
const windowBuckets = 30

// part is how long one of them is.
func (s *Settings) part() time.Duration { return max(s.Window/windowBuckets, 1) }

// What gobreaker is told about an attempt; nil is a success.
var (
	errAttemptFailed  = errors.New("attempt failed")
	errAttemptNeutral = errors.New("attempt says nothing about the route")
)

// circuit adapts gobreaker to clauses B1, B2 and B4. gobreaker counts outcomes
// in a rolling window, keeps the three states and their timer, and lets one
// probe through. The adapter adds what gobreaker lacks: failures in a row that
// no window forgets, the time at which the circuit reopens, a number for each
// closed period, and ways to put it into a state. It is not safe for concurrent
// use: the Breaker that owns it calls it under its lock. No callback of the
// application runs in here.
//
// gobreaker's DistributedCircuitBreaker is not used for routes that processes
// share (core/fleet). Its Execute holds a lock of the store while the request
// runs: of 20 calls of 100 ms at once over two processes 10 succeeded, in 5 s,
// and 10 failed with the store's "locked". A taken lock is asked again after
// 500 ms, up to 5 s, without a context. State is read before the lock is taken,
// so updates are lost: after those 10 successes it counted one. Each call costs
// four operations of the store (516 µs; a whole call of this library about 25).
// A frozen store ended a call after 20 s, a dead one after 1.7 s, both with an
// error instead of the provider's answer, and an emptied one gave
// ErrNoSharedState for ever. It has no two-step form, so a verdict at the first
// token cannot be said. So each process judges by its local circuit, and
// processes exchange verdicts (heed.go).
type circuit struct {
	settings Settings
	cb       *gobreaker.TwoStepCircuitBreaker[struct{}]

	closed    bool          // nothing but a failure of a closed circuit, or its end, changes that
	period    uint64        // number of the present closed period, or of the last one
	inARow    uint32        // failures since the last success of this closed period
	tripNext  bool          // the next failure opens, whatever the counts say
	openUntil time.Time     // end of the latest open period
	open      time.Duration // how long the circuit stays open when it opens next

	began   time.Time   // this closed period
	success func(error) // enters a success into the part of the window with this number, from began; nil: none
	part    time.Duration
}

func newCircuit(s Settings) *circuit {
	c := &circuit{settings: s}
	c.reset()
	return c
}

// reset replaces the circuit by a fresh closed one: gobreaker cannot be told to
// close.
func (c *circuit) reset() { c.resetFor(c.settings.Open) }

// resetFor is reset for a circuit that stays open for so long.
func (c *circuit) resetFor(open time.Duration) {
	s := c.settings
	c.open = open
	c.cb = gobreaker.NewTwoStepCircuitBreaker[struct{}](gobreaker.Settings{
		MaxRequests:  1,
		Interval:     s.Window,
		BucketPeriod: s.part(),
		// gobreaker still calls a circuit open at the very instant of its
		// expiry, so it is given one nanosecond less; and it takes 0 for a
		// minute.
		Timeout:      max(open-1, 1),
		ReadyToTrip:  c.readyToTrip,
		IsSuccessful: func(err error) bool { return err == nil },
		IsExcluded:   func(err error) bool { return err == errAttemptNeutral },
	})
	c.beginPeriod()
}

// beginPeriod notes that gobreaker has begun to count anew, as a closed
// circuit.
func (c *circuit) beginPeriod() {
	c.closed, c.began, c.success = true, time.Now(), nil
	c.period++
	c.inARow = 0
}

// readyToTrip runs inside fail, probe's done and trip, hence under the
// breaker's lock. The share is judged when a failure is entered: a success
// never opens a circuit.
func (c *circuit) readyToTrip(counts gobreaker.Counts) bool {
	if c.tripNext || c.inARow >= c.settings.Failures {
		return true
	}
	known := counts.TotalSuccesses + counts.TotalFailures
	return known >= c.settings.MinRequests && float64(counts.TotalFailures) >= c.settings.Ratio*float64(known)
}

// state asks gobreaker only while the circuit is not closed: a call asks three
// times, and each question costs a lock and a look at the clock.
func (c *circuit) state() State {
	if c.closed {
		return Closed
	}
	switch c.cb.State() {
	case gobreaker.StateClosed:
		return Closed
	case gobreaker.StateOpen:
		return Open
	default:
		return HalfOpen
	}
}

// fail enters a failure of an attempt that was let in during the given closed
// period. It enters request and outcome together, because gobreaker drops the
// outcome of a request that is older than its window. It drops what began in
// another period: an old failure must not close in on a route that has
// recovered since, and Allow would make an outcome that is known in half-open
// state the probe.
func (c *circuit) fail(period uint64) {
	if period != c.period || c.state() != Closed {
		return
	}
	c.inARow++
	done, err := c.cb.Allow()
	if err != nil {
		return // unreachable: a closed circuit lets every call in
	}
	done(errAttemptFailed)
	c.noteOpening()
}

// succeed is fail for a success, which came at now. Within one part of the
// window gobreaker is asked once: what it gives then enters any number of
// successes into that part, for half of the time that asking anew takes.
func (c *circuit) succeed(period uint64, now time.Time) {
	if period != c.period || !c.closed {
		return
	}
	c.inARow = 0
	if part := now.Sub(c.began) / c.settings.part(); c.success == nil || part > c.part {
		success, err := c.cb.Allow()
		if err != nil {
			return // unreachable: a closed circuit lets every call in
		}
		c.success, c.part = success, part
	}
	c.success(nil)
}

// probe takes the one probe of a half-open circuit; false if the circuit is in
// another state or the probe is out. done must be called, or no call is ever
// let in again.
func (c *circuit) probe() (done func(outcome error), ok bool) {
	if c.state() != HalfOpen {
		return nil, false
	}
	cb := c.cb
	second, err := cb.Allow()
	if err != nil {
		return nil, false
	}
	return func(outcome error) {
		if second(outcome); cb != c.cb {
			return // another process closed the circuit meanwhile
		}
		switch c.state() {
		case Closed:
			c.beginPeriod()
		default:
			if outcome != errAttemptNeutral {
				c.noteOpening()
				if c.open != c.settings.Open {
					c.trip() // it was opened by what another process told
				}
			}
		}
	}, true
}

// trip replaces the circuit by one that opens now: gobreaker can be opened only
// by a failure that readyToTrip agrees with.
func (c *circuit) trip() { c.tripFor(c.settings.Open) }

// tripFor is trip for a circuit that stays open for so long.
func (c *circuit) tripFor(open time.Duration) {
	c.resetFor(open)
	c.tripNext = true
	c.fail(c.period)
	c.tripNext = false
}

// noteOpening notes when an open circuit reopens; gobreaker keeps that to
// itself. It reads the clock after gobreaker did, so that at openUntil the
// circuit is certainly half-open.
func (c *circuit) noteOpening() {
	if c.closed = c.cb.State() == gobreaker.StateClosed; c.closed {
		return
	}
	c.openUntil = time.Now().Add(c.open)
}

// suspect makes the next failure of a closed circuit open it.
func (c *circuit) suspect() {
	if c.closed && c.settings.Failures > 0 {
		c.inARow = max(c.inARow, c.settings.Failures-1)
	}
}
