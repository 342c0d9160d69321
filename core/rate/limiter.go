// Package rate bounds how many requests and tokens a minute a route is asked
// for. A [Limiter] debits what a request is likely to cost (size.go), lets
// callers wait in line for it, settles by what the answer says it did cost, and
// learns limits from the headers of answers (told.go, learn.go). It imports
// nothing of this module.
package rate

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// Settings are a route's limits; the zero value has none and learns none.
type Settings struct {
	RPM, TPM float64       // requests and tokens a minute; 0: not limited here
	Burst    time.Duration // how much of a limit a full bucket holds
	Learn    bool          // from the headers of answers
}

// The two things that are limited.
const (
	requests = iota
	tokens
)

var names = [2]string{"rpm", Tokens}

// Tokens is the name of the limit of tokens.
const Tokens = "tpm"

// Limiter is the limiter of one route. It is safe for concurrent use; its times
// are those of time.Now.
type Limiter struct {
	_        [0]func() // is never compared: that would be code
	settings Settings
	began    time.Time     // of which times are counted
	active   atomic.Bool   // there is a limit
	silent   atomic.Uint32 // answers in a row that told no limit, while there is none

	mu          sync.Mutex // guards what follows
	buckets     [2]bucket
	used        [2]recent
	agedAt      time.Time // when used was right
	learned     [2]learned
	sizes       *sizes  // nil while there is no limit
	undebited   float64 // requests in flight when there was the first
	first, last *waiter // in line
	waiting     int
	ahead       [2]float64 // what those in line ask for
	lease       *lease     // nil where no process shares the limits
}

// New makes a limiter.
func New(s Settings) *Limiter {
	now := time.Now()
	l := &Limiter{settings: s, began: now, agedAt: now}
	for i, limit := range [2]float64{s.RPM, s.TPM} {
		if limit > 0 {
			l.begin()
			l.buckets[i].set(now, limit, limit/60*s.Burst.Seconds())
		}
	}
	return l
}

// now is time.Now by one clock instead of two: what is asked for each call.
func (l *Limiter) now() time.Time { return l.began.Add(time.Since(l.began)) }

// begin makes the limiter one that has a limit.
func (l *Limiter) begin() {
	if l.sizes == nil {
		l.sizes = &sizes{scale: 1}
	}
	l.active.Store(true)
}

// Active tells whether there is a limit, configured or learned. Without one
// nothing else need be called.
func (l *Limiter) Active() bool { return l.active.Load() }

// Debit is what one attempt has taken; the zero value is nothing. It is settled
// once, by Settle or Return.
type Debit struct {
	tokens float32    // at least one
	asked  float32    // that the request asked for at most
	mark   uint32     // of a sample of size.go; 0: it is none
	left   [2]float32 // in the buckets since then
}

func (d *Debit) taken() bool { return d.tokens > 0 }

// need is what a debit takes of each limit.
func (d *Debit) need() [2]float64 { return [2]float64{requests: 1, tokens: float64(d.tokens)} }

// waiter is a caller in line.
type waiter struct {
	need         [2]float64
	wake         chan struct{} // it is the first, or something came back
	before, next *waiter
}

// Take takes what a request of this size needs if it is there and nobody is in
// line.
func (l *Limiter) Take(s Size) (d Debit, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	d = l.debit(s)
	if l.first != nil || !l.take(l.now(), &d, s) {
		return Debit{}, false
	}
	return d, true
}

