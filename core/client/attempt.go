package client

import (
	"cmp"
	"context"
	"errors"
	"io"
	"time"

	"github.com/llmagg/llmagg/core/breaker"
	"github.com/llmagg/llmagg/core/credential"
	"github.com/llmagg/llmagg/core/exchange"
	"github.com/llmagg/llmagg/core/failure"
	"github.com/llmagg/llmagg/core/internal/alarm"
	"github.com/llmagg/llmagg/core/internal/callstate"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/observe"
	"github.com/llmagg/llmagg/core/rate"
	"github.com/llmagg/llmagg/core/wire"
)

// attempt is one exchange in flight: its deadlines, its entry in the trail, its
// permit to use the route. The goroutine that makes the attempt owns it; timers
// only cancel its context. It has 480 bytes at most, which is a size class (a
// test holds it there); objects over 512 have a type word of their own and cost
// the collector still more.
type attempt struct {
	turn     *turn
	permit   *breaker.Permit    // nil for a bare attempt
	own      breaker.Permit     // memory for a permit that is no last resort's
	upstream *exchange.Upstream // with the attempt's key; nil for custom clients
	key      int32              // its number, where the route has several
	debit    rate.Debit         // what it took from the route's rate
	slot     bool               // holds a slot of the route
	ended    bool
	refused  bool   // the application refused its answer
	tier     string // of service, as the answer tells
	x        exchange.Exchange
	guard    *guard      // of a client that the application wrote
	judge    *wire.Judge // of its stream

	ctx    context.Context
	cancel context.CancelCauseFunc
	timer  alarm.Alarm   // D2 or D3, later D4
	idle   time.Duration // D4, once its clock has taken over

	record     *llm.Attempt  // the entry in the trail
	lastLife   time.Duration // from the start, as firstToken
	firstToken time.Duration // 0 until it has come
}

// begin starts the clock of D2/D3 of a new attempt and enters it into the
// trail.
func (t *turn) begin(a *attempt, p *breaker.Permit, stream bool, waited callstate.Waits) *attempt {
	c := t.client
	now := time.Now()
	a.turn, a.permit = t, p
	a.x.Payload, a.x.Model, a.x.Stream, a.x.Listener = t.call.Payload, c.upstreamModel(), stream, a
	a.x.Model = cmp.Or(t.call.Model, a.x.Model)
	a.x.Strict = t.Strict()
	r := t.call.Attempt()
	r.Provider, r.Model, r.Start = c.cfg.Provider, c.cfg.Name, now
	if c.pool != nil {
		_, r.ServerPort = c.pool.Server()
		r.ServerAddress = c.server
	}
	r.Stream, r.Forced, r.Hedge = stream, p != nil && p.LastResort(), t.hedge
	a.record = r
	a.takeKey(now)
	t.call.Start(r, waited)
	a.ctx, a.cancel = t.scope.ForAttempt()
	a.timer.Begin(a, now, t.timeout())
	c.tell(observe.Observation{Kind: observe.AttemptStarted, Call: t.call.ID})
	return a
}

// TimeUp is the end of D2's or D3's clock.
func (a *attempt) TimeUp() {
	what := "no complete answer"
	if a.record.Stream {
		what = "no first token"
	}
	a.cancel(llm.Errorf(llm.Timeout, "%s within %v", what, llm.Seconds(a.turn.timeout())))
}

// Alive notes that bytes have arrived, or that a stream begins to wait for
// some. Before the first token they do not restart a clock (D3).
func (a *attempt) Alive() {
	a.lastLife = time.Since(a.record.Start)
	if a.idle > 0 {
		a.timer.Set(a.record.Start.Add(a.lastLife), a.idle)
	}
}

// Rest stops D4's clock until bytes are waited for again.
func (a *attempt) Rest() {
	if a.idle > 0 {
		a.timer.Pause()
	}
}

// explain turns the reason why the attempt ended into an *llm.Error of this
// route.
func (a *attempt) explain(err error) *llm.Error {
	c := a.turn.client
	var e *llm.Error
	switch {
	case a.ctx.Err() != nil:
		e = withAnswer(callstate.Ended(a.ctx), err)
		if e.Code == llm.Timeout && errors.Is(err, credential.ErrFetching) {
			copied := *e
			copied.Message += "; the server was not asked yet: " + credential.ErrFetching.Error()
			e = &copied
		}
	case errors.As(err, &e):
	case errors.Is(err, context.DeadlineExceeded):
		e = &llm.Error{Code: llm.Timeout, Message: err.Error(), Cause: err}
	case err == io.EOF:
		e = llm.Errorf(llm.Unavailable, "the connection ended without an answer")
	default:
		e = &llm.Error{Code: llm.Unavailable, Message: err.Error(), Cause: err}
	}
	if e.Code == llm.OK || e.Code == llm.AllFailed { // no route fails so: a client of the application said it (E1)
		e = &llm.Error{Code: llm.Unavailable, Message: e.Message, Partial: e.Partial, Cause: e}
	}
	if custom := c.backend != nil; e.Provider == "" || custom && !e.Custom {
		copied := *e
		copied.Custom = custom
		if e.Provider == "" {
			copied.Provider, copied.Model = c.cfg.Provider, c.cfg.Name
			if copied.Status == 0 && e.Code != llm.Timeout {
				copied.Status = a.x.Status
			}
		}
		e = &copied
	}
	return failure.Mask(failure.Mask(e, c.secrets()), failure.HeaderSecrets(a.x.Payload.Options.Headers))
}

