package client

import "time"

type passKind uint8

const (
	passClosed passKind = iota // let in by a closed circuit, or a trial that has shown its first token
	passProbe                  // the probe of a half-open circuit
	passForced                 // a forced try
)

// pass is one attempt's leave to use a route. Its outcome is what is reported first by succeed, fail, failUncounted or
// neutral; later reports do nothing. Outcomes of whole responses and whole streams count; only for a trial (probe or forced try) the first
// token already is the verdict, and the rest of its stream then counts like any other attempt's. Safe for concurrent use.
type pass struct {
	gate   *gate
	forced bool // let in by force against the breaker or a block; immutable

	// Guarded by gate.mu.
	kind      passKind
	settled   bool
	period    uint64              // closed period that the attempt belongs to (passClosed)
	probeDone func(outcome error) // gives the breaker its probe back (passProbe)
	trial     *verdict            // for those who wait (passProbe, passForced)
}

// firstToken reports that the answer has begun. It settles a trial as a success: the circuit closes, a forced try clears the block, and
// waiting calls proceed. What becomes of the stream after it is still to be reported, as the outcome of an attempt of the new closed
// period. It does nothing to a pass of a closed circuit.
func (p *pass) firstToken() {
	g := p.gate
	g.mu.Lock()
	defer g.unlockAndTell()
	if !p.settled {
		p.win()
	}
}

// succeed reports a whole response or a whole stream.
func (p *pass) succeed() {
	g := p.gate
	g.mu.Lock()
	if p.kind == passClosed && !p.settled {
		defer g.mu.Unlock() // nothing changes that there is to tell
		p.settled = true
		if p.period == g.breaker.period {
			g.failedAt = time.Time{}
		}
		g.breaker.record(p.period, nil)
		return
	}
	defer g.unlockAndTell()
	if !p.settled {
		p.settled = true
		p.win()
	}
}

// fail reports a failure that counts: the circuit of a trial opens for a whole new period, and a failed forced try puts the route last in
// the order of forced tries. err is what those who wait for the trial's verdict are given.
func (p *pass) fail(err error) { p.lose(err, true) }

// failUncounted reports a failure that is no evidence for the breaker (a refused key, an exhausted quota, an unknown model): the trial's
// verdict is err and a forced try puts the route last, but the circuit stays as it is. Note the block before it.
func (p *pass) failUncounted(err error) { p.lose(err, false) }

// neutral reports that the attempt says nothing about the route: it was cancelled, abandoned, or never begun. A probe is free
// again, a forced try ends without a verdict, and the next call may try.
func (p *pass) neutral() {
	g := p.gate
	g.mu.Lock()
	defer g.unlockAndTell()
	if p.settled {
		return
	}
	p.settled = true
	if p.kind == passProbe {
		p.probeDone(errAttemptNeutral)
	}
	if p.kind != passClosed {
		p.endTrial(false, nil)
		g.announce()
	}
}

// win ends a trial as a success and makes its pass one of the new closed period. The caller holds gate.mu.
func (p *pass) win() {
	g := p.gate
	switch p.kind {
	case passClosed:
		return
	case passProbe:
		p.probeDone(nil)
	case passForced:
		g.breaker.reset()
		// A wait that the server named stands: it was named to another attempt while this one was out.
		g.blockedUntil = time.Time{}
	}
	g.failedAt = time.Time{}
	p.kind, p.period = passClosed, g.breaker.period
	p.endTrial(true, nil)
	g.announce()
}

func (p *pass) lose(err error, counts bool) {
	if err == nil {
		err = errAttemptFailed // a verdict without an error means that there is none
	}
	g := p.gate
	g.mu.Lock()
	defer g.unlockAndTell()
	if p.settled {
		return
	}
	p.settled = true
	switch p.kind {
	case passClosed:
		if counts {
			g.breaker.record(p.period, errAttemptFailed)
		}
		return
	case passProbe:
		if counts {
			p.probeDone(errAttemptFailed)
		} else {
			p.probeDone(errAttemptNeutral)
			g.announce() // the probe is free, unless a block keeps it
		}
	case passForced:
		g.failedAt = time.Now()
		if !counts {
			break
		}
		if g.breaker.circuit() == circuitClosed { // it was a block that kept calls out
			g.breaker.record(g.breaker.period, errAttemptFailed)
		} else {
			g.breaker.trip()
		}
	}
	p.endTrial(false, err)
}

// endTrial frees the route for the next trial and wakes those who wait for the verdict. The caller holds gate.mu.
func (p *pass) endTrial(ok bool, err error) {
	p.gate.trial = nil
	p.trial.close(ok, err)
}
