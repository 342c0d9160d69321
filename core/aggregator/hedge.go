package aggregator

import (
	"context"
	"time"

	"github.com/llmagg/llmagg/core/internal/alarm"
	"github.com/llmagg/llmagg/core/internal/callstate"
	"github.com/llmagg/llmagg/core/internal/routing"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/observe"
)

// contender is one of the two routes of a hedged call, and what it came to. Its
// scope lies within the call's; the winner's ends with that.
type contender struct {
	turn  routing.Turn
	scope *callstate.Scope
	made  int // the turn's attempts before

	routing.Wanted
	err *llm.Error
}

// contend opens the stream of a contender, which goes to results then.
func (w *routeLoop) contend(ctx context.Context, t routing.Turn, results chan<- *contender) *contender {
	c := &contender{turn: t, scope: callstate.Within(ctx), made: t.Made(), Wanted: routing.Wanted{Stream: true}}
	go func() { // ends with its scope, if not before
		if failed := w.at(t).Rescue("hedge", func() { c.err = t.Ask(c.scope, &c.Wanted, false) }); failed != nil {
			c.err = failed
		}
		results <- c
	}()
	return c
}

// hedged opens a stream on t, joined after a while by the next usable route:
// the first to send a token wins, the other is cancelled upstream. It waits
// for both, and returns the contender whose result is that of the call.
func (w *routeLoop) hedged(ctx context.Context, t routing.Turn, after time.Duration) *contender {
	results := make(chan *contender, 2)
	first := w.contend(ctx, t, results)
	timer, began := time.NewTimer(after), time.Now()
	defer timer.Stop()
	select {
	case r := <-results:
		return r
	case at := <-timer.C:
		if time.Since(at) > alarm.Late || time.Since(began) > after+alarm.Late { // the process was stopped: what has arrived is read first
			timer.Reset(after)
			select {
			case r := <-results:
				return r
			case <-timer.C:
			}
		}
	}
	next := w.second(t)
	if next == nil {
		return <-results
	}
	next.Hedge(true)
	w.at(t).Machinery().Tell(observe.Observation{Kind: observe.Hedged, Call: w.call.ID, To: w.at(next).Route()})
	second := w.contend(ctx, next, results)
	defer w.afterHedge(second) // both have ended then
	r := <-results
	if r.Opened == nil && w.ends(r.turn, r.err) {
		// The call ends here, and what the other route would have said is not
		// asked for (E3).
		over := llm.Errorf(llm.Canceled, "the call ended with %s from %s", r.err.Code, w.at(r.turn).Route())
		other(r, first, second).scope.End(over)
		if late := <-results; late.Opened != nil {
			late.Opened.Abandon(over)
		}
		return r
	}
	if r.Opened == nil {
		return w.remaining(r, <-results)
	}
	late := llm.Errorf(llm.Canceled, "%s sent its first token before the hedge", w.at(t).Route())
	if r == second {
		// The route that was joined has lost by being slow: that counts as a
		// timeout. A losing hedge says nothing about its route.
		t.LoseToHedge()
		late = llm.Errorf(llm.Timeout, "no first token within %v (hedge_after); %s was faster", llm.Seconds(after), w.at(next).Route())
		w.candidates[t.Place()].given.Store(true)
	}
	other(r, first, second).scope.End(late)
	if loser := <-results; loser.Opened != nil { // slower by a moment
		loser.Opened.Abandon(late)
	}
	if r == first && next.Spent() {
		w.candidates[next.Place()].given.Store(true) // the lost hedge was its only attempt (R1)
	}
	return r
}

// afterHedge lets the call begin again where its hedge was, and gives back to
// the budget one that sent nothing.
func (w *routeLoop) afterHedge(c *contender) {
	c.turn.Hedge(false)
	if c.turn.Made() == c.made || c.err != nil && c.err.Code == llm.Unsupported {
		w.by.manager.Hedges().Unmade()
	}
}

// other is the one of a and b that c is not.
func other(c, a, b *contender) *contender {
	if c == a {
		return b
	}
	return a
}

// remaining is the result of a hedged call whose first contender to end has
// failed: the other decides. A call that loses both gives up both routes.
func (w *routeLoop) remaining(failed, other *contender) *contender {
	w.lost(failed.turn, failed.made, failed.err)
	if other.Opened == nil {
		w.lost(other.turn, other.made, other.err)
	}
	w.settled = true
	return other
}

// second is the route that joins t, nil if there is none or no hedge is
// allowed.
func (w *routeLoop) second(t routing.Turn) routing.Turn {
	i := w.nextBeside(t.Place())
	if i < 0 || !w.by.manager.Hedges().Allow() {
		return nil
	}
	return w.turn(i)
}
