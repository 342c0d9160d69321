package client

import (
	"cmp"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/llmagg/llmagg/core/breaker"
	"github.com/llmagg/llmagg/core/failure"
	"github.com/llmagg/llmagg/core/internal/callstate"
	"github.com/llmagg/llmagg/core/internal/routing"
	"github.com/llmagg/llmagg/core/limit"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/observe"
	"github.com/llmagg/llmagg/core/rate"
)

// turn is one call's [routing.Turn] on one route.
type turn struct {
	client   *Client
	call     *callstate.Call
	others   routing.Others
	place    int
	made     int // attempts made by this call on this route
	hedge    bool
	rotation rotation
	charge   limit.Charge // of a retry that is not made yet
	lost     atomic.Bool  // lost to a hedge: set by the goroutine that cancels it

	size     rate.Size        // once it is known
	reserved float64          // from the hard budgets of the call, for its attempt under way
	scope    *callstate.Scope // of the turn under way, or of the last one

	older, newer *turn // turns under way on the client; guarded by client.mu
}

func (t *turn) Place() int { return t.place }

func (t *turn) Hedge(on bool) { t.hedge = on }

func (t *turn) LoseToHedge() { t.lost.Store(true) }

func (t *turn) Made() int { return t.made }

func (t *turn) othersLeft() bool { return t.others != nil && t.others.OthersLeft(t.place) }

func (t *turn) Strict() bool {
	return cmp.Or(t.call.Payload.Options.Unsupported, t.client.cfg.Unsupported) == llm.UnsupportedError
}

func (t *turn) timeout() time.Duration {
	if d := t.call.Payload.Options.Timeout; d > 0 {
		return d
	}
	return t.client.cfg.Timeout
}

func (t *turn) Ask(scope *callstate.Scope, w *routing.Wanted, lastResort bool) *llm.Error {
	return t.under(scope, w, func() *llm.Error {
		if lastResort {
			return t.lastResort(w)
		}
		return t.run(w, nil, callstate.Waits{})
	})
}

func (t *turn) Again(scope *callstate.Scope, w *routing.Wanted, reason *llm.Error) *llm.Error {
	return t.under(scope, w, func() *llm.Error { return t.runAgain(w, reason) })
}

// under runs a turn, which ends with it, or with the stream that it has opened.
// The scope is ended with CLOSED when the client closes before that.
func (t *turn) under(scope *callstate.Scope, w *routing.Wanted, run func() *llm.Error) *llm.Error {
	t.scope = scope
	if err := t.client.use(t); err != nil {
		return err
	}
	defer func() {
		t.client.retries.GiveBack(t.charge)
		t.charge = limit.Charge{}
		if w.Opened == nil {
			t.client.unuse(t)
		}
	}()
	return run()
}

func (t *turn) runAgain(w *routing.Wanted, reason *llm.Error) *llm.Error {
	var waited callstate.Waits
	if !t.rotates() { // else a key was refused, not the route
		wait, again := t.again(reason)
		if !again {
			return interrupted(reason)
		}
		waited, again = t.waitFor(reason, wait)
		if ended := t.scope.Ended(); ended != nil {
			return t.client.routed(ended)
		}
		if !again {
			return interrupted(reason)
		}
	}
	made := t.made
	err := t.run(w, nil, waited)
	if err != nil && t.made == made && failure.Unsent(err.Code) {
		return interrupted(reason) // it says more than the closed door behind it
	}
	return err
}

// try performs one attempt and ends it, unless it is a stream that lives on.
func (a *attempt) try(w *routing.Wanted) *llm.Error {
	if w.Stream {
		return a.open(w)
	}
	var r *llm.Response
	var err error
	var usage *llm.Usage
	if w.Other != nil {
		usage, err = w.Other(a)
	} else if r, err = a.chat(); err == nil {
		usage = r.Usage
		a.paidAs(r.Extra)
		if o := &a.turn.call.Payload.Options; o.Accept != "" || o.Accepts != nil {
			err = a.judgeAnswer(r)
		}
	}
	if err != nil {
		e := a.explain(err)
		if err != errEmpty && !a.refused { // else it was paid for
			usage = nil
		}
		a.end(e, usage)
		return e
	}
	a.end(nil, usage)
	w.Response = r
	return nil
}

