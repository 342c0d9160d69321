package observe

import (
	"slices"
	"sync"
	"sync/atomic"
)

// Observers sends observations to its listeners. The zero value is ready;
// without listeners an observation costs one atomic load. It is safe for
// concurrent use, and a nil *Observers sends nothing.
type Observers struct {
	listeners atomic.Pointer[[]*listener]
	mu        sync.Mutex // serializes changes of listeners
}

type listener struct{ tell func(Observation) }

// Listen calls f with each observation, on the goroutine that makes it: f must
// return at once, and may be called by several goroutines. A panic of f is
// recovered. stop ends that; calls of f that are under way may end after it.
// Listen panics if f is nil.
func (o *Observers) Listen(f func(Observation)) (stop func()) {
	if f == nil {
		panic("llmagg: an observer is a nil function; expected a func(Observation)")
	}
	l := &listener{f}
	o.change(func(list []*listener) []*listener { return append(list, l) })
	return func() {
		o.change(func(list []*listener) []*listener {
			return slices.DeleteFunc(list, func(x *listener) bool { return x == l })
		})
	}
}

// change replaces the listeners by what f makes of a copy.
func (o *Observers) change(f func([]*listener) []*listener) {
	o.mu.Lock()
	defer o.mu.Unlock()
	var list []*listener
	if old := o.listeners.Load(); old != nil {
		list = slices.Clone(*old)
	}
	if list = f(list); len(list) == 0 {
		o.listeners.Store(nil)
		return
	}
	o.listeners.Store(&list)
}

// Subscription is one observer's bounded buffer.
type Subscription struct {
	c       chan Observation
	dropped atomic.Uint64
	stop    func()
	mu      sync.RWMutex // tell reads, Close writes; guards closed, and c against a send after its close
	closed  bool
}

// Subscribe adds an observer that may lag behind by buffer observations
// (at least 1). More are dropped and counted: a call never waits for an
// observer. Close ends it.
func (o *Observers) Subscribe(buffer int) *Subscription {
	s := &Subscription{c: make(chan Observation, max(buffer, 1))}
	s.stop = o.Listen(s.tell)
	return s
}

// C is where the observations arrive. It is closed by Close, so that a loop
// over it ends; what was buffered before can still be read.
func (s *Subscription) C() <-chan Observation { return s.c }

// Dropped is the number of observations lost because the buffer was full.
func (s *Subscription) Dropped() uint64 { return s.dropped.Load() }

// Close ends the subscription. A second Close does nothing.
func (s *Subscription) Close() {
	s.stop()
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.closed = true
		close(s.c)
	}
}

// Active reports whether there are listeners, so that callers need not build
// observations without them.
func (o *Observers) Active() bool { return o != nil && o.listeners.Load() != nil }

// Tell sends v to every listener. What a listener panics with is given to
// panicked, in the goroutine and on the stack of the panic; the others hear v.
func (o *Observers) Tell(v Observation, panicked func(any)) {
	if o == nil {
		return
	}
	list := o.listeners.Load()
	if list == nil {
		return
	}
	for _, l := range *list {
		l.guarded(v, panicked)
	}
}

func (l *listener) guarded(v Observation, panicked func(any)) {
	defer func() {
		if p := recover(); p != nil && panicked != nil {
			panicked(p)
		}
	}()
	l.tell(v)
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
