package client

import (
	"context"
	"sync/atomic"

	"golang.org/x/sync/semaphore"
)

// defaultPlaces is how many attempts a route serves at a time unless configured (max_concurrent_calls, clause C1).
const defaultPlaces = 10

// line bounds the attempts in flight on a route: a fixed number of places, given first come first served (clauses C1, C2). Safe
// for concurrent use.
type line struct {
	places  *semaphore.Weighted // lets waiters in strictly in the order in which they came
	size    int
	waiters atomic.Int64
	held    atomic.Int64
	total   atomic.Uint64
}

// newLine makes a line with n places; n < 1 means the default of 10.
func newLine(n int) *line {
	if n < 1 {
		n = defaultPlaces
	}
	return &line{places: semaphore.NewWeighted(int64(n)), size: n}
}

// acquire waits for a place, which the caller must release, or for the end of ctx, whose error it returns; then the caller has left
// the line and holds nothing. A ctx that is over gets no place, even if one is free.
func (l *line) acquire(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if l.tryAcquire() {
		return nil
	}
	l.waiters.Add(1)
	err := l.places.Acquire(ctx, 1)
	l.waiters.Add(-1)
	if err != nil {
		return err
	}
	l.take()
	return nil
}

// tryAcquire takes a place if one is free and nobody waits.
func (l *line) tryAcquire() bool {
	if !l.places.TryAcquire(1) {
		return false
	}
	l.take()
	return true
}

func (l *line) take() {
	l.held.Add(1)
	l.total.Add(1)
}

// release gives a place back, exactly once for each that was taken; releasing more panics.
func (l *line) release() {
	l.held.Add(-1)
	l.places.Release(1)
}

// waiting is how many stand in line now.
func (l *line) waiting() int { return int(l.waiters.Load()) }

// inFlight is how many places are taken now.
func (l *line) inFlight() int { return int(l.held.Load()) }

// capacity is how many places there are.
func (l *line) capacity() int { return l.size }

// served is how many places were given since the beginning.
func (l *line) served() uint64 { return l.total.Load() }
