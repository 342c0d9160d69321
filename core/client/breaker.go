package client

import (
	"errors"
	"time"

	"github.com/sony/gobreaker/v2"
)

// circuit is a breaker's state under the name that health reports and observers use.
type circuit string

const (
	circuitClosed   circuit = "closed"
	circuitOpen     circuit = "open"
	circuitHalfOpen circuit = "half_open"
)

// breakerSettings are the numbers of clauses B1 and B3. A zero field takes the default named beside it.
type breakerSettings struct {
	failures    uint32        // consecutive failures that open the circuit; 5
	ratio       float64       // share of failures within the window that opens it; 0.5
	minRequests uint32        // outcomes within the window before the share counts; 10
	window      time.Duration // 30 s
	open        time.Duration // how long an open circuit stays open; 10 s
	block       time.Duration // how long a refused key or an exhausted quota blocks the route; 60 s
}

func (s breakerSettings) withDefaults() breakerSettings {
	if s.failures == 0 {
		s.failures = 5
	}
	if s.ratio == 0 {
		s.ratio = 0.5
	}
	if s.minRequests == 0 {
		s.minRequests = 10
	}
	if s.window <= 0 {
		s.window = 30 * time.Second
	}
	if s.open <= 0 {
		s.open = 10 * time.Second
	}
	if s.block <= 0 {
		s.block = 60 * time.Second
	}
	return s
}

// windowBuckets is how many parts the rolling window moves in: it forgets 1/30 of itself at a time.
const windowBuckets = 30

// What gobreaker is told about an attempt; nil is a success.
var (
	errAttemptFailed  = errors.New("attempt failed")
	errAttemptNeutral = errors.New("attempt says nothing about the route")
)

// breaker adapts gobreaker to clauses B1, B2 and B4. It adds what gobreaker lacks: consecutive failures that no window
// forgets, a time at which it reopens, a number for each closed period, and ways to put it into a state. It is
// not safe for concurrent use: the gate that owns it calls it under its lock. No callback of the application ever runs in here.
type breaker struct {
	settings breakerSettings
	cb       *gobreaker.TwoStepCircuitBreaker[struct{}]

	period    uint64    // number of the present closed period, or of the last one
	inARow    uint32    // failures since the last success of this closed period
	tripNext  bool      // the next failure opens, whatever the counts say
	openUntil time.Time // end of the latest open period
}

func newBreaker(s breakerSettings) *breaker {
	b := &breaker{settings: s.withDefaults()}
	b.reset()
	return b
}

// reset replaces the circuit by a fresh closed one: gobreaker cannot be told to close.
func (b *breaker) reset() {
	s := b.settings
	b.cb = gobreaker.NewTwoStepCircuitBreaker[struct{}](gobreaker.Settings{
		MaxRequests:  1,
		Interval:     s.window,
		BucketPeriod: max(s.window/windowBuckets, 1),
		// gobreaker still calls a circuit open at the very instant of its expiry, so it is given one nanosecond less; and
		// it takes 0 for a minute.
		Timeout:      max(s.open-1, 1),
		ReadyToTrip:  b.readyToTrip,
		IsSuccessful: func(err error) bool { return err == nil },
		IsExcluded:   func(err error) bool { return err == errAttemptNeutral },
	})
	b.period++
	b.inARow = 0
}

// readyToTrip runs inside record, probe's done and trip, hence under the gate's lock. The share is judged when a failure is
// entered: a success never opens a circuit.
func (b *breaker) readyToTrip(c gobreaker.Counts) bool {
	if b.tripNext || b.inARow >= b.settings.failures {
		return true
	}
	known := c.TotalSuccesses + c.TotalFailures
	return known >= b.settings.minRequests && float64(c.TotalFailures) >= b.settings.ratio*float64(known)
}

func (b *breaker) circuit() circuit {
	switch b.cb.State() {
	case gobreaker.StateClosed:
		return circuitClosed
	case gobreaker.StateOpen:
		return circuitOpen
	default:
		return circuitHalfOpen
	}
}

// record enters the outcome of an attempt that was let in during the given closed period. It enters request and outcome
// together, because gobreaker drops the outcome of a request that is older than its window, and it drops what began in
// another period: an old failure must not close in on a route that has recovered since, and Allow would make an outcome
// that is known in half-open state the probe.
func (b *breaker) record(period uint64, outcome error) {
	if period != b.period || b.circuit() != circuitClosed {
		return
	}
	switch outcome {
	case nil:
		b.inARow = 0
	case errAttemptFailed:
		b.inARow++
	default:
		return // neutral: gobreaker would only count it as excluded
	}
	done, err := b.cb.Allow()
	if err != nil {
		return // unreachable: a closed circuit lets everybody in, and only outcomes open it
	}
	done(outcome)
	if outcome != nil { // a success never opens a circuit
		b.noteOpening()
	}
}

// probe takes the one probe of a half-open circuit; false if the circuit is in another state or the probe is out. done must be
// called, or nobody is ever let in again.
func (b *breaker) probe() (done func(outcome error), ok bool) {
	if b.circuit() != circuitHalfOpen {
		return nil, false
	}
	second, err := b.cb.Allow()
	if err != nil {
		return nil, false
	}
	return func(outcome error) {
		second(outcome)
		switch b.circuit() {
		case circuitClosed:
			b.period++
			b.inARow = 0
		default:
			if outcome != errAttemptNeutral {
				b.noteOpening()
			}
		}
	}, true
}

// trip replaces the circuit by one that opens now: gobreaker can be opened only by a failure that readyToTrip agrees with.
func (b *breaker) trip() {
	b.reset()
	b.tripNext = true
	b.record(b.period, errAttemptFailed)
	b.tripNext = false
}

// noteOpening notes when an open circuit reopens; gobreaker keeps that to itself. Read after gobreaker read the clock, so that at
// openUntil the circuit is certainly half-open.
func (b *breaker) noteOpening() {
	if b.circuit() == circuitClosed {
		return
	}
	b.openUntil = time.Now().Add(b.settings.open)
}

// windowCounts are what a breaker knows of the present period.
type windowCounts struct {
	successes, failures uint32 // within the window
	inARow              uint32 // failures since the last success
}

func (b *breaker) counts() windowCounts {
	b.cb.State() // moves the window; Counts does not
	c := b.cb.Counts()
	return windowCounts{successes: c.TotalSuccesses, failures: c.TotalFailures, inARow: b.inARow}
}