// withAnswer adds to ended what the headers of a failed answer said before the
// time was up: status, request id, and Retry-After, which counts although the
// body never came (R4).
func withAnswer(ended *llm.Error, err error) *llm.Error {
	var said *llm.Error
	if !errors.As(err, &said) || said.Status < 400 || ended.Status != 0 {
		return ended
	}
	copied := *ended
	copied.Status, copied.RequestID = said.Status, said.RequestID
	copied.RetryAfter, copied.HasRetryAfter = said.RetryAfter, said.HasRetryAfter
	return &copied
}

// firstTokenCame stops D3's clock; a trial has its result.
func (a *attempt) firstTokenCame() {
	a.timer.Stop()
	a.firstToken = max(time.Since(a.record.Start), 1)
	if a.permit != nil {
		a.permit.FirstToken()
	}
}

// end reports the outcome, e or success, to the breaker and the trail, and then
// releases the slot (C3). A second end does nothing.
func (a *attempt) end(e *llm.Error, usage *llm.Usage) {
	if a.ended {
		return
	}
	a.ended = true
	a.timer.Stop()
	c := a.turn.client
	r := *a.record
	r.Duration, r.FirstToken = time.Since(r.Start), a.firstToken
	now := r.Start.Add(r.Duration) // Since reads one clock, Now two
	r.Status, r.Bytes, r.SkippedEvents = a.x.Status, a.x.Bytes, int(a.x.Skipped)
	r.LeftOut, r.Adapted = a.x.Left, a.x.Adapted
	if r.Usage = usage; usage != nil || e == nil {
		r.Cost = c.cfg.Price.Of(usage, a.tier)
	}
	if e != nil {
		r.Code, r.Message, r.Owner = e.Code, e.Message, e.Owner()
		r.Status = cmp.Or(e.Status, r.Status)
		if a.unsent() {
			r.Unsent()
		}
	}
	borne, wakes := false, time.Time{} // by one of several keys
	if e != nil {
		borne, wakes = a.keyFailed(e, now)
	} else if c.keys != nil {
		c.keys.pool.Accept(int(a.key), r.Start)
	}
	if !borne {
		a.settle(e, a.tellSlots(e), now, wakes)
	} else if a.permit != nil {
		a.permit.Neutral() // another key is ready
	}
	a.settleRate(now, e, borne, r.Status, usage)
	a.turn.settleBudgets(r.Cost, r.Cost == nil && r.Free())
	if r.Cost == nil && e == nil {
		a.turn.tellUnpriced()
	}
	a.cancel(nil)
	if a.slot {
		c.slots.Release()
	}
	a.turn.call.End(a.record, &r)
	c.note(e, &r, a.turn.call.ID, now)
	if m := c.meter.Load(); m != nil {
		m.Attempt(&r)
	}
	if c.observers().Active() {
		record := r // r itself stays off the heap
		v := observe.Observation{Kind: observe.AttemptEnded, Call: a.turn.call.ID, Attempt: &record}
		c.tell(v.Because(e))
	}
}

// settle reports the outcome to the breaker: the column "breaker" of the error
// table. known is of an overload that was counted already: many attempts tell
// of it. wakes is when the first of the route's keys has rested.
func (a *attempt) settle(e *llm.Error, known bool, now, wakes time.Time) {
	if a.permit == nil {
		return
	}
	b := a.turn.client.breaker
	if e == nil || a.refused {
		a.permit.SucceedAt(now)
		return
	}
	if failure.NamesWait(e) { // said is said, however the attempt ended
		until := now.Add(e.RetryAfter)
		if wakes.After(now) && wakes.Before(until) {
			until = wakes
		}
		b.BlockUntil(until)
	}
	if known {
		a.permit.FailUncounted(e)
		return
	}
	if a.turn.lost.Load() {
		a.permit.Fail(e)
		return
	}
	if a.turn.scope.Ended() != nil {
		// The caller left, or the call's deadline passed: evidence only if
		// the route had been silent for half of its timeout.
		silent := now.Sub(a.record.Start)-a.lastLife >= a.turn.timeout()/2
		if e.Code == llm.Timeout && silent {
			a.permit.Fail(e)
			return
		}
		a.permit.Neutral()
		return
	}
	switch failure.BreakerEffect(e.Code) {
	case failure.NoEvidence:
		a.permit.Neutral()
	case failure.Blocks:
		b.BlockAccount()
		a.permit.FailUncounted(e)
	case failure.Counts:
		a.permit.Fail(e)
	default:
		a.permit.FailUncounted(e)
	}
}

// errEmpty refuses an answer of which nothing can be used.
var errEmpty = llm.Errorf(llm.BadResponse, "the answer is empty, and the option \"accept\" is \"nonempty\"")

// judgeAnswer lets the call's options look at a whole answer: an error refuses
// it. The attempt was paid for, and its route did answer: it is no evidence for
// the breaker.
func (a *attempt) judgeAnswer(r *llm.Response) error {
	o := &a.turn.call.Payload.Options
	if o.Accept == llm.AcceptNonempty && r.Empty() {
		return errEmpty
	}
	if o.Accepts == nil {
		return nil
	}
	a.timer.Stop() // the server is done
	var refused error
	if failed := a.turn.client.Rescue("accept function", func() { refused = o.Accepts(r) }); failed != nil {
		refused = failed
	}
	if refused == nil {
		return nil
	}
	a.refused = true
	if ended := a.turn.scope.Ended(); ended != nil {
		return ended
	}
	return llm.Errorf(llm.BadResponse, "the application refused the answer: %v", refused)
}
