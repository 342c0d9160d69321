package strategy

import (
	"math"
	"time"
)

const (
	// memory is how old a measure is when the next weighs as much as all before.
	memory = 10 * time.Second
	// leastShare is what a measure weighs at least, however soon it follows.
	leastShare = 1.0 / 8
	// halving is the time in which the expectation of a route that is not asked
	// halves: sooner or later even the slowest is looked at again, and the slower
	// it was, the later.
	halving = 30 * time.Second
	// unknown is the expectation of a route that another call is measuring for
	// the first time, in seconds: more than any measure.
	unknown = 1e9
)

// Pace is the measured latency of a route: an average in which old measures
// fade. The zero value knows nothing. Its owner guards it.
type Pace struct {
	first, whole average // to a stream's first token; to a whole answer
}

type average struct {
	seconds float64
	at      time.Time // of the last measure; zero before the first
	looked  time.Time // when a call of this sort last chose the route
}

// Note enters a measure: how long a stream's first token or a whole answer
// took. A failure is entered as the time that it may cost.
func (p *Pace) Note(stream bool, took time.Duration, now time.Time) {
	a := p.of(stream)
	share := 1.0
	if !a.at.IsZero() {
		age := max(now.Sub(a.at), 0).Seconds()
		share = max(age/(age+memory.Seconds()), leastShare)
	}
	a.seconds += (took.Seconds() - a.seconds) * share
	a.at = now
}

func (p *Pace) of(stream bool) *average {
	if stream {
		return &p.first
	}
	return &p.whole
}

// look notes that a call has chosen the route: until its measure is there,
// others of its sort do not follow it out of curiosity.
func (p *Pace) look(stream bool, now time.Time) { p.of(stream).looked = now }

// expected is the expected latency in seconds. It falls with the time since the
// route was chosen or measured: 0 for a route that nobody has looked at.
func (p *Pace) expected(stream bool, now time.Time) float64 {
	a := p.of(stream)
	since := a.at
	if a.looked.After(since) {
		since = a.looked
	}
	if since.IsZero() {
		return 0
	}
	seconds := a.seconds
	if a.at.IsZero() {
		seconds = unknown
	}
	return seconds * math.Exp2(-max(now.Sub(since), 0).Seconds()/halving.Seconds())
}
