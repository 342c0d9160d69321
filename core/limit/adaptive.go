package limit

import (
	"sync"
	"sync/atomic"
	"time"
)

// Adaptive are the bounds of a limiter that finds its size itself.
type Adaptive struct{ Min, Max, Start int }

const (
	shrink   = 0.8             // what an overload leaves of the size
	ended    = 1.0 / 3         // what a quota leaves of it that ends slow start: it was full before
	grow     = 0.0015          // most that an answer adds, as a share of the size
	cutEvery = 2 * time.Second // many attempts tell of one overload
	probe    = 5 * cutEvery    // for so long a size that was too much is not tried again
	quiet    = time.Minute     // without attempts: then the size is Start again
)

// adaptive is how a Concurrency finds its size by overload answers. While its
// slots are full, the size grows: by one for each success until the first
// overload, then by two for each round of successes, but so slowly that an
// overload costs one refused attempt in more than a hundred. An overload takes
// a fifth away, at most once in two seconds; until then, slots of further
// attempts that are refused rest, so that callers who come back at once are not
// refused again and again. For ten seconds the size stays below the one that
// was too much. Latency says nothing: an answer's is its length.
//
// An overload that names a wait is a quota that is used up: after the wait
// there is room for little, and callers that all come back then are refused
// together. So all slots but Min rest, and each success opens two of them.
//
// The semaphore has Max slots. Those that are not open are kept; where all are
// taken, they are kept when they come back.
//
// An elastic limiter is adaptive only while somebody has borrowed it; then it
// has Start slots again. What it found out stays for the next borrower, as long
// as any size stays.
type adaptive struct {
	Adaptive
	borrowers atomic.Int32 // of an elastic limiter; others have one for ever
	owed      atomic.Int32 // slots to keep when they come back; changed under mu

	mu      sync.Mutex // guards what follows
	exact   float64    // the size before it is rounded
	resting int        // slots of the size that rest
	ramp    bool       // successes open them, not only the time
	open    int        // slots that may be taken
	paced   bool       // slow start is over: there was an overload
	cutAt   time.Time  // of the last cut
	ceiling float64    // the size that was cut then
	used    time.Time  // when an attempt began or ended last
	timer   *time.Timer
}

// NewAdaptive makes a limiter with Start slots that [Concurrency.Succeeded] and
// [Concurrency.Overloaded] change.
func NewAdaptive(a Adaptive) *Concurrency {
	l := NewElastic(a)
	l.Borrow()
	return l
}

// NewElastic makes a limiter with Start slots that is one of [NewAdaptive]
// between Borrow and Return.
func NewElastic(a Adaptive) *Concurrency {
	l := NewConcurrency(a.Max)
	l.adaptive = &adaptive{Adaptive: a, exact: float64(a.Max), open: a.Max, used: time.Now()}
	l.resize(float64(a.Start))
	return l
}

// Borrow makes an elastic limiter adaptive until Return, which each borrower
// calls once. A limiter with a fixed number of slots keeps it.
func (l *Concurrency) Borrow() {
	a := l.adaptive
	if a == nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.borrowers.Add(1) > 1 {
		return
	}
	l.begin()
	l.resize(a.exact)
}

// Return ends a Borrow.
func (l *Concurrency) Return() {
	a := l.adaptive
	if a == nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.borrowers.Add(-1) == 0 {
		found := a.exact
		l.resize(float64(a.Start))
		a.exact = found
	}
}

// Succeeded tells that an attempt was answered which began then. Its slot is
// still held.
func (l *Concurrency) Succeeded(began time.Time) {
	a := l.adaptive
	a.mu.Lock()
	defer a.mu.Unlock()
	a.used = time.Now()
	full := l.InFlight() >= a.open || l.Waiting() > 0
	switch {
	case !l.Adaptive(), began.Before(a.cutAt):
	case a.ramp && a.resting > 0:
		n := min(a.resting, 2)
		a.resting -= n
		l.setOpen(a.open + n)
	case !full || a.resting > 0:
	case a.paced:
		to := a.exact + min(2/a.exact, a.exact*grow)
		if a.used.Sub(a.cutAt) < probe {
			to = max(a.exact, min(to, a.ceiling-1))
		}
		l.resize(to)
	default:
		l.resize(a.exact + 1)
	}
}

