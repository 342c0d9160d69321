// Package limit holds what bounds a route's attempts: how many are in flight
// ([Concurrency]), how many are retries ([Retries]) and how many are hedges
// ([Hedges]). Each limiter is safe for concurrent use and usable by itself.
package limit

import (
	"context"
	"sync/atomic"

	"golang.org/x/sync/semaphore"
)

// Concurrency bounds the attempts in flight on a route. It has a number of
// slots, fixed or adaptive, and grants them first come, first served (C1, C2).
type Concurrency struct {
	slots    *semaphore.Weighted // lets waiters in strictly in the order in which they came
	size     atomic.Int64
	adaptive *adaptive // nil where the size is fixed
	waiters  atomic.Int64
	held     atomic.Int64
}

// NewConcurrency makes a limiter with n slots; n is at least 1.
func NewConcurrency(n int) *Concurrency {
	l := &Concurrency{slots: semaphore.NewWeighted(int64(n))}
	l.size.Store(int64(n))
	return l
}

// Acquire waits for a slot, which the caller must release. If ctx ends first,
// Acquire returns its error, and the caller holds nothing. If ctx is already
// over, the caller gets no slot, even if one is free.
func (l *Concurrency) Acquire(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if l.TryAcquire() {
		return nil
	}
	l.waiters.Add(1)
	err := l.slots.Acquire(ctx, 1)
	l.waiters.Add(-1)
	if err != nil {
		return err
	}
	l.held.Add(1)
	return nil
}

// TryAcquire takes a slot if one is free and no caller waits.
func (l *Concurrency) TryAcquire() bool {
	if l.Adaptive() {
		l.adaptive.mu.Lock()
		l.begin()
		l.adaptive.mu.Unlock()
	}
	if !l.slots.TryAcquire(1) {
		return false
	}
	l.held.Add(1)
	return true
}

// Release gives a slot back, once for each that was taken; releasing more
// panics.
func (l *Concurrency) Release() {
	l.held.Add(-1)
	if l.adaptive != nil && l.adaptive.keeps() {
		return
	}
	l.slots.Release(1)
}

// Waiting is how many callers wait for a slot now.
func (l *Concurrency) Waiting() int { return int(l.waiters.Load()) }

// InFlight is how many slots are taken now.
func (l *Concurrency) InFlight() int { return int(l.held.Load()) }

// Adaptive tells whether the limiter finds its size itself now.
func (l *Concurrency) Adaptive() bool { return l.adaptive != nil && l.adaptive.borrowers.Load() > 0 }

// Size is how many slots there are now.
func (l *Concurrency) Size() int { return int(l.size.Load()) }
