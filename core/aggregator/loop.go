package aggregator

import (
	"context"
	"errors"
	"strconv"
	"sync/atomic"

	"github.com/llmagg/llmagg/core/breaker"
	"github.com/llmagg/llmagg/core/client"
	"github.com/llmagg/llmagg/core/failure"
	"github.com/llmagg/llmagg/core/internal/callstate"
	"github.com/llmagg/llmagg/core/internal/routing"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/observe"
)

// routeLoop is one call's way over its routes. The goroutine that makes the
// call owns it; hedging hands single turns to others and waits for them.
type routeLoop struct {
	by         *Aggregator
	call       *callstate.Call
	scope      *callstate.Scope // ended with CLOSED when the aggregator closes
	candidates []candidate
	last       *llm.Error

	wanted  routing.Wanted // here, since a Turn lets it escape
	settled bool           // a hedged call has said itself what becomes of its routes

	older, newer *routeLoop // calls under way; guarded by Aggregator.mu
}

// candidate is one of the routes.
type candidate struct {
	client *client.Client
	turn   routing.Turn // made when the call first goes there
	held   bool         // kept open though its provider be replaced meanwhile
	small  bool         // its window is probably too small: it is asked after the others
	given  atomic.Bool  // given up by the call, which never returns to it
}

// begin starts a call under the aggregator's life and holds its routes. leave
// must be called once.
func (a *Aggregator) begin(ctx context.Context, routes []*client.Client, p *llm.Payload) (*routeLoop, error) {
	made := &struct { // one piece of memory for all three: tests/bench bounds the allocations of a call
		routeLoop
		few   [2]candidate
		begun callstate.Begun
	}{}
	w := &made.routeLoop
	if w.by, w.candidates = a, made.few[:min(len(routes), len(made.few))]; len(routes) > len(made.few) {
		w.candidates = make([]candidate, len(routes))
	}
	w.call, w.scope = made.begun.Begin(ctx, p)
	a.mu.Lock()
	if a.closed {
		a.mu.Unlock()
		w.scope.End(nil)
		return nil, closedError()
	}
	a.calls.Add(1)
	if w.older = a.loops; w.older != nil {
		w.older.newer = w
	}
	a.loops = w
	a.mu.Unlock()
	for i, c := range routes {
		w.candidates[i].client, w.candidates[i].held = c, c.Hold()
	}
	w.findSmall(p)
	return w, nil
}

// holdsAll tells whether no route was closed before the call held it.
func (w *routeLoop) holdsAll() bool {
	for i := range w.candidates {
		if !w.candidates[i].held {
			return false
		}
	}
	return true
}

