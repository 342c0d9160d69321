package client

import (
	"errors"
	"net/http"
	"strconv"
	"syscall"
	"time"

	"github.com/llmagg/llmagg/core/breaker"
	"github.com/llmagg/llmagg/core/failure"
	"github.com/llmagg/llmagg/core/internal/callstate"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/rate"
)

// cost is what the call's request is likely to cost, as far as the request
// itself tells.
func (t *turn) cost() rate.Size {
	if t.size == (rate.Size{}) {
		p := t.call.Payload
		most := 0
		for _, name := range [...]string{"max_completion_tokens", "max_tokens"} {
			if n, err := strconv.Atoi(string(p.Field(name))); err == nil && n > 0 {
				most = n
				break
			}
		}
		t.size = rate.SizeOf(p.JSON(), most)
	}
	return t.size
}

// takeTokens takes what an attempt is likely to cost from the route's rate. If
// the route has to wait for it longer than retry.wait_s while another route is
// usable, or beyond the call's deadline, the call leaves at once (C4).
func (t *turn) takeTokens(p *breaker.Permit, waited callstate.Waits) (rate.Debit, callstate.Waits, *llm.Error) {
	c := t.client
	size := t.cost()
	if d, ok := c.rate.Take(size); ok {
		return d, waited, nil
	}
	if p == nil && !c.breaker.Usable() {
		return rate.Debit{}, waited, c.notUsable()
	}
	short := c.rate.Shortage(size)
	if deadline, ok := t.scope.Deadline(); ok && time.Until(deadline) <= short.For || short.For > c.cfg.Retry.Wait && t.othersLeft() {
		return rate.Debit{}, waited, c.noTokens(short)
	}
	began := time.Now()
	ctx, stop := t.patience(c.cfg.Retry.Wait)
	defer stop()
	d, err := c.rate.Wait(ctx, size)
	if err == nil {
		return d, waited.And(time.Since(began), callstate.ForRate), nil
	}
	if ended := t.scope.Ended(); ended != nil {
		return d, waited, c.routed(ended)
	}
	t.call.Carry(time.Since(began), callstate.ForRate)
	return d, waited, c.noTokens(c.rate.Shortage(size))
}

// noTokens is OVERLOADED where a rate has no room.
func (c *Client) noTokens(s rate.Shortage) *llm.Error {
	e := c.routed(llm.Errorf(llm.Overloaded, "no %s left on %s for %.1f s (%s %s, %.0f %% used)", s.Unit, c.Route(),
		s.For.Seconds(), s.Of, strconv.FormatFloat(s.Max, 'f', -1, 64), s.Used*100))
	e.RetryAfter, e.HasRetryAfter = s.For, true
	return e
}

// Headed hears the headers of an answer, which may tell limits. Nothing left
// until a time that is told is a wait that the server names (R4).
func (a *attempt) Headed(h http.Header) {
	c := a.turn.client
	if wait := c.rate.Learn(h, &a.debit, c.slots.InFlight()); wait > 0 {
		c.breaker.BlockUntil(time.Now().Add(wait))
	}
}

// unsent tells whether an attempt that failed certainly reached no server. Of
// clients that the application wrote, nobody knows.
func (a *attempt) unsent() bool { return a.upstream != nil && a.x.Status == 0 && !a.x.Reached }

// settleRate settles what the attempt took from the route's rate. A refused
// request did cost nothing, so that its retry is not debited twice; what a
// broken or abandoned answer did cost is not known, nor whether the server
// counts a request whose connection broke. ofKey: the failure says
// something of one of several keys alone, and the route has what it had.
func (a *attempt) settleRate(now time.Time, e *llm.Error, ofKey bool, status int, usage *llm.Usage) {
	r := a.turn.client.rate
	switch {
	case e == nil:
		input, output := -1, -1
		if known, counted, _ := usage.Counts(); known && counted {
			input, output = usage.PromptTokens, usage.CompletionTokens
		}
		r.Settle(now, &a.debit, a.turn.size, input, output)
	case a.unsent():
		r.Return(&a.debit, true)
	case failure.CallerLeft(e.Code) || e.Code == llm.Timeout:
		r.Settle(now, &a.debit, a.turn.size, -1, -1)
	case e.Code == llm.RateLimit && ofKey:
		r.Return(&a.debit, true)
	case e.Code == llm.RateLimit:
		r.Refuse(&a.debit)
	case a.upstream == nil && a.x.Status == 0 && !a.x.Reached: // a client of the application does not say whether it sent
		r.Return(&a.debit, true)
	case status >= 400:
		r.Return(&a.debit, false)
	default:
		r.Settle(now, &a.debit, a.turn.size, -1, -1)
	}
}

// tellSlots tells the route's slots how the attempt ended, for a number of
// them that follows what the server takes (C5). Only answers and overloads
// count: other failures say nothing of how much is in flight. known is true for
// an overload that the number has followed already.
func (a *attempt) tellSlots(e *llm.Error) (known bool) {
	slots := a.turn.client.slots
	switch {
	case !a.slot || !slots.Adaptive():
	case e == nil:
		slots.Succeeded(a.record.Start)
	case isLimit(e), e.Status == http.StatusServiceUnavailable, e.Status == 529, errors.Is(e, syscall.ECONNREFUSED):
		return slots.Overloaded(a.record.Start, e.RetryAfter)
	}
	return false
}

// isLimit tells whether a server has too much to do, of this caller or of all:
// a 429 that is not about money.
func isLimit(e *llm.Error) bool {
	return e.Code == llm.RateLimit || e.Code == llm.Unavailable && e.Status == http.StatusTooManyRequests
}
