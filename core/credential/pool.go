package credential

import (
	"sync"
	"time"
)

// Pool says which of the keys of a route is used next. It is safe for
// concurrent use.
type Pool struct {
	mu   sync.Mutex // guards what follows
	keys []pooled
	next int // where the search for the next key begins
}

type pooled struct {
	retired bool      // refused, or its quota is spent
	until   time.Time // it rests: its server asked to wait
}

// NewPool makes a pool of n keys, all ready.
func NewPool(n int) *Pool { return &Pool{keys: make([]pooled, n)} }

// Pick gives the number of the next key that is ready, in turns. If no key is
// ready, it gives the key whose rest ends first.
func (p *Pool) Pick(now time.Time) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	best := -1
	for i := range p.keys {
		at := (p.next + i) % len(p.keys)
		if k := &p.keys[at]; !k.retired && (best < 0 || k.until.Before(p.keys[best].until) && p.keys[best].until.After(now)) {
			best = at
		}
	}
	best = max(best, 0)
	p.next = (best + 1) % len(p.keys)
	return best
}

// Retire takes a refused key out of use and reports whether other keys remain.
// If none does, all keys are used again.
func (p *Pool) Retire(key int) (left bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.keys[key].retired = true
	for i := range p.keys {
		left = left || !p.keys[i].retired
	}
	if !left {
		for i := range p.keys {
			p.keys[i].retired = false
		}
	}
	return left
}

// Rest lets a key rest until a time. It reports whether another key is ready,
// and, if none is, when the first will be.
func (p *Pool) Rest(key int, until, now time.Time) (ready bool, first time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if k := &p.keys[key]; until.After(k.until) {
		k.until = until
	}
	return p.state(now)
}

// RestAll lets all keys rest: they share one limit.
func (p *Pool) RestAll(until time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range p.keys {
		if k := &p.keys[i]; until.After(k.until) {
			k.until = until
		}
	}
}

// Ready reports whether a key is neither retired nor resting, and, if none is,
// when the first will be.
func (p *Pool) Ready(now time.Time) (ready bool, first time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.state(now)
}

// state is whether a key is ready, and else when the first will be. p.mu is
// held.
func (p *Pool) state(now time.Time) (ready bool, first time.Time) {
	for i := range p.keys {
		k := &p.keys[i]
		switch {
		case k.retired:
		case !k.until.After(now):
			return true, now
		case first.IsZero() || k.until.Before(first):
			first = k.until
		}
	}
	return false, first
}
