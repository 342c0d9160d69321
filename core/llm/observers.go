package llm

import (
	"slices"
	"sync"
	"sync/atomic"
)

// Observers hands observations to whoever subscribed. The zero value is ready
// and costs one atomic load for each observation while nobody listens. It is
// safe for use from several goroutines, and a nil *Observers is silent.
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

// C is where the observations arrive. It is closed by Close, so that a loop over
// it ends; what was buffered before can still be read.
func (s *Subscription) C() <-chan Observation { return s.c }

// Dropped is how many observations found the buffer full.
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

// Active tells whether anybody listens, so that callers need not build
// observations that nobody wants.
func (o *Observers) Active() bool { return o != nil && o.listeners.Load() != nil }

// Tell hands v to every observer without waiting.
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
