package rate

import (
	"math"
	"time"
)

// bucket is a token bucket whose level may be negative, a debt, and to which
// what was too much comes back. Those two golang.org/x/time/rate lacks; with
// what had to stand beside its Limiter, a request cost 1 µs. Where both can
// say the same they agree (bucket_test.go). The Limiter that owns a bucket
// guards it.
type bucket struct {
	limit    float64 // a minute; 0: no limit
	capacity float64 // of the full bucket
	paced    bool    // refilled by leases, at about its limit (lease.go)

	perSecond float64 // refill: by limit, or slower
	most      float64 // level of the full bucket: capacity, or less
	left      float64 // level at that time
	at        time.Time
}

// set gives the bucket a limit a minute and what it holds when it is full. A
// bucket that had none begins full; the level of another stays.
func (b *bucket) set(now time.Time, limit, capacity float64) {
	capacity = max(math.Floor(capacity), 1)
	if b.limit == 0 {
		*b = bucket{left: capacity, at: now}
	} else {
		b.level(now)
	}
	b.limit, b.capacity = limit, capacity
	b.perSecond, b.most = limit/60, capacity
}

// slow makes the bucket refill at a share of its limit, and hold no more than
// capacity, until the next slow or set.
func (b *bucket) slow(now time.Time, share, capacity float64) {
	b.level(now)
	b.perSecond, b.most = max(b.limit*share/60, trickle), max(math.Floor(capacity), 1)
}

// hold makes the full bucket one of n, until the next hold, slow or set.
func (b *bucket) hold(now time.Time, n float64) {
	b.level(now)
	b.most = max(math.Floor(n), 1)
}

// level is what can be taken now; below zero it is a debt.
func (b *bucket) level(now time.Time) float64 {
	if passed := now.Sub(b.at); passed > 0 {
		b.left += b.perSecond * 1e-9 * float64(passed)
		b.at = now
	}
	b.left = min(b.left, b.most)
	return b.left
}

// take takes n, also where there are fewer; a negative n comes back.
func (b *bucket) take(now time.Time, n float64) {
	b.level(now)
	b.spend(n)
}

// spend is take at the time of the last look at the bucket.
func (b *bucket) spend(n float64) {
	if b.limit > 0 {
		b.left -= n
	}
}

// give gives n back.
func (b *bucket) give(now time.Time, n float64) { b.take(now, -n) }

// lower makes the level at most n.
func (b *bucket) lower(now time.Time, n float64) {
	b.left = min(b.level(now), n)
}

// has tells whether the level is n, or the bucket full: then lacks is 0.
func (b *bucket) has(now time.Time, n float64) bool {
	return b.limit == 0 || b.level(now) >= min(n, b.most)-enough
}

// enough is what may be missing of what is there: fractions of floats.
const enough = 1e-6

// lacks is the time until the level is n, 0 if it is. More than a full bucket
// is never there: whoever asks for it waits for a full one.
func (b *bucket) lacks(now time.Time, n float64) time.Duration {
	return b.until(now, min(n, b.most))
}

// until is lacks for any n: the time that so many take to come.
func (b *bucket) until(now time.Time, n float64) time.Duration {
	if b.limit == 0 {
		return 0
	}
	missing := n - b.level(now)
	if missing <= enough {
		return 0
	}
	if b.paced {
		return max(time.Duration(min(missing/b.limit*60e9, float64(longest))), 5*time.Millisecond)
	}
	return time.Duration(min(math.Ceil(missing/b.perSecond*1e9), float64(longest)))
}

// longest bounds a time that is calculated.
const longest = 365 * 24 * time.Hour

// recent is how much was used in about the last twenty seconds: older uses
// count less and less.
type recent struct {
	sum    float64
	weight float64 // seconds that sum stands for; they count less and less, too
}

const recently = 20 // seconds

// age makes what was used count less, by the time that has passed.
func (l *Limiter) age(now time.Time) {
	passed := now.Sub(l.agedAt)
	if passed <= 10*time.Millisecond {
		return
	}
	fade := math.Exp(-passed.Seconds() / recently)
	for i := range l.used {
		r := &l.used[i]
		r.sum *= fade
		r.weight = r.weight*fade + recently*(1-fade)
	}
	l.agedAt = now
}

func (r *recent) perMinute() float64 { return max(r.sum, 0) / max(r.weight, 1) * 60 }