// run makes attempts until one succeeds or the route is given up. p is the
// permit of a last-resort probe, which gets one attempt; waited is what the
// call has waited for the first attempt already.
func (t *turn) run(w *routing.Wanted, p *breaker.Permit, waited callstate.Waits) *llm.Error {
	var last *llm.Error
	for {
		if err := t.tooExpensive(); err != nil {
			if p != nil {
				p.Neutral()
			}
			return err
		}
		a, err := t.admit(p, w.Stream, waited)
		if err != nil {
			t.settleBudgets(nil, true)
			if last != nil && failure.Unsent(err.Code) {
				if again := false; p == nil && t.limitedRow(last) {
					if waited, again = t.waitOnceMore(last); again {
						continue
					}
				}
				return last // the failure says more than the closed door behind it
			}
			return err
		}
		t.made, t.charge = t.made+1, limit.Charge{}
		if t.made == 1 {
			t.client.retries.Request(a.record.Start)
		}
		last = a.try(w)
		if last == nil {
			return nil
		}
		if last.Code == llm.Unsupported && last.Status == 0 && t.made == 1 {
			t.client.retries.Unmade()
		}
		if ended := t.scope.Ended(); ended != nil {
			return t.client.routed(ended)
		}
		if p != nil {
			return last
		}
		if t.rotates() {
			waited = callstate.Waits{} // the attempt before has waited it
			continue
		}
		wait, again := t.again(last)
		if !again {
			return last
		}
		t.client.tell(observe.Observation{Kind: observe.RetryScheduled, Call: t.call.ID, Wait: wait}.Because(last))
		waited, again = t.waitFor(last, wait)
		if ended := t.scope.Ended(); ended != nil {
			return t.client.routed(ended)
		}
		if !again {
			return last
		}
	}
}

// waitFor waits before the retry that follows e. If the server has meanwhile
// told another call to wait longer, it waits that long, as far as this call
// may. It ends early, without a retry, when another route becomes usable and
// the rules for a route that is not the last usable one forbid the retry or the
// wait (R2, R4).
func (t *turn) waitFor(e *llm.Error, wait time.Duration) (waited callstate.Waits, again bool) {
	what := callstate.ForBackoff
	for began := time.Now(); ; {
		named := t.named(e)
		if named >= wait {
			what = callstate.ForServer
		}
		ended := t.pause(wait, !t.mayRepeat(e, named, true))
		waited = callstate.Waits{}.And(time.Since(began), what)
		if !ended {
			t.call.GiveBack(t.scope, min(named, wait-waited.For))
			t.call.Carry(waited.For, what)
			return waited, false
		}
		_, until := t.client.breaker.ReopensAt()
		if until.IsZero() || t.scope.Ended() != nil {
			return waited, true
		}
		wait = time.Until(until)
		if t.othersLeft() && waited.For+wait > t.client.cfg.Retry.Wait || !t.othersLeft() && !t.call.Reserve(t.scope, wait, t.timeout()) {
			return waited, false
		}
	}
}

// admit waits for the rate, for a slot and for the breaker's permit, and begins
// an attempt.
func (t *turn) admit(p *breaker.Permit, stream bool, waited callstate.Waits) (*attempt, *llm.Error) {
	if t.call.Payload.Options.Bare {
		return t.begin(&attempt{}, nil, stream, waited), nil
	}
	c := t.client
	var debit rate.Debit
	if p == nil && t.probedElsewhere() {
		return nil, c.notUsable()
	}
	refuse := func(err *llm.Error) (*attempt, *llm.Error) {
		c.rate.Return(&debit, true)
		if p != nil {
			p.Neutral()
		}
		return nil, err
	}
	if c.rate.Active() {
		var err *llm.Error
		if debit, waited, err = t.takeTokens(p, waited); err != nil {
			return refuse(err)
		}
	}
	if !c.slots.TryAcquire() {
		if p == nil && !c.breaker.Usable() {
			return refuse(c.notUsable())
		}
		began := time.Now()
		if err := t.takeSlot(); err != nil {
			return refuse(err)
		}
		waited = waited.And(time.Since(began), callstate.ForSlot)
	}
	a := &attempt{slot: true}
	if p == nil {
		if !c.breaker.Enter(&a.own) {
			c.slots.Release()
			return refuse(c.notUsable())
		}
		p = &a.own
	} else if _, named := c.breaker.ReopensAt(); !named.IsZero() {
		// The wait was named to another attempt while this probe waited for a
		// slot (B4).
		c.slots.Release()
		return refuse(c.notUsable())
	}
	a.debit = debit
	return t.begin(a, p, stream, waited), nil
}

