package aggregator

import (
	"context"
	"errors"
	"strconv"
	"sync/atomic"

	"github.com/llmagg/llmagg/core/client"
	"github.com/llmagg/llmagg/core/failure"
	"github.com/llmagg/llmagg/core/llm"
)

// walk is one call's way over its routes. The goroutine that makes the call
// owns it; hedging hands single turns to others and waits for them.
type walk struct {
	by    *Aggregator
	call  *client.Call
	scope *client.Scope // ended with CLOSED when the aggregator closes
	stops []stop
	few   [3]stop // where most calls have their stops
	last  *llm.Error

	settled bool // a hedged call has said itself what becomes of its routes

	older, newer *walk // calls under way; guarded by Aggregator.mu
}

// stop is one of the routes.
type stop struct {
	client *client.Client
	turn   *client.Turn // made when the call first goes there
	held   bool         // kept open though its provider be replaced meanwhile
	given  atomic.Bool  // given up by the call, which never returns to it
}

// begin starts a call under the aggregator's life and holds its routes. leave
// must be called once.
func (a *Aggregator) begin(ctx context.Context, routes []*client.Client, p *llm.Payload) (*walk, error) {
	w := &walk{by: a}
	if w.stops = w.few[:]; len(routes) > len(w.few) {
		w.stops = make([]stop, len(routes))
	}
	w.stops = w.stops[:len(routes)]
	w.call, w.scope = client.Begin(ctx, p)
	a.mu.Lock()
	if a.closed {
		a.mu.Unlock()
		w.scope.End(nil)
		return nil, closedError()
	}
	a.calls.Add(1)
	if w.older = a.walks; w.older != nil {
		w.older.newer = w
	}
	a.walks = w
	a.mu.Unlock()
	for i, c := range routes {
		w.stops[i].client, w.stops[i].held = c, c.Hold()
	}
	return w, nil
}

// holdsAll tells whether no route was closed before the call held it.
func (w *walk) holdsAll() bool {
	for i := range w.stops {
		if !w.stops[i].held {
			return false
		}
	}
	return true
}

func (w *walk) leave() {
	w.scope.End(nil)
	for i := range w.stops {
		if w.stops[i].held {
			w.stops[i].client.Release()
		}
	}
	a := w.by
	a.mu.Lock()
	if w.older != nil {
		w.older.newer = w.newer
	}
	if w.newer != nil {
		w.newer.older = w.older
	} else {
		a.walks = w.older
	}
	a.mu.Unlock()
	a.calls.Done()
}

// turn is the call's stay on the i-th route.
func (w *walk) turn(i int) *client.Turn {
	s := &w.stops[i]
	if s.turn == nil {
		s.turn = s.client.Turn(w.call, w, i)
	}
	return s.turn
}

// open tells whether the i-th route is usable and has not been given up.
func (w *walk) open(i int) bool { return !w.stops[i].given.Load() && w.stops[i].client.Usable() }

// OthersLeft implements [client.Others].
func (w *walk) OthersLeft(place int) bool {
	for i := range w.stops {
		if i != place && w.open(i) {
			return true
		}
	}
	return false
}

// EachOther implements [client.Others].
func (w *walk) EachOther(place int, f func(*client.Client)) {
	for i := range w.stops {
		if i != place && !w.stops[i].given.Load() {
			f(w.stops[i].client)
		}
	}
}

// next is the first usable route that has not been given up, -1 for none.
func (w *walk) next() int {
	for i := range w.stops {
		if w.open(i) {
			return i
		}
	}
	return -1
}

// nextForced picks, when no route is usable, the one to be forced (B4): one
// that may be forced now before one whose server asked to wait, then by the
// order of forced tries. -1 when every route has been given up.
func (w *walk) nextForced() int {
	best := -1
	for i := range w.stops {
		s := &w.stops[i]
		if s.given.Load() || !s.client.Available() {
			continue
		}
		if best < 0 || forceBefore(s.client, w.stops[best].client) {
			best = i
		}
	}
	return best
}

