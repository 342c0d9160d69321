package client

import (
	"time"

	"github.com/llmagg/llmagg/core/breaker"
	"github.com/llmagg/llmagg/core/internal/alarm"
	"github.com/llmagg/llmagg/core/internal/callstate"
	"github.com/llmagg/llmagg/core/internal/routing"
	"github.com/llmagg/llmagg/core/llm"
)

// lastResort waits at most until the call's deadline, or for timeout without
// one.
func (t *turn) lastResort(w *routing.Wanted) *llm.Error {
	c := t.client
	limit := time.Now().Add(t.timeout())
	if deadline, ok := t.scope.Deadline(); ok {
		limit = deadline
	}
	made := t.made
	var waited callstate.Waits
	// waitedSince adds what was waited for in vain to the next attempt, on this
	// route or another.
	waitedSince := func(began time.Time, what string) { waited = waited.And(time.Since(began), what) }
	giveUp := func(err *llm.Error) *llm.Error {
		t.call.Carry(waited.For, waited.What)
		return err
	}
	again := func(err *llm.Error) bool { // the door was closed before the try was made
		return err != nil && err.Code == llm.CircuitOpen && t.made == made &&
			time.Now().Before(limit) && t.scope.Ended() == nil && c.breaker.SwitchedOn()
	}
	change := make(chan struct{}, 1)
	defer c.breaker.Watch(change)()
	for {
		if c.breaker.Usable() {
			if err := t.run(w, nil, waited); !again(err) {
				return err
			}
			continue // somebody else took the probe
		}
		if _, named := c.breaker.ReopensAt(); !named.IsZero() {
			began := time.Now()
			err := t.waitNamed(change, named)
			waitedSince(began, callstate.ForServer)
			if err != nil {
				return giveUp(err)
			}
			continue
		}
		p, v := c.breaker.LastResort()
		switch {
		case p != nil:
			err := t.run(w, p, waited)
			p.Neutral() // if no attempt was made
			switch {
			case err != nil && t.scope.Ended() == nil && t.rotates(): // a key was refused, not the route
				waited = callstate.Waits{}
			case !again(err):
				return err
			}
		case v != nil:
			began := time.Now()
			err := t.awaitTrial(v, limit)
			waitedSince(began, callstate.ForOther)
			if err != nil {
				return giveUp(err)
			}
		case !c.breaker.SwitchedOn():
			return c.notUsable()
		}
	}
}

// waitNamed waits for the end of a wait that the server named, if the call may
// (R4), or for a change of the route before it.
func (t *turn) waitNamed(change <-chan struct{}, named time.Time) *llm.Error {
	c := t.client
	if !c.breaker.SwitchedOn() {
		return c.notUsable()
	}
	d := time.Until(named)
	if !t.call.Reserve(t.scope, d, t.timeout()) {
		e := c.notUsable()
		e.RetryAfter, e.HasRetryAfter = d, true
		return e
	}
	defer func() { t.call.GiveBack(t.scope, time.Until(named)) }() // if a change ended it early
	timer := time.NewTimer(d)
	defer timer.Stop()
	look := t.lookOut()
	defer look.stop()
	return t.left(look.wait(t.scope.Context(), timer.C, change))
}

// left is why the call leaves the route after a wait; nil where it does not.
func (t *turn) left(came cameTo) *llm.Error {
	switch came {
	case another:
		return t.client.routed(&llm.Error{Code: llm.CircuitOpen, Message: callstate.ErrElsewhere.Error(), Cause: callstate.ErrElsewhere})
	case theEnd:
		return t.client.routed(t.scope.Ended())
	}
	return nil
}

// awaitTrial waits for another call's trial of the route. nil means that
// the route is worth another look.
func (t *turn) awaitTrial(v *breaker.Trial, limit time.Time) *llm.Error {
	c := t.client
	var expired chan time.Time
	if _, ok := t.scope.Deadline(); !ok { // else the context itself ends there (D5)
		expired = make(chan time.Time)
		defer alarm.New(time.Until(limit), func() { close(expired) }).Stop()
	}
	look := t.lookOut()
	defer look.stop()
	came := look.wait(t.scope.Context(), expired, v.Done())
	if came == theTime {
		e := c.notUsable()
		e.Message += "; another call's probe of the route did not finish in time"
		return e
	}
	if left := t.left(came); left != nil {
		return left
	}
	ok, err := v.Result()
	if ok || err == nil {
		return nil
	}
	tried := llm.AsError(err)
	e := c.notUsable()
	e.Message += "; another call just probed it: " + tried.Message
	e.Cause = tried
	return e
}

// notUsable is CIRCUIT_OPEN with the reason and the time until the route
// reopens by itself.
func (c *Client) notUsable() *llm.Error {
	s := c.breaker.Snapshot()
	e := c.routed(llm.Errorf(llm.CircuitOpen, "the route is not usable"))
	now := time.Now()
	until := func(t time.Time) string { return t.Sub(now).Round(time.Millisecond).String() }
	switch {
	case !s.On:
		e.Message += ": the application has switched it off"
	case !s.BlockedUntil.IsZero() && s.RetryAfter:
		e.Message += ": the server asked (Retry-After) for a wait of another " + until(s.BlockedUntil)
		e.RetryAfter, e.HasRetryAfter = s.BlockedUntil.Sub(now), true
	case !s.BlockedUntil.IsZero():
		e.Message += ": the key or the quota was refused; next attempt in " + until(s.BlockedUntil)
	case !s.OpenUntil.IsZero():
		e.Message += ": its circuit breaker is open for another " + until(s.OpenUntil)
	case s.Trial:
		e.Message += ": its circuit breaker is half-open, and another call is probing it"
	case s.State == breaker.HalfOpen:
		e.Message += ": its circuit breaker is half-open, and another process of the fleet is probing it"
	}
	if last, at := c.lastError(); last != nil && !at.IsZero() && s.On {
		e.Message += "; last error: " + last.Code.String() + ": " + last.Message
	}
	return e
}