// Wait is Take for a caller that stands in line as long as ctx lasts. If ctx
// ends first, nothing is taken.
func (l *Limiter) Wait(ctx context.Context, s Size) (Debit, error) {
	if err := ctx.Err(); err != nil {
		return Debit{}, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	d := l.debit(s)
	if l.first == nil && l.take(l.now(), &d, s) {
		return d, nil
	}
	w := &waiter{need: d.need(), wake: make(chan struct{}, 1)}
	l.queue(w)
	defer l.leave(w)
	timer := time.NewTimer(longest)
	defer timer.Stop()
	for {
		wait := longest
		if l.first == w {
			now := l.now()
			if l.take(now, &d, s) {
				return d, nil
			}
			wait, _ = l.lacks(now, d.need())
		}
		timer.Reset(wait)
		l.mu.Unlock()
		var err error
		select {
		case <-timer.C:
		case <-w.wake:
		case <-ctx.Done():
			err = ctx.Err()
		}
		l.mu.Lock()
		if err != nil {
			return Debit{}, err
		}
	}
}

// debit is what a request needs. The caller holds mu, as for all that follow.
func (l *Limiter) debit(s Size) Debit {
	if l.reserves() {
		return Debit{tokens: float32(l.sizes.most(s))}
	}
	return Debit{tokens: float32(l.sizes.expect(s))}
}

// take takes what d needs if it is there.
func (l *Limiter) take(now time.Time, d *Debit, s Size) bool {
	l.freshen(now)
	need := d.need()
	if !l.buckets[requests].has(now, need[requests]) || !l.buckets[tokens].has(now, need[tokens]) {
		return false
	}
	l.age(now)
	l.sizes.takes(now, d, s)
	for i, n := range need {
		l.buckets[i].spend(n)
		d.left[i] = float32(l.buckets[i].left)
		if i == tokens {
			d.left[i] += float32(l.sizes.missed)
		}
		l.used[i].sum += n
		if l.lease != nil {
			l.lease.spends(now, &l.buckets[i], i, n)
		}
	}
	return true
}

// lacks is the time until what is needed is there, and what is missing longest.
func (l *Limiter) lacks(now time.Time, need [2]float64) (wait time.Duration, of int) {
	for i := range l.buckets {
		if d := l.buckets[i].lacks(now, need[i]); d > wait {
			wait, of = d, i
		}
	}
	return wait, of
}

func (l *Limiter) queue(w *waiter) {
	if w.before = l.last; w.before != nil {
		w.before.next = w
	} else {
		l.first = w
	}
	l.last = w
	l.waiting++
	for i := range l.ahead {
		l.ahead[i] += w.need[i]
	}
	if l.lease != nil {
		l.lease.ask()
	}
}

func (l *Limiter) leave(w *waiter) {
	if w.before != nil {
		w.before.next = w.next
	} else {
		l.first = w.next
	}
	if w.next != nil {
		w.next.before = w.before
	} else {
		l.last = w.before
	}
	l.waiting--
	for i := range l.ahead {
		l.ahead[i] -= w.need[i]
	}
	l.wakeFirst()
}

// wakeFirst makes the first in line look again.
func (l *Limiter) wakeFirst() {
	if l.first != nil {
		select {
		case l.first.wake <- struct{}{}:
		default:
		}
	}
}

// Shortage says why a request has to wait: for what, and for how long if
// nothing comes back meanwhile.
type Shortage struct {
	For  time.Duration
	Of   string  // "rpm" or "tpm"
	Unit string  // "requests" or "tokens"
	Max  float64 // the limit, a minute
	Used float64 // share of the limit that was used lately, at most 1
}

// Shortage is what a request of this size would have to wait for, behind those
// in line.
func (l *Limiter) Shortage(s Size) Shortage {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	l.freshen(now)
	d := l.debit(s)
	need := d.need()
	var out Shortage
	of := requests
	for i := range l.buckets {
		b := &l.buckets[i]
		wait := b.lacks(now, need[i])
		if l.waiting > 0 {
			wait = max(wait, b.until(now, l.ahead[i]+need[i]))
		}
		if i == requests || wait > out.For {
			out.For, of = wait, i
		}
	}
	out.Of, out.Unit = names[of], [2]string{"requests", "tokens"}[of]
	out.Max, out.Used = l.buckets[of].limit, l.share(now, of)
	return out
}

// share is what was used lately of a limit.
func (l *Limiter) share(now time.Time, of int) float64 {
	if l.buckets[of].limit == 0 {
		return 0
	}
	l.age(now)
	return min(l.used[of].perMinute()/l.buckets[of].limit, 1)
}

// Settle settles a debit by the tokens that the answer says it cost: what was
// too much comes back, what was too little is a debt. Negative numbers are not
// known. now is the time of the answer's end, which its caller knows already;
// s is what was taken for.
func (l *Limiter) Settle(now time.Time, d *Debit, s Size, input, output int) {
	of := *d
	*d = Debit{}
	if !of.taken() {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sizes.ends(&of)
	if input < 0 || output < 0 {
		return
	}
	cost := float64(input + output)
	l.doubt(cost)
	l.sizes.settles(s, cost)
	l.sizes.settle(s.Input, input, output)
	if more := float64(of.tokens) - cost; s.Most > 0 && more > 0 && l.reserves() {
		l.sizes.kept += more
		cost += more
	}
	l.giveBack(now, tokens, float64(of.tokens)-cost)
}

// Return gives a debit back: all of it, or only the tokens where the request
// was counted.
func (l *Limiter) Return(d *Debit, request bool) {
	of := *d
	*d = Debit{}
	if !of.taken() {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	l.sizes.ends(&of)
	l.giveBack(now, tokens, float64(of.tokens))
	if request { // the server has not let it in
		l.sizes.asked -= float64(of.asked)
		l.giveBack(now, requests, 1)
	}
}

// Refuse gives a debit back whose request the server refused, since it has less
// left than the buckets say. Where refusals are all that tells of it, what is
// given back would only let the next in line be refused, too.
func (l *Limiter) Refuse(d *Debit) {
	eased := false
	if d.taken() {
		l.mu.Lock()
		if eased = l.notesRefusal(l.now()); eased {
			l.sizes.asked -= float64(d.asked)
		}
		l.mu.Unlock()
	}
	if !eased {
		l.Return(d, true)
	}
}

// giveBack gives n back, or takes −n more.
func (l *Limiter) giveBack(now time.Time, of int, n float64) {
	l.age(now)
	l.used[of].sum -= n
	if l.lease != nil {
		l.lease.spends(now, &l.buckets[of], of, -n)
	}
	l.buckets[of].give(now, n)
	l.wakeFirst()
}

// Report is the state of a limiter.
type Report struct {
	Used    float64 // share of the limit that is used most, 0 to 1
	Binding string  // "rpm" or "tpm" if callers wait for it, else ""
	Waiting int     // callers in line
}

// Report gives the state now.
func (l *Limiter) Report() Report {
	if !l.Active() {
		return Report{}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	r := Report{Used: max(l.share(now, requests), l.share(now, tokens)), Waiting: l.waiting}
	if l.first != nil {
		if wait, of := l.lacks(now, l.first.need); wait > 0 {
			r.Binding = names[of]
		}
	}
	return r
}
