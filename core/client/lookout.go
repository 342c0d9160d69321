package client

import (
	"context"
	"time"

	"github.com/llmagg/llmagg/core/breaker"
)

// lookout wakes a call that waits for its route when another route may have
// become usable: at an event, or when time alone makes another route usable.
// The goroutine that waits owns it.
type lookout struct {
	turn  *turn
	wake  chan struct{} // nil for a call without other routes
	timer *time.Timer   // until the first of the others reopens
	stops []func()
}

// lookOut begins to watch the other routes. stop must be called.
func (t *turn) lookOut() *lookout {
	l := &lookout{turn: t}
	if t.others == nil {
		return l
	}
	l.wake = make(chan struct{}, 1)
	l.timer = time.AfterFunc(time.Hour, l.ring)
	t.others.EachOther(t.place, func(b *breaker.Breaker) { l.stops = append(l.stops, b.Watch(l.wake)) })
	if l.found() {
		l.ring()
	}
	return l
}

// ring makes the waiting goroutine look.
func (l *lookout) ring() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// found tells whether another route is usable, and sets the timer before it
// looks: what becomes usable meanwhile is seen now or rings.
func (l *lookout) found() bool {
	now := time.Now()
	var first time.Time
	l.turn.others.EachOther(l.turn.place, func(b *breaker.Breaker) {
		if at, _ := b.ReopensAt(); at.After(now) && (first.IsZero() || at.Before(first)) {
			first = at
		}
	})
	l.timer.Stop()
	if !first.IsZero() {
		l.timer.Reset(first.Sub(now))
	}
	return l.turn.othersLeft()
}

func (l *lookout) stop() {
	if l.timer != nil {
		l.timer.Stop()
	}
	for _, stop := range l.stops {
		stop()
	}
}

// What a wait beside the other routes came to.
type cameTo int

const (
	theTime  cameTo = iota
	theEvent        // of the route itself
	another         // route is usable
	theEnd          // of the call
)

// wait waits for the first of them; a nil channel never comes.
func (l *lookout) wait(ctx context.Context, at <-chan time.Time, event <-chan struct{}) cameTo {
	for {
		select {
		case <-at:
			return theTime
		case <-event:
			return theEvent
		case <-l.wake:
			if l.found() {
				return another
			}
		case <-ctx.Done():
			return theEnd
		}
	}
}

// pause waits for d, or less when the turn ends. It gives up, with false, if
// the call leaves for another route as soon as one is usable.
func (t *turn) pause(d time.Duration, leaves bool) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	look := &lookout{}
	if leaves {
		look = t.lookOut()
	}
	defer look.stop()
	switch look.wait(t.scope.Context(), timer.C, nil) {
	case another:
		return false
	case theEnd:
		return true
	}
	return !leaves || !t.othersLeft()
}

// patience is the context of a wait for a slot or for the rate. It ends when
// most is over and another route is usable, or as soon after it as one becomes
// usable (C2).
func (t *turn) patience(most time.Duration) (ctx context.Context, stop func()) {
	if t.others == nil {
		return t.scope.Context(), func() {}
	}
	ctx, cancel := context.WithCancel(t.scope.Context())
	watched := make(chan struct{})
	go func() { // ends with ctx, which stop ends
		defer close(watched)
		defer cancel()
		timer := time.NewTimer(most)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			return
		}
		look := t.lookOut()
		defer look.stop()
		look.wait(ctx, nil, nil)
	}()
	return ctx, func() { cancel(); <-watched }
}
