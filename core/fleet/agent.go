package fleet

import (
	"context"
	"fmt"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/llmagg/llmagg/core/breaker"
	"github.com/llmagg/llmagg/core/client"
	"github.com/llmagg/llmagg/core/internal/alarm"
	"github.com/llmagg/llmagg/core/observe"
)

const (
	// askWithin is how long the store may take for an answer before it counts
	// as out of reach. With the pause after that it stays within the 2 s in
	// which a store that is back is used again.
	askWithin = 1500 * time.Millisecond
	// silence is how long rates wait for an answer of the store. After that
	// they go on without it, and repay what they spend until it comes.
	silence = 500 * time.Millisecond
	// soon is at once. Go's race detector crashes now and then at timers in the
	// bubble of a test that are due when they are set.
	soon = time.Nanosecond
	// openWithin is how long opening may take: several answers of a slow store,
	// and more where sentinels are asked first.
	openWithin = 6 * time.Second
	// beat is how often a process says that it is alive.
	beat = time.Second
	// again is the pause before a store that is out of reach is asked again.
	again = 250 * time.Millisecond
	// often: a store that refuses twice within this time, but answers heartbeats,
	// counts as out of reach.
	often = 10 * time.Second
	// fresh is how long a store may be out of reach before it is opened anew.
	fresh = 3 * time.Second
)

// run is the goroutine of a member: it opens the store, and again where that
// failed.
func (m *Member) run(ctx context.Context) {
	defer close(m.left)
	defer m.detach()
	for ctx.Err() == nil || m.untold() {
		store, err := m.open(ctx)
		if err == nil {
			m.serve(ctx, store)
			store.Close()
		}
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			m.silenced(ctx, err)
			pause(ctx, again)
		}
	}
}

// open opens the store. A member that leaves meanwhile goes on with it for a
// moment, if it has something to tell.
func (m *Member) open(ctx context.Context) (Store, error) {
	opening, cancel := context.WithTimeout(context.WithoutCancel(ctx), openWithin)
	defer cancel()
	stop := context.AfterFunc(ctx, func() {
		if m.untold() {
			pause(opening, silence)
		}
		cancel()
	})
	defer stop()
	defer time.AfterFunc(silence, m.alone).Stop()
	return m.o.Open(opening)
}

// untold tells whether something waits to be told.
func (m *Member) untold() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.queue) > 0
}

// detach ends the sharing of all routes.
func (m *Member) detach() {
	m.mu.Lock()
	m.gone, m.connected = true, false
	var clients []*client.Client
	for _, r := range m.routes {
		clients = append(clients, r.clients...)
	}
	clear(m.routes)
	m.mu.Unlock()
	for _, c := range clients {
		c.Machinery().Rate().Lease(nil)
		c.Share(nil)
	}
}

// serve talks with an open store until the member leaves, or until the store
// has been out of reach for so long that a new connection is better.
func (m *Member) serve(ctx context.Context, s Store) {
	m.mu.Lock()
	m.deaf = false
	m.mu.Unlock()
	listening, stop := context.WithCancel(ctx)
	var reader sync.WaitGroup
	reader.Go(func() { m.listen(listening, s) })
	defer reader.Wait()
	defer stop()
	timer := time.NewTimer(soon)
	defer timer.Stop()
	var failing time.Time
	var beaten time.Time
	for {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
			_ = m.say(last, s) // it leaves: nobody is to hear of a failure
			cancel()
			return
		case <-timer.C:
		case <-m.wake:
		}
		began := time.Now()
		err := m.talk(ctx, s, &beaten)
		switch {
		case err == nil:
			failing = time.Time{}
			timer.Reset(m.nextLease(beaten))
		case failing.IsZero() && time.Since(began) > askWithin+alarm.Late: // the process may have been stopped: the store is asked again
			failing = time.Now()
			timer.Reset(soon)
		case failing.IsZero():
			failing = time.Now()
			fallthrough
		default:
			m.silenced(ctx, err)
			beaten = time.Time{}
			if time.Since(failing) > fresh || ctx.Err() != nil {
				if ctx.Err() == nil {
					return
				}
				continue
			}
			pause(ctx, again)
			timer.Reset(soon)
		}
	}
}

// talk tells, asks and leases what there is to.
func (m *Member) talk(ctx context.Context, s Store, beaten *time.Time) error {
	if time.Since(*beaten) >= beat {
		var n int
		err := m.ask(ctx, func(ctx context.Context) (err error) {
			n, err = s.Alive(ctx, m.process)
			return err
		})
		if err != nil {
			return err
		}
		*beaten = time.Now()
		m.mu.Lock()
		m.state.Processes = n
		m.mu.Unlock()
	}
	err := m.say(ctx, s)
	if err == nil {
		err = m.lease(ctx, s)
	}
	now := time.Now()
	if err != nil {
		m.refuses = now.Sub(m.refused) < often
		m.refused = now
		return err
	}
	if !m.refuses || now.Sub(m.refused) >= beat { // a store that answers some questions only is not in reach
		m.gain()
	}
	return nil
}

// ask puts one question to the store. Rates do not wait for a slow answer.
func (m *Member) ask(ctx context.Context, question func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	defer time.AfterFunc(silence, m.alone).Stop()
	return question(ctx)
}

