package aggregator

import (
	"context"
	"sync"
	"time"

	"github.com/llmagg/llmagg/core/client"
	"github.com/llmagg/llmagg/core/llm"
)

// hedgeShare and hedgeWindow bound hedges (S9): below a tenth of the calls of
// the last minute; one is always allowed.
const (
	hedgeShare  = 0.1
	hedgeWindow = 60 // seconds
)

// hedgeBudget counts the calls and hedges of each of the last seconds.
type hedgeBudget struct {
	mu      sync.Mutex // guards what follows
	seconds [hedgeWindow]struct {
		second        int64 // since the Unix epoch; what is counted here
		calls, hedges int
	}
}

// call counts one more call.
func (b *hedgeBudget) call() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.seconds[b.present(time.Now().Unix())].calls++
}

// allow takes a hedge if there may be one more.
func (b *hedgeBudget) allow() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now().Unix()
	var calls, hedges int
	for i := range b.seconds {
		if s := &b.seconds[i]; now-s.second < hedgeWindow {
			calls += s.calls
			hedges += s.hedges
		}
	}
	if hedges > 0 && float64(hedges+1) >= hedgeShare*float64(calls) {
		return false
	}
	b.seconds[b.present(now)].hedges++
	return true
}

// present is where a second is counted. The caller holds mu.
func (b *hedgeBudget) present(second int64) int {
	i := second % hedgeWindow
	if s := &b.seconds[i]; s.second != second {
		s.second, s.calls, s.hedges = second, 0, 0
	}
	return int(i)
}

// contender is one of the two routes of a hedged call. Its scope lies within the
// call's; the winner's ends with that.
type contender struct {
	turn  *client.Turn
	scope client.Scope
}

func contend(ctx context.Context, t *client.Turn) *contender {
	return &contender{turn: t, scope: client.Within(ctx)}
}

// open opens the contender's stream and tells results.
func (c *contender) open(results chan<- opening) {
	opened, err := c.turn.Open(c.scope)
	results <- opening{c, opened, err}
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
	timer := time.NewTimer(after)
	defer timer.Stop()
	select {
	case r := <-results:
		return r.opened, r.err
	case <-timer.C:
	}
	next := o.second(t)
	if next == nil {
		r := <-results
		return r.opened, r.err
	}
	next.Hedge()
	t.Client().Tell(llm.Observation{Kind: llm.Hedged, Call: o.walk.call.ID, To: next.Client().Route()})
	second := contend(ctx, next)
	go second.open(results)
	r := <-results
	if r.opened == nil {
		return o.remaining(r, <-results)
	}
	if r.by == second {
		// The route that was joined has lost by being slow: that counts as a
		// timeout. A losing hedge says nothing about its route.
		t.LoseToHedge()
		first.scope.End(llm.Errorf(llm.Timeout, "no first token within %v (hedge_after); %s was faster", after, next.Client().Route()))
		o.walk.stops[t.Place()].given.Store(true)
	} else {
		second.scope.End(llm.Errorf(llm.Canceled, "the hedge lost to %s", t.Client().Route()))
	}
	if loser := <-results; loser.opened != nil {
		loser.opened.Abandon(llm.Errorf(llm.Canceled, "the other route of a hedged call was faster by a moment"))
	}
	return r.opened, nil
}

// remaining is the result of a hedged call whose first contender to end has
// failed: the other decides. A call that loses both gives up both routes.
func (o *opener) remaining(failed, other opening) (*client.Opened, *llm.Error) {
	w := o.walk
	w.giveUp(failed.by.turn.Place(), failed.err)
	if other.opened == nil {
		w.giveUp(other.by.turn.Place(), other.err)
	}
	return other.opened, other.err
}

// second is the route that joins t, nil if there is none or no hedge is
// allowed.
func (o *opener) second(t *client.Turn) *client.Turn {
	w := o.walk
	for i := range w.stops {
		if i != t.Place() && w.open(i) {
			if !o.hedges.allow() {
				return nil
			}
			return w.turn(i)
		}
	}
	return nil
}
