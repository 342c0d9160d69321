package client

import (
	"context"
	"sync"
	"time"
)

// lastWord is how long a client that the application wrote may take to return
// after its attempt's context has ended. A client that obeys its context needs
// no time; the attempt ends without any other (C3).
const lastWord = 50 * time.Millisecond

// guard calls a client that the application wrote. Each call runs on a
// goroutine of its own, so that an attempt ends in time and releases its slot
// whatever the client does. The goroutine that makes the attempt owns the
// guard; at most one call is out at a time.
type guard struct {
	a *attempt
	x Exchange // the client's own: it may write to it when the attempt is over

	mu   sync.Mutex // guards what follows, and the attempt while a call is out
	out  chan struct{}
	gone bool // the attempt has parted from the call that is out
}

func newGuard(a *attempt) *guard {
	cfg := &a.turn.client.cfg
	l := &guard{a: a}
	l.x = Exchange{Payload: a.x.Payload, Provider: cfg.Provider, Name: cfg.Name, Model: a.x.Model, Usage: a.x.Usage, guard: l}
	return l
}

// alive passes a sign of life on, unless the attempt has parted.
func (l *guard) alive() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.gone {
		l.a.Alive()
	}
}

// guarded calls f and waits for it, but not much longer than the attempt
// lasts: then the error is the context's cause.
func guarded[T any](l *guard, late func(T), f func(x *Exchange) (T, error)) (T, error) {
	var none T
	if l.gone { // only this goroutine sets it
		return none, context.Cause(l.a.ctx)
	}
	var result T
	var err error
	out := make(chan struct{})
	l.out = out
	go func() { // ends when the client returns
		defer close(out)
		r, e := rescued(l.a, &l.x, f)
		l.mu.Lock()
		gone := l.gone
		if !gone {
			result, err = r, e
			l.out = nil
		}
		l.mu.Unlock()
		if gone && late != nil {
			late(r)
		}
	}()
	select {
	case <-out:
	case <-l.a.ctx.Done():
		if !l.part(out) {
			return none, context.Cause(l.a.ctx)
		}
	}
	l.a.x.Status, l.a.x.Bytes, l.a.x.Skipped = l.x.Status, l.x.Bytes, int32(l.x.Skipped)
	return result, err
}

// part gives the call that is out a moment to return, and tells whether it
// did. If not, nobody waits for it any more.
func (l *guard) part(out <-chan struct{}) bool {
	timer := time.NewTimer(lastWord)
	defer timer.Stop()
	select {
	case <-out:
		return true
	case <-timer.C:
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.gone = l.out != nil
	return !l.gone
}

// close closes the client's reader when no call is out: one goroutine uses a
// reader. It waits a moment for that, so that a client that is quick is
// closed when the attempt ends.
func (l *guard) close(r ChunkReader) {
	l.mu.Lock()
	out := l.out
	l.mu.Unlock()
	closed := make(chan struct{})
	go func() { // ends when the client returns
		defer close(closed)
		if out != nil {
			<-out
		}
		l.a.quietly(r)
	}()
	if out != nil {
		return
	}
	timer := time.NewTimer(lastWord)
	defer timer.Stop()
	select {
	case <-closed:
	case <-timer.C:
	}
}
