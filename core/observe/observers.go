package observe

import (
	"slices"
	"sync"
	"sync/atomic"
)

// Observers sends observations to its subscribers. The zero value is ready;
// without subscribers an observation costs one atomic load. It is safe for
// concurrent use, and a nil *Observers sends nothing.
type Observers struct {
	listeners atomic.Pointer[[]*Subscription]
	mu        sync.Mutex // serializes changes of listeners
}

// Subscription is one observer's bounded buffer.
type Subscription struct {
	c       chan Observation
	dropped atomic.Uint64
	hub     *Observers
	mu      sync.RWMutex // Tell reads, Close writes; guards closed, and c against a send after its close
	closed  bool
}

// Subscribe adds an observer that may lag behind by buffer observations
// (at least 1). More are dropped and counted: a call never waits for an
// observer. Close ends it.
func (o *Observers) Subscribe(buffer int) *Subscription {
	s := &Subscription{c: make(chan Observation, max(buffer, 1)), hub: o}
	o.mu.Lock()
	defer o.mu.Unlock()
	var next []*Subscription
	if old := o.listeners.Load(); old != nil {
		next = append(next, *old...)
	}
	next = append(next, s)
	o.listeners.Store(&next)
	return s
}

// C is where the observations arrive. It is closed by Close, so that a loop
// over it ends; what was buffered before can still be read.
func (s *Subscription) C() <-chan Observation { return s.c }

// Dropped is the number of observations lost because the buffer was full.
func (s *Subscription) Dropped() uint64 { return s.dropped.Load() }

// Close ends the subscription. A second Close does nothing.
func (s *Subscription) Close() {
	s.hub.mu.Lock()
	defer s.hub.mu.Unlock()
	s.end()
	old := s.hub.listeners.Load()
	if old == nil {
		return
	}
	next := slices.DeleteFunc(slices.Clone(*old), func(x *Subscription) bool { return x == s })
	if len(next) == 0 {
		s.hub.listeners.Store(nil)
		return
	}
	s.hub.listeners.Store(&next)
}

// Active reports whether there are subscribers, so that callers need not build
// observations without them.
func (o *Observers) Active() bool { return o != nil && o.listeners.Load() != nil }

// Tell sends v to every subscriber without waiting.
func (o *Observers) Tell(v Observation) {
	if o == nil {
		return
	}
	list := o.listeners.Load()
	if list == nil {
		return
	}
	for _, s := range *list {
		s.tell(v)
	}
}

func (s *Subscription) tell(v Observation) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return
	}
	select {
	case s.c <- v:
	default:
		s.dropped.Add(1)
	}
}

func (s *Subscription) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.closed = true
		close(s.c)
	}
}
