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
	for {
		select {
		case <-timer.C:
			return !leaves || !t.othersLeft()
		case <-look.wake:
			if look.found() {
				return false
			}
		case <-t.scope.Context().Done():
			return true
		}
	}
}

// patience is the context of a wait in line. It ends when most is over and
// another usable route is left, or as soon after it as one becomes usable (C2).
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
		for {
			select {
			case <-look.wake:
				if look.found() {
					return
				}
			case <-ctx.Done():
				return
			}
		}
	}()
	return ctx, func() { cancel(); <-watched }
}