func forceBefore(a, b *client.Client) bool {
	waitA, waitB := a.NamedWait(), b.NamedWait()
	if waitA == 0 && waitB == 0 {
		return a.ForceBefore(b)
	}
	return waitA < waitB
}

// wanted is what a walk is made for, and its result.
type wanted struct {
	stream   *opener // nil: a whole answer
	response *llm.Response
	opened   *client.Opened
}

// ask asks one route.
func (w *walk) ask(t *client.Turn, forced bool, to *wanted) (err *llm.Error) {
	after := w.call.Payload.Options.HedgeAfter
	switch {
	case to.stream == nil && forced:
		to.response, err = t.ForceChat(w.scope)
	case to.stream == nil:
		to.response, err = t.Chat(w.scope)
	case forced:
		to.opened, err = t.ForceOpen(w.scope)
	case after > 0:
		to.opened, err = to.stream.hedged(w.scope.Context(), t, after)
	default:
		to.opened, err = t.Open(w.scope)
	}
	return err
}

// run asks the routes one after the other until one gives what is wanted or the
// call ends.
func (w *walk) run(to *wanted) *llm.Error {
	for {
		if ended := w.scope.Ended(); ended != nil {
			return w.ended(ended)
		}
		i, forced := w.next(), false
		if i < 0 {
			i, forced = w.nextForced(), true
		}
		if i < 0 {
			return w.allFailed()
		}
		turn := w.turn(i)
		made := turn.Made()
		w.settled = false
		err := w.ask(turn, forced, to)
		if err == nil {
			return nil
		}
		if ended := w.scope.Ended(); ended != nil && err.Code != ended.Code {
			return w.ended(ended) // D5: whatever else happened in that moment
		} else if ended != nil || !failure.NextRoute(err.Code, w.call.Payload.Options) {
			return w.ended(err)
		}
		if forced && errors.Is(err, client.ErrElsewhere) {
			continue
		}
		switch {
		case w.settled:
		case forced:
			w.giveUp(i, err)
		default:
			w.lost(turn, made, err)
		}
	}
}

// lost is the end of a turn that failed; made is how many attempts it had
// before. A route that closed before the call was let in was not asked: if
// nothing else is left, it may still be forced (B4).
func (w *walk) lost(t *client.Turn, made int, err *llm.Error) {
	if err.Code == llm.CircuitOpen && t.Made() == made && t.Client().Available() {
		w.remember(err)
		return
	}
	w.giveUp(t.Place(), err)
}

func (w *walk) giveUp(i int, err *llm.Error) {
	w.stops[i].given.Store(true)
	w.remember(err)
	if j := w.next(); j >= 0 {
		w.stops[i].client.Tell(llm.Observation{Kind: llm.Failover, Call: w.call.ID,
			To: w.stops[j].client.Route(), Code: err.Code, Message: err.Message})
	}
}

// remember keeps the failure that says most: one of a route that was asked
// before one of a route that was closed.
func (w *walk) remember(err *llm.Error) {
	if w.last == nil || err.Code != llm.CircuitOpen || w.last.Code == llm.CircuitOpen {
		w.last = err
	}
}

// ended completes an error that ends the call as itself.
func (w *walk) ended(err *llm.Error) *llm.Error { return w.call.Fail(err) }

// allFailed is ALL_FAILED with every attempt and the last failure as cause.
func (w *walk) allFailed() *llm.Error {
	e := llm.Errorf(llm.AllFailed, "All %d routes failed.", len(w.stops))
	if len(w.stops) == 1 {
		e.Message = "The only route failed."
	}
	if w.last != nil {
		e.Message += " Last error: " + w.last.Code.String() + " from " + w.last.Provider + "/" + w.last.Model + ": " + w.last.Message
		e.Cause = w.last
		e.RetryAfter, e.HasRetryAfter = w.last.RetryAfter, w.last.HasRetryAfter
	} else {
		e.Message = "The application has switched off all routes (" + strconv.Itoa(len(w.stops)) + "); switch one on with set_available"
	}
	return w.call.Fail(e)
}