func (w *routeLoop) leave() {
	w.scope.End(nil)
	for i := range w.candidates {
		if w.candidates[i].held {
			w.candidates[i].client.Release()
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
		a.loops = w.older
	}
	a.mu.Unlock()
	a.calls.Done()
}

// turn is the call's stay on the i-th route.
func (w *routeLoop) turn(i int) routing.Turn {
	s := &w.candidates[i]
	if s.turn == nil {
		s.turn = s.client.Machinery().Turn(w.call, w, i)
	}
	return s.turn
}

// at is the route of a turn.
func (w *routeLoop) at(t routing.Turn) *client.Client { return w.candidates[t.Place()].client }

// open tells whether the i-th route is usable and has not been given up.
func (w *routeLoop) open(i int) bool {
	return !w.candidates[i].given.Load() && w.candidates[i].client.Usable()
}

// OthersLeft implements [routing.Others].
func (w *routeLoop) OthersLeft(place int) bool {
	for i := range w.candidates {
		if i != place && w.open(i) {
			return true
		}
	}
	return false
}

// EachOther implements [routing.Others].
func (w *routeLoop) EachOther(place int, f func(*breaker.Breaker)) {
	for i := range w.candidates {
		if i != place && !w.candidates[i].given.Load() {
			f(w.candidates[i].client.Machinery().Breaker())
		}
	}
}

// next is the first usable route that has not been given up, -1 for none. A
// route whose window is probably too small comes after the others.
func (w *routeLoop) next() int { return w.nextBeside(-1) }

// nextBeside is next without the route at place.
func (w *routeLoop) nextBeside(place int) int {
	last := -1
	for i := range w.candidates {
		if i != place && w.open(i) {
			if !w.candidates[i].small {
				return i
			}
			if last < 0 {
				last = i
			}
		}
	}
	return last
}

// nextLastResort picks, when no route is usable, the one for a last-resort
// probe (B4): one that may be probed now before one whose server asked to wait,
// then by the order of probes. -1 when every route has been given up.
func (w *routeLoop) nextLastResort() int {
	best := -1
	for i := range w.candidates {
		s := &w.candidates[i]
		if s.given.Load() || !s.client.Available() {
			continue
		}
		if best < 0 || probeBefore(s.client, w.candidates[best].client) {
			best = i
		}
	}
	return best
}

// probeBefore orders two unusable routes for last-resort probes (B4): the route
// that reopens sooner comes first; a route whose probe failed comes last.
func probeBefore(a, b *client.Client) bool {
	waitA, waitB := a.NamedWait(), b.NamedWait()
	if waitA == 0 && waitB == 0 {
		return a.Machinery().Breaker().Before(b.Machinery().Breaker())
	}
	return waitA < waitB
}

// run asks the routes one after the other until one gives what is wanted or the
// call ends.
func (w *routeLoop) run(to *routing.Wanted) *llm.Error {
	for {
		if ended := w.scope.Ended(); ended != nil {
			return w.ended(ended)
		}
		for _, b := range w.call.Payload.Options.Budgets {
			if spent := b.Spent(); spent != nil && !b.OfCall() {
				return w.ended(spent)
			}
		}
		i, lastResort := w.next(), false
		if i < 0 {
			i, lastResort = w.nextLastResort(), true
		}
		if i < 0 {
			return w.allFailed()
		}
		turn := w.turn(i)
		made := turn.Made()
		w.settled = false
		var err *llm.Error
		if after := w.call.Payload.Options.HedgeAfter; to.Stream && !lastResort && after > 0 {
			c := w.hedged(w.scope.Context(), turn, after)
			turn, to.Opened, err = c.turn, c.Opened, c.err
		} else {
			err = turn.Ask(w.scope, to, lastResort)
		}
		if err == nil {
			return nil
		}
		if ended := w.scope.Ended(); ended != nil && err.Code != ended.Code {
			return w.ended(ended) // D5: whatever else happened in that moment
		} else if ended != nil || w.ends(turn, err) {
			return w.ended(err)
		}
		if lastResort && errors.Is(err, callstate.ErrElsewhere) {
			continue
		}
		switch {
		case w.settled:
		case lastResort:
			w.giveUp(i, err)
		default:
			w.lost(turn, made, err)
		}
	}
}

// ends tells whether a failure of a turn ends the call as itself.
func (w *routeLoop) ends(t routing.Turn, err *llm.Error) bool {
	return !failure.NextRoute(err, &w.call.Payload.Options) || err.Code == llm.Unsupported && t.Strict()
}

// lost is the end of a turn that failed; made is how many attempts it had
// before. A route that closed before the call was let in was not asked: if
// nothing else is left, it may still be probed (B4).
func (w *routeLoop) lost(t routing.Turn, made int, err *llm.Error) {
	if err.Code == llm.CircuitOpen && t.Made() == made && w.at(t).Available() {
		w.remember(err)
		return
	}
	w.giveUp(t.Place(), err)
}

func (w *routeLoop) giveUp(i int, err *llm.Error) {
	w.candidates[i].given.Store(true)
	w.remember(err)
	if err.Code == llm.ContextLength {
		w.leaveSmaller(i)
	}
	if j := w.next(); j >= 0 {
		w.candidates[i].client.Machinery().Tell(observe.Observation{Kind: observe.Failover, Call: w.call.ID,
			To: w.candidates[j].client.Route()}.Because(err))
	}
}

// remember keeps the failure that says most: one of a route that was asked
// before one of a route whose vendor cannot do what the request asks for, and
// that before one of a route that was closed.
func (w *routeLoop) remember(err *llm.Error) {
	says := func(e *llm.Error) int {
		switch e.Code {
		case llm.CircuitOpen:
			return 0
		case llm.Unsupported:
			return 1
		}
		return 2
	}
	if w.last == nil || says(err) >= says(w.last) {
		w.last = err
	}
}

// ended completes an error that ends the call as itself.
func (w *routeLoop) ended(err *llm.Error) *llm.Error { return w.call.Fail(err) }

// allFailed is ALL_FAILED with every attempt and the last failure as cause.
func (w *routeLoop) allFailed() *llm.Error {
	e := llm.Errorf(llm.AllFailed, "All %d routes failed.", len(w.candidates))
	if len(w.candidates) == 1 {
		e.Message = "The only route failed."
	}
	if w.last != nil {
		e.Message += " Last error: " + w.last.Code.String() + " from " + w.last.Provider + "/" + w.last.Model + ": " + w.last.Message
		e.Cause = w.last
		e.RetryAfter, e.HasRetryAfter = w.last.RetryAfter, w.last.HasRetryAfter
	} else {
		e.Message = "The application has switched off all routes (" + strconv.Itoa(len(w.candidates)) + "); switch one on with set_available"
	}
	return w.call.Fail(e)
}
