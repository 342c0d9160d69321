package aggregator

import (
	"context"
	"time"

	"github.com/llmagg/llmagg/core/client"
	"github.com/llmagg/llmagg/core/failure"
	"github.com/llmagg/llmagg/core/internal/alarm"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/observe"
)

// contender is one of the two routes of a hedged call. Its scope lies within
// the call's; the winner's ends with that.
type contender struct {
	turn  *client.Turn
	scope *client.Scope
	made  int // the turn's attempts before
}

func contend(ctx context.Context, t *client.Turn) *contender {
	return &contender{turn: t, scope: client.Within(ctx), made: t.Made()}
}

// open opens the contender's stream and tells results.
func (c *contender) open(results chan<- opening) {
	r := opening{by: c}
	if failed := c.turn.Client().Rescue("hedge", func() { r.opened, r.err = c.turn.Open(c.scope) }); failed != nil {
		r.err = failed
	}
	results <- r
}

// opening is what a contender came to.
type opening struct {
	by     *contender
	opened *client.Opened
	err    *llm.Error
}

// hedged opens a stream on t, joined after a while by the next usable route:
// the first to send a token wins, the other is cancelled upstream. It waits
// for both.
func (o *opener) hedged(ctx context.Context, t *client.Turn, after time.Duration) (*client.Opened, *llm.Error) {
	results := make(chan opening, 2)
	first := contend(ctx, t)
	go first.open(results)
	timer, began := time.NewTimer(after), time.Now()
	defer timer.Stop()
	select {
	case r := <-results:
		return r.opened, r.err
	case at := <-timer.C:
		if time.Since(at) > alarm.Late || time.Since(began) > after+alarm.Late { // the process was stopped: what has arrived is read first
			timer.Reset(after)
			select {
			case r := <-results:
				return r.opened, r.err
			case <-timer.C:
			}
		}
	}
	next := o.second(t)
	if next == nil {
		r := <-results
		return r.opened, r.err
	}
	next.Hedge(true)
	defer next.Hedge(false) // both have ended then: the call may begin again there
	t.Client().Tell(observe.Observation{Kind: observe.Hedged, Call: o.loop.call.ID, To: next.Client().Route()})
	second := contend(ctx, next)
	go second.open(results)
	r := <-results
	if r.opened == nil && !failure.NextRoute(r.err.Code, o.loop.call.Payload.Options) {
		// The call ends here, and what the other route would have said is not
		// asked for (E3).
		over := llm.Errorf(llm.Canceled, "the call ended with %s from %s", r.err.Code, r.by.turn.Client().Route())
		other(r.by, first, second).scope.End(over)
		if late := <-results; late.opened != nil {
			late.opened.Abandon(over)
		}
		return nil, r.err
	}
	if r.opened == nil {
		return o.remaining(r, <-results)
	}
	late := llm.Errorf(llm.Canceled, "%s sent its first token before the hedge", t.Client().Route())
	if r.by == second {
		// The route that was joined has lost by being slow: that counts as a
		// timeout. A losing hedge says nothing about its route.
		t.LoseToHedge()
		late = llm.Errorf(llm.Timeout, "no first token within %v (hedge_after); %s was faster", after, next.Client().Route())
		o.loop.candidates[t.Place()].given.Store(true)
	}
	other(r.by, first, second).scope.End(late)
	if loser := <-results; loser.opened != nil { // slower by a moment
		loser.opened.Abandon(late)
	}
	if r.by == first && next.Spent() {
		o.loop.candidates[next.Place()].given.Store(true) // the lost hedge was its only attempt (R1)
	}
	return r.opened, nil
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
func (o *opener) remaining(failed, other opening) (*client.Opened, *llm.Error) {
	w := o.loop
	w.lost(failed.by.turn, failed.by.made, failed.err)
	if other.opened == nil {
		w.lost(other.by.turn, other.by.made, other.err)
	}
	w.settled = true
	return other.opened, other.err
}

// second is the route that joins t, nil if there is none or no hedge is
// allowed.
func (o *opener) second(t *client.Turn) *client.Turn {
	w := o.loop
	for i := range w.candidates {
		if i != t.Place() && w.open(i) {
			if !o.hedges.Allow() {
				return nil
			}
			return w.turn(i)
		}
	}
	return nil
}