// say tells what is queued, and asks for marks.
func (m *Member) say(ctx context.Context, s Store) error {
	m.mu.Lock()
	queue, asking, done := m.queue, m.asking, m.done
	m.queue, m.asking, m.done = nil, nil, nil
	now := time.Now()
	changes := make([]Change, 0, len(queue))
	for _, v := range queue {
		left := v.until.Sub(now)
		if v.what == breaker.RouteClosed || left > 0 {
			changes = append(changes, Change{Route: v.route, What: v.what, For: max(left, 0), Process: m.process})
			m.tellingAt[v.route] = now
		}
	}
	m.mu.Unlock()
	if len(changes) > 0 {
		if err := m.ask(ctx, func(ctx context.Context) error { return s.Tell(ctx, changes) }); err != nil {
			m.mu.Lock()
			m.queue = slices.Concat(queue, m.queue)
			m.queue = m.queue[max(len(m.queue)-mostQueued, 0):]
			m.done = append(done, m.done...)
			m.mu.Unlock()
			return err
		}
		m.mu.Lock()
		m.state.Told += len(changes)
		m.mu.Unlock()
	}
	for _, id := range done {
		if err := m.ask(ctx, func(ctx context.Context) error { return s.Unmark(ctx, id) }); err != nil {
			return err // it ends by itself
		}
	}
	for _, r := range asking {
		var mine bool
		var left time.Duration
		err := m.ask(ctx, func(ctx context.Context) (err error) {
			mine, left, err = s.Mark(ctx, r.id, m.process, r.px)
			return err
		})
		if err != nil {
			return err // the call that asked has waited long enough soon
		}
		r.answered(mine, left)
	}
	return nil
}

// answered is the store's answer on a mark.
func (r *route) answered(mine bool, left time.Duration) {
	m := r.member
	m.mu.Lock()
	if r.asked.IsZero() { // the route has opened or closed meanwhile, or nobody waited
		if mine {
			m.done = append(m.done, r.id)
			m.ring()
		}
		m.mu.Unlock()
		return
	}
	r.asked, r.granted = time.Time{}, mine
	clients := slices.Clone(r.clients)
	m.mu.Unlock()
	for _, c := range clients {
		if !mine && left > 0 {
			c.Machinery().Breaker().Defer(time.Now().Add(left))
		}
	}
}

// listen hears what is told.
func (m *Member) listen(ctx context.Context, s Store) {
	from, failing := "", false
	for ctx.Err() == nil {
		began := time.Now()
		changes, next, err := s.Listen(ctx, from)
		if err != nil {
			unhurried := failing || time.Since(began) < askWithin // else the process may have been stopped
			if ctx.Err() == nil && unhurried {
				m.mu.Lock()
				m.deaf = failing && m.answers
				m.mu.Unlock()
				m.lose(ctx, err)
				pause(ctx, again/2)
			}
			failing = true
			continue
		}
		if failing {
			m.mu.Lock()
			m.deaf = false
			m.mu.Unlock()
		}
		from, failing = next, false
		m.hear(changes)
	}
}

// gain notes that the store is in reach.
func (m *Member) gain() {
	m.mu.Lock()
	was, processes, deaf := m.connected, m.state.Processes, m.deaf
	m.answers = true
	if !deaf {
		m.connected, m.since, m.state.Error = true, time.Time{}, ""
	}
	m.mu.Unlock()
	if was || deaf {
		return
	}
	m.tell(observe.FleetJoined, "fleet "+m.o.Name)
	if l := m.o.Logger; l != nil {
		l.Info("the fleet's store is in reach", "fleet", m.o.Name, "processes", processes)
	}
}

// silenced notes that the store answers no question: rates go on alone.
func (m *Member) silenced(ctx context.Context, err error) {
	m.mu.Lock()
	m.answers, m.deaf = false, false
	m.mu.Unlock()
	m.alone()
	m.lose(ctx, err)
}

// lose notes that the store is out of reach. Until it is back, the process
// decides alone.
func (m *Member) lose(ctx context.Context, err error) {
	if ctx.Err() != nil {
		return
	}
	m.mu.Lock()
	was, first := m.connected, m.state.Error == ""
	if was {
		m.since = time.Now()
	}
	m.connected, m.state.Error = false, err.Error()
	share := m.kept()
	m.mu.Unlock()
	if !was && !first {
		return
	}
	m.tell(observe.FleetLost, err.Error())
	if l := m.o.Logger; l != nil {
		if share > 0 {
			l = l.With("rate_share", share)
		}
		l.Warn("the fleet's store is out of reach; this process decides alone until it is back", "fleet", m.o.Name, "error", err.Error())
	}
}

func (m *Member) tell(kind observe.Kind, message string) {
	if m.observers.Active() {
		m.observers.Tell(observe.Observation{Kind: kind, Time: time.Now(), Message: message}, m.observerPanicked)
	}
}

func (m *Member) observerPanicked(v any) {
	if l := m.o.Logger; l != nil {
		l.Error("panic recovered", "in", "observer", "fleet", m.o.Name, "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
	}
}

// pause waits, or until ctx ends.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