// Overloaded tells that the server had too much to do for an attempt that began
// then, and for how long it asked to wait, 0 if it did not. The attempt's slot
// is still held. known is true where the size has followed from that already:
// the attempt began before.
func (l *Concurrency) Overloaded(began time.Time, wait time.Duration) (known bool) {
	a := l.adaptive
	a.mu.Lock()
	defer a.mu.Unlock()
	now := time.Now()
	a.used = now
	known = began.Before(a.cutAt)
	switch {
	case !l.Adaptive():
	case wait > 0:
		if !known {
			l.exhausted(now, min(wait, quiet))
		}
	case now.Sub(a.cutAt) >= cutEvery:
		l.cut(now, a.exact, shrink)
		return false
	case a.owed.Load() == 0 && a.open > a.Min:
		a.resting++
		l.setOpen(a.open - 1)
		if a.resting == 1 {
			a.restFor(l, cutEvery-now.Sub(a.cutAt))
		}
	}
	return known
}

// exhausted follows from a quota that is used up. What was in flight was too
// much, which may be less than the size; while slots rest that says nothing.
// The caller holds mu, as for all that follow.
func (l *Concurrency) exhausted(now time.Time, wait time.Duration) {
	a := l.adaptive
	from, by := a.exact, shrink
	if a.resting == 0 {
		from = min(from, float64(l.InFlight()))
	}
	if !a.paced {
		by = ended
	}
	l.cut(now, from, by)
	if n := int(a.exact) - a.Min; n > 0 {
		a.resting, a.ramp = n, true
		l.setOpen(a.Min)
		a.restFor(l, wait+cutEvery)
	}
}

// cut makes a share of a size that was too much the size.
func (l *Concurrency) cut(now time.Time, from, by float64) {
	a := l.adaptive
	a.cutAt, a.ceiling, a.paced = now, from, true
	l.resize(from * by)
}

// restFor bounds the time that slots rest.
func (a *adaptive) restFor(l *Concurrency, left time.Duration) {
	if a.timer == nil {
		a.timer = time.AfterFunc(left, l.rested)
	} else {
		a.timer.Reset(left)
	}
}

// rested opens the slots that rested.
func (l *Concurrency) rested() {
	a := l.adaptive
	a.mu.Lock()
	defer a.mu.Unlock()
	if l.Adaptive() {
		l.resize(a.exact)
	}
}

// resize changes the size, and ends all rest.
func (l *Concurrency) resize(to float64) {
	a := l.adaptive
	a.exact = min(max(to, float64(a.Min)), float64(a.Max))
	a.resting, a.ramp = 0, false
	l.size.Store(int64(a.exact))
	l.setOpen(int(a.exact))
}

// setOpen changes how many slots are open.
func (l *Concurrency) setOpen(n int) {
	a := l.adaptive
	for ; a.open < n; a.open++ {
		if a.owed.Load() > 0 {
			a.owed.Add(-1)
		} else {
			l.slots.Release(1)
		}
	}
	for ; a.open > n; a.open-- {
		if !l.slots.TryAcquire(1) {
			a.owed.Add(1)
		}
	}
}

// begin makes the size Start again after a quiet time.
func (l *Concurrency) begin() {
	a := l.adaptive
	now := time.Now()
	if now.Sub(a.used) > quiet && l.InFlight() == 0 {
		a.paced = false
		l.resize(float64(a.Start))
	}
	a.used = now
}

// keeps tells whether a slot that comes back is kept.
func (a *adaptive) keeps() bool {
	if a.owed.Load() == 0 {
		return false
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.owed.Load() == 0 {
		return false
	}
	a.owed.Add(-1)
	return true
}
