package rate

import (
	"math"
	"time"

	"golang.org/x/time/rate"
)

// bucket is a token bucket. [rate.Limiter] refills it, forgets what it cannot
// hold, and takes more than there is as a debt; it takes no negative numbers,
// so what comes back is kept beside it. The Limiter that owns a bucket guards
// it.
type bucket struct {
	limiter *rate.Limiter // nil: no limit
	back    float64       // given back, never negative

	limit    float64 // a minute
	capacity float64 // of the full bucket
	paced    bool    // refilled by leases, at about its limit (lease.go)
}

func perSecond(limit float64) rate.Limit { return rate.Limit(limit / 60) }

// set gives the bucket a limit a minute and what it holds when it is full. A
// bucket that had none begins full; the level of another stays.
func (b *bucket) set(now time.Time, limit, capacity float64) {
	capacity = max(math.Floor(capacity), 1)
	if b.limiter == nil {
		*b = bucket{limiter: rate.NewLimiter(perSecond(limit), int(capacity))}
	} else {
		b.limiter.SetLimitAt(now, perSecond(limit))
		b.limiter.SetBurstAt(now, int(capacity))
	}
	b.limit, b.capacity = limit, capacity
}

// slow makes the bucket refill at a share of its limit, and hold no more than
// capacity, until the next slow or set.
func (b *bucket) slow(now time.Time, share, capacity float64) {
	b.limiter.SetLimitAt(now, max(perSecond(b.limit*share), trickle))
	b.limiter.SetBurstAt(now, int(max(capacity, 1)))
}

// level is what can be taken now; below zero it is a debt.
func (b *bucket) level(now time.Time) float64 {
	tokens := b.limiter.TokensAt(now)
	b.back = min(b.back, float64(b.limiter.Burst())-tokens)
	return tokens + b.back
}

// take takes n, also where there are fewer.
func (b *bucket) take(now time.Time, n float64) {
	if b.limiter == nil || n <= 0 {
		return
	}
	b.level(now)
	b.back -= n
	whole := int(math.Ceil(-b.back)) // so that back is never negative, and a full bucket full
	if whole < 1 {
		return
	}
	burst := b.limiter.Burst()
	if whole > burst { // it reserves no more than it holds
		b.limiter.SetBurstAt(now, whole)
		defer b.limiter.SetBurstAt(now, burst)
	}
	b.limiter.ReserveN(now, whole)
	b.back += float64(whole)
}

// give gives n back.
func (b *bucket) give(now time.Time, n float64) {
	if b.limiter != nil && n > 0 {
		b.level(now)
		b.back += n
	}
}

// lower makes the level at most n.
func (b *bucket) lower(now time.Time, n float64) {
	if b.limiter != nil {
		b.take(now, b.level(now)-n)
	}
}

// lacks is the time until the level is n, 0 if it is. More than a full bucket
// is never there: whoever asks for it waits for a full one.
func (b *bucket) lacks(now time.Time, n float64) time.Duration {
	if b.limiter == nil {
		return 0
	}
	n = min(n, float64(b.limiter.Burst()))
	return b.until(now, n)
}

// until is lacks for any n: the time that so many take to come.
func (b *bucket) until(now time.Time, n float64) time.Duration {
	if b.limiter == nil {
		return 0
	}
	missing := n - b.level(now)
	if missing <= 1e-6 {
		return 0
	}
	if b.paced {
		return max(time.Duration(min(missing/float64(perSecond(b.limit))*1e9, float64(longest))), 5*time.Millisecond)
	}
	return time.Duration(min(math.Ceil(missing/float64(b.limiter.Limit())*1e9), float64(longest)))
}

// longest bounds a time that is calculated.
const longest = 365 * 24 * time.Hour
