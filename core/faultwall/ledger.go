package faultwall

import (
	"net/http"
	"strings"
	"sync"
	"time"
)

// ledger writes down what the wall sees.
type ledger struct {
	begun time.Time
	keep  int

	// mu guards the fields below it and the entries.
	mu      sync.Mutex
	changed chan struct{} // closed at the next change; nil: nobody waits
	number  int
	totals  SeenTotals
	models  map[string]*SeenModel // by name
	entries []*entry
	conns   []*SeenConnection
}

// entry is a request's page in the ledger; ledger.mu guards it.
type entry struct {
	ledger   *ledger
	conn     *SeenConnection
	model    *SeenModel // of a chat; else nobody's
	request  SeenRequest
	released bool
	ended    bool
}

// change runs f under the lock and wakes those who wait.
func (l *ledger) change(f func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f()
	if l.changed != nil {
		close(l.changed)
		l.changed = nil
	}
}

// subscribe returns a channel that is closed at the next change.
func (l *ledger) subscribe() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.changed == nil {
		l.changed = make(chan struct{})
	}
	return l.changed
}

func (l *ledger) since(t time.Time) float64 { return t.Sub(l.begun).Seconds() }

func (l *ledger) now() float64 { return l.since(time.Now()) }

func (l *ledger) snapshot() Seen {
	l.mu.Lock()
	defer l.mu.Unlock()
	seen := Seen{
		UptimeS: l.now(), Totals: l.totals, Models: make(map[string]SeenModel, len(l.models)),
		Requests: make([]SeenRequest, len(l.entries)), Connections: make([]SeenConnection, len(l.conns)),
	}
	for name, m := range l.models {
		seen.Models[name] = *m
	}
	for i, e := range l.entries {
		seen.Requests[i] = e.request
	}
	for i, c := range l.conns {
		seen.Connections[i] = *c
	}
	return seen
}

func (l *ledger) opened() *SeenConnection {
	c := &SeenConnection{}
	l.change(func() {
		l.totals.ConnectionsOpened++
		l.totals.ConnectionsOpen++
		c.Number, c.Opened = l.totals.ConnectionsOpened, l.now()
		l.conns = append(l.conns, c)
		if len(l.conns) > l.keep+l.keep/4 {
			l.conns = append(l.conns[:0:0], l.conns[len(l.conns)-l.keep:]...)
		}
	})
	return c
}

func (l *ledger) closed(c *SeenConnection) {
	l.change(func() {
		l.totals.ConnectionsOpen--
		c.Closed = l.now()
	})
}

func (l *ledger) malformed() { l.change(func() { l.totals.Malformed++ }) }

func (l *ledger) tlsFailed() { l.change(func() { l.totals.TLSFailures++ }) }

// arrive opens a request's page. The step is chosen by take under the ledger's
// lock, so that the order of requests is the order of steps.
func (l *ledger) arrive(r SeenRequest, conn *SeenConnection, stale bool, take func(number int) int) *entry {
	e := &entry{ledger: l, conn: conn, request: r}
	l.change(func() {
		l.number++
		e.request.Number = l.number
		e.request.Start = l.now()
		e.request.Connection = conn.Number
		e.request.Reused = conn.Requests > 0
		conn.Requests++
		m := &SeenModel{}
		if r.Kind == KindChat && l.models[r.Model] != nil {
			m = l.models[r.Model]
		} else if r.Kind == KindChat {
			l.models[r.Model] = m
		}
		e.model = m
		if stale {
			e.request.Stale, e.request.Step, e.request.End = true, -1, e.request.Start
			e.released, e.ended = true, true
			l.totals.Stale++
			m.Stale++
		} else {
			e.request.Step = take(l.number)
			l.totals.Requests++
			l.totals.InFlight++
			l.totals.MaxSimultaneous = max(l.totals.MaxSimultaneous, l.totals.InFlight)
			m.Requests++
			m.InFlight++
			m.MaxSimultaneous = max(m.MaxSimultaneous, m.InFlight)
			e.request.Simultaneous = m.InFlight
		}
		if r.Kind == KindHealth && !stale {
			l.totals.Health++
		}
		l.entries = append(l.entries, e)
		if len(l.entries) > l.keep+l.keep/4 {
			l.totals.Dropped += len(l.entries) - l.keep
			l.entries = append(l.entries[:0:0], l.entries[len(l.entries)-l.keep:]...)
		}
	})
	return e
}

// headed notes the first byte of the answer's head.
func (e *entry) headed(status int) {
	e.ledger.change(func() {
		e.request.Status = status
		e.request.FirstByteAt = e.ledger.now()
	})
}

// sent notes bytes of the body that are about to be written.
func (e *entry) sent(bytes, events int) {
	e.ledger.change(func() {
		if e.request.FirstBodyAt == 0 && bytes > 0 {
			e.request.FirstBodyAt = e.ledger.now()
		}
		e.request.Bytes += int64(bytes)
		e.request.Events += events
	})
}

// release takes the request out of the number in flight; see the package's
// documentation for when.
func (e *entry) release() {
	e.ledger.change(e.releaseLocked)
}

func (e *entry) releaseLocked() {
	if e.released {
		return
	}
	e.released = true
	e.ledger.totals.InFlight--
	e.model.InFlight--
}

// end notes that the answer is over; later calls change nothing.
func (e *entry) end(cut string) {
	e.ledger.change(func() {
		e.releaseLocked()
		if !e.ended {
			e.ended = true
			e.request.Cut = cut
			e.request.End = e.ledger.now()
		}
	})
}

// left notes that the client went away before the answer was whole.
func (e *entry) left(when time.Time) {
	e.ledger.change(func() {
		e.releaseLocked()
		if e.ended {
			return
		}
		e.ended = true
		e.request.Disconnected = true
		e.request.DisconnectedAt = e.ledger.since(when)
		e.request.End = e.request.DisconnectedAt
		e.ledger.totals.Disconnects++
		e.model.Disconnects++
	})
}

// flatHeaders joins repeated headers and lowers names.
func flatHeaders(h http.Header) map[string]string {
	flat := make(map[string]string, len(h))
	for name, values := range h {
		flat[strings.ToLower(name)] = strings.Join(values, ", ")
	}
	return flat
}

// cutBySilence notes that nothing more is sent, while the request stays in
// flight.
func (e *entry) cutBySilence() {
	e.ledger.change(func() { e.request.Cut = CutSilence })
}
