package breaker

import "time"

type permitKind uint8

const (
	ordinary      permitKind = iota // of a closed circuit, or of a trial that has shown its first token
	halfOpenProbe                   // the probe of a half-open circuit
	lastResort                      // against an open circuit or a block
)

// Permit allows one attempt on a route. The first call of Succeed, Fail,
// FailUncounted or Neutral sets its outcome; later calls do nothing. The
// outcomes of whole responses and whole streams count. Only the result of a
// trial is its first token: the rest of its stream then counts as the outcome
// of an ordinary attempt. A Permit is safe for concurrent use.
type Permit struct {
	breaker    *Breaker
	lastResort bool // immutable

	// Guarded by breaker.mu.
	kind      permitKind
	settled   bool
	period    uint64              // closed period that the attempt belongs to (ordinary)
	probeDone func(outcome error) // gives the circuit its probe back (halfOpenProbe)
	trial     *Trial              // for those who wait (halfOpenProbe, lastResort)
}

// LastResort tells whether the permit was given against the circuit or a block.
func (p *Permit) LastResort() bool { return p.lastResort }

// FirstToken reports that the answer has begun. A trial succeeds with it: the
// circuit closes, a last resort clears the block, and waiting calls proceed.
// The outcome of the stream is still to be reported. It does nothing to an
// ordinary permit.
func (p *Permit) FirstToken() {
	b := p.breaker
	b.mu.Lock()
	defer b.unlockAndTell()
	if !p.settled {
		p.win()
	}
}

// Succeed reports a whole response or a whole stream.
func (p *Permit) Succeed() { p.SucceedAt(time.Now()) }

// SucceedAt is Succeed for a caller who knows what time it is.
func (p *Permit) SucceedAt(now time.Time) {
	b := p.breaker
	b.mu.Lock()
	if p.kind == ordinary && !p.settled {
		defer b.mu.Unlock() // nothing changes that there is to tell
		p.settled = true
		if p.period == b.circuit.period {
			b.failedAt = time.Time{}
		}
		b.circuit.succeed(p.period, now)
		return
	}
	defer b.unlockAndTell()
	if !p.settled {
		p.settled = true
		p.win()
	}
}

// Fail reports a failure that counts: after a trial the circuit opens for a
// whole new period, and a failed last resort puts the route last in the order
// of last resorts. Calls that wait for the trial get err.
func (p *Permit) Fail(err error) { p.lose(err, true) }

// FailUncounted reports a failure that says nothing about the route's health (a
// refused key, an empty account, an unknown model): a trial ends with err, and
// a last resort puts the route last, but the circuit stays as it is. Enter the
// block first.
func (p *Permit) FailUncounted(err error) { p.lose(err, false) }

// Neutral reports that the attempt says nothing about the route: it was
// cancelled, abandoned, or never begun. A trial ends without a result, and the
// next call may try.
func (p *Permit) Neutral() {
	b := p.breaker
	b.mu.Lock()
	defer b.unlockAndTell()
	if p.settled {
		return
	}
	p.settled = true
	if p.kind == halfOpenProbe {
		p.probeDone(errAttemptNeutral)
	}
	if p.kind != ordinary {
		p.endTrial(false, nil)
	}
}

// win ends a trial as a success and makes its permit an ordinary one of the new
// closed period. The caller holds breaker.mu.
func (p *Permit) win() {
	b := p.breaker
	switch p.kind {
	case ordinary:
		return
	case halfOpenProbe:
		p.probeDone(nil)
	case lastResort:
		b.circuit.reset()
		// A wait that the server asked for stands: another attempt was told
		// while this one was out.
		b.blockedUntil = time.Time{}
	}
	b.failedAt = time.Time{}
	p.kind, p.period = ordinary, b.circuit.period
	p.endTrial(true, nil)
}

func (p *Permit) lose(err error, counts bool) {
	if err == nil {
		err = errAttemptFailed // without an error a trial would have no result
	}
	b := p.breaker
	b.mu.Lock()
	defer b.unlockAndTell()
	if p.settled {
		return
	}
	p.settled = true
	switch p.kind {
	case ordinary:
		if counts {
			b.circuit.fail(p.period)
		}
		return
	case halfOpenProbe:
		if counts {
			p.probeDone(errAttemptFailed)
		} else {
			p.probeDone(errAttemptNeutral)
		}
	case lastResort:
		b.failedAt = time.Now()
		if !counts {
			break
		}
		if b.circuit.state() == Closed { // it was a block that kept calls out
			b.circuit.fail(b.circuit.period)
		} else {
			b.circuit.trip()
		}
	}
	p.endTrial(false, err)
}

// endTrial frees the route for the next trial and wakes those who wait for the
// result. The caller holds breaker.mu.
func (p *Permit) endTrial(ok bool, err error) {
	p.breaker.trial = nil
	p.trial.end(ok, err)
	p.breaker.wake()
}

// Trial is a half-open probe or a last resort in flight; other calls wait for
// its result. It is safe for concurrent use.
type Trial struct {
	over chan struct{} // closed by end, after ok and err are set
	ok   bool
	err  error
}

func newTrial() *Trial { return &Trial{over: make(chan struct{})} }

// Done is closed when the trial is over. Every trial ends: its deadline sees to
// that.
func (t *Trial) Done() <-chan struct{} { return t.over }

// Result waits for the end and says how the trial went: (true, nil) the route
// works and calls may go in; (false, err) it failed with err; (false, nil) it
// has no result, since it was cancelled, and a waiting call may try for itself.
func (t *Trial) Result() (ok bool, err error) {
	<-t.over
	return t.ok, t.err
}

// end sets the result and wakes the waiting calls. The breaker calls it once,
// under its lock and after it has changed its state, so that they find the
// route as the result says.
func (t *Trial) end(ok bool, err error) {
	t.ok, t.err = ok, err
	close(t.over)
}