// takeSlot waits for a slot (C1, C2): at most for timeout if another route is
// usable.
func (t *turn) takeSlot() *llm.Error {
	c := t.client
	ctx, stop := t.patience(t.timeout())
	defer stop()
	began := time.Now()
	if c.slots.Acquire(ctx) == nil {
		return nil
	}
	if ended := t.scope.Ended(); ended != nil {
		return c.routed(ended)
	}
	waited := time.Since(began)
	t.call.Carry(waited, callstate.ForSlot)
	return c.routed(llm.Errorf(llm.Overloaded, "the route stayed at its concurrency limit for %v: %d calls in flight, %d waiting (max_concurrent_calls is %d)",
		llm.Seconds(waited), c.slots.InFlight(), c.slots.Waiting(), c.slots.Size()))
}

// again decides whether the route is asked once more after e, and how long to
// wait before (R1 to R5).
func (t *turn) again(e *llm.Error) (time.Duration, bool) {
	c := t.client
	if t.call.Payload.Options.Bare {
		return 0, false
	}
	others, named := t.othersLeft(), t.named(e)
	if !t.mayRepeat(e, named, others) {
		return 0, false
	}
	wait := max(t.backoff(), named)
	if deadline, ok := t.scope.Deadline(); ok && time.Until(deadline) <= wait {
		return 0, false
	}
	if !c.breaker.UsableAt(time.Now().Add(wait)) {
		return 0, false
	}
	reserved := !others && named > 0
	if reserved && !t.call.Reserve(t.scope, wait, t.timeout()) {
		return 0, false
	}
	if t.limitedRow(e) {
		return wait, true
	}
	if t.charge = c.retries.Allow(); !t.charge.Taken() {
		if reserved {
			t.call.GiveBack(t.scope, wait)
		}
		return 0, false
	}
	return wait, true
}

// named is the wait that the server asks for: in e, or in an answer to another
// call.
func (t *turn) named(e *llm.Error) (wait time.Duration) {
	if failure.NamesWait(e) {
		wait = e.RetryAfter // maybe longer than the breaker blocks the route
	}
	if _, until := t.client.breaker.ReopensAt(); !until.IsZero() {
		wait = max(wait, time.Until(until))
	}
	return wait
}

// most is how many attempts the call may make on the route (R1).
func (t *turn) most() int {
	if n := t.call.Payload.Options.MaxRetries; n > 0 {
		return n
	}
	return t.client.cfg.MaxRetries
}

func (t *turn) Spent() bool { return t.made >= t.most() }

// limitedRow tells whether e is a 429 to a row of a bulk run, which finds by
// these how much a server takes: it is tried again up to ten times, and is no
// load that retries add.
func (t *turn) limitedRow(e *llm.Error) bool {
	o := &t.call.Payload.Options
	return o.Bulk && o.MaxRetries == 0 && isLimit(e) && t.made < 10
}

// waitOnceMore waits for a row before whose retry the server has told another
// call to wait.
func (t *turn) waitOnceMore(e *llm.Error) (waited callstate.Waits, again bool) {
	wait := t.named(&llm.Error{Code: e.Code})
	if wait <= 0 || t.othersLeft() || !t.call.Reserve(t.scope, wait, t.timeout()) {
		return waited, false
	}
	waited, again = t.waitFor(e, wait)
	return waited, again && t.scope.Ended() == nil
}

// mayRepeat tells whether the route may be asked again after e, when its server
// asks to wait for named; others says whether another route is usable (R1, R2,
// R4).
func (t *turn) mayRepeat(e *llm.Error, named time.Duration, others bool) bool {
	if t.Spent() && !t.limitedRow(e) || others && t.made >= 2 {
		return false
	}
	return failure.Retries(e, others, &t.call.Payload.Options) && !(others && named > t.client.cfg.Retry.Wait)
}

// backoff is the wait before the next attempt (R3).
func (t *turn) backoff() time.Duration {
	r := t.client.cfg.Retry
	d := r.BackoffMax
	if n := t.made - 1; n < 16 {
		d = min(r.Backoff<<n, r.BackoffMax)
	}
	return time.Duration(float64(d) * (0.5 + rand.Float64()/2))
}
