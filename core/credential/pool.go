package credential

import (
	"math"
	"sync"
	"time"
)

// longestRetired bounds how long a key is retired, unless the first time is
// longer.
const longestRetired = 10 * time.Minute

// Pool says which of the keys of a route is used next. It is safe for
// concurrent use. Its methods unlock without defer, and its times are counted
// from its beginning, which halves its code.
type Pool struct {
	began   time.Time
	retires time.Duration // a key that is refused, the first time

	mu   sync.Mutex // guards what follows
	keys []pooled
	next int // where the search for the next key begins
}

type pooled struct {
	retired  bool          // refused, or its quota is spent
	refusals int           // since it was accepted last
	at       time.Duration // of the last refusal that counted
	until    time.Duration // it is retired, or rests: its server asked to wait
}

// NewPool makes a pool of n keys, all ready. A key that is refused, or whose
// quota is spent, is tried again after a while, for its account may have been
// topped up, and after twice as long each further time in a row.
func NewPool(n int, retires time.Duration) *Pool {
	return &Pool{began: time.Now(), retires: retires, keys: make([]pooled, n)}
}

// Pick gives the number of the next key that is ready, in turns. If no key is
// ready, it gives the key whose rest ends first. A key that was retired is
// tried by one call at a time, and, if another is ready, by none whose key was
// refused just now: again.
func (p *Pool) Pick(now time.Time, again bool) int {
	then := now.Sub(p.began)
	p.mu.Lock()
	best, least := p.best(then, again)
	if k := &p.keys[best]; k.retired && least < 2 {
		p.pause(k, then)
	}
	p.next = (best + 1) % len(p.keys)
	p.mu.Unlock()
	return best
}

// Peek gives the key that a call would get whose key was refused just now, and
// takes no turn: a key that was retired is left to the call that tries it.
func (p *Pool) Peek(now time.Time) int {
	p.mu.Lock()
	best, _ := p.best(now.Sub(p.began), true)
	p.mu.Unlock()
	return best
}

// best is the key of Pick, and its rank: 0 is ready, 1 was retired, from 2 on
// keys rest. p.mu is held.
func (p *Pool) best(then time.Duration, again bool) (best, least int) {
	least = 4
	for i := range p.keys {
		at := (p.next + i) % len(p.keys)
		k := &p.keys[at]
		rank := 0
		if k.until > then {
			rank = 2
		}
		if k.retired && (again || rank > 0) {
			rank++
		}
		if rank < least || rank == least && rank > 1 && k.until < p.keys[best].until {
			best, least = at, rank
		}
	}
	return best, least
}

// pause takes a retired key out of use for a while. p.mu is held.
func (p *Pool) pause(k *pooled, then time.Duration) {
	d := p.retires
	for n := 1; n < k.refusals && d < longestRetired; n++ {
		d = min(2*d, longestRetired)
	}
	k.until = max(k.until, then+d)
}

// Retire takes a key out of use for a while, since an attempt that began at
// began found it refused. It reports whether other keys are left, and when the
// first key is ready: not after now, if one is. If none is left, all are used
// again. Attempts that were under way together are one refusal.
func (p *Pool) Retire(key int, began, now time.Time) (left bool, first time.Time) {
	then := now.Sub(p.began)
	p.mu.Lock()
	k := &p.keys[key]
	if k.refusals == 0 || began.Sub(p.began) > k.at {
		k.refusals++
		k.at = then
	}
	k.retired = true
	p.pause(k, then)
	for i := range p.keys {
		o := &p.keys[i]
		left = left || !o.retired || o.until <= then
	}
	if !left {
		for i := range p.keys {
			p.keys[i].retired, p.keys[i].until = false, 0
		}
	}
	p.mu.Unlock()
	return left, p.Rest(key, p.began)
}

// Accept notes that a key was accepted in an attempt that began at began. It
// ends no wait that the server asked for meanwhile (R4).
func (p *Pool) Accept(key int, began time.Time) {
	p.mu.Lock()
	if k := &p.keys[key]; k.refusals > 0 && began.Sub(p.began) > k.at {
		if k.retired {
			k.until = 0
		}
		k.retired, k.refusals = false, 0
	}
	p.mu.Unlock()
}

// Look tells whether a key was refused and not accepted since, and how long it
// is not used from now on.
func (p *Pool) Look(key int, now time.Time) (retired bool, wait time.Duration) {
	p.mu.Lock()
	k := p.keys[key]
	p.mu.Unlock()
	return k.refusals > 0, max(k.until-now.Sub(p.began), 0)
}

// Rest lets a key rest until a time, or all of them, if they share one limit:
// key -1. It reports when the first key is ready: not after now, if one is.
func (p *Pool) Rest(key int, until time.Time) time.Time {
	p.mu.Lock()
	first := time.Duration(math.MaxInt64)
	for i := range p.keys {
		k := &p.keys[i]
		if key < 0 || i == key {
			k.until = max(k.until, until.Sub(p.began))
		}
		first = min(first, k.until)
	}
	p.mu.Unlock()
	return p.began.Add(first)
}
