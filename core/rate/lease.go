package rate

import (
	"math"
	"time"
)

// This file is for configured limits that several processes keep together: the
// buckets are not refilled by time, but by what is leased from the processes'
// store in portions (core/fleet).

// lease is the state of a limiter whose configured limits are leased.
type lease struct {
	hungry chan<- struct{} // has room for one: more is wanted

	on     [2]bool
	alone  [2]bool    // the store is out of reach: refilled by time
	spent  [2]float64 // in all
	seen   [2]float64 // spent when Wants looked last
	before [2]float64 // spent when the store was lost
	had    [2]float64 // level at that time
	share  [2]float64 // of the limits, since then
	debt   [2]float64 // what was spent without a lease, and is repaid
	pace   [2]float64 // of the demand, a second
	looked time.Time
	used   time.Time
	told   float64 // of what requests asked for at most, to the store
	all    float64 // what those of all processes did, as the store says
}

const (
	// portion is the share of a second's limit that is leased at once at most.
	portion = 0.25
	// advance is the share of a full bucket that may be spent before the first
	// lease, which repays it.
	advance = 0.1
	// stale is how long leased units are kept without use.
	stale = time.Second
	// trickle is the refill of a leased bucket: none.
	trickle = 1e-9
)

// Lease makes the limiter lease what is configured. It sends to hungry where it
// wants more; then Wants says how much, and Grant gives it. nil ends that.
func (l *Limiter) Lease(hungry chan<- struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	if l.lease != nil && hungry == nil {
		for i := range l.buckets {
			if b := &l.buckets[i]; l.lease.on[i] {
				b.paced = false
				b.set(now, b.limit, b.capacity)
			}
		}
		l.lease, l.sizes.fleet, l.sizes.others = nil, false, 0
		l.wakeFirst()
	}
	if hungry == nil || l.lease != nil {
		return
	}
	s := &lease{hungry: hungry, looked: now, used: now}
	for i := range l.buckets {
		b := &l.buckets[i]
		if l.configured(i) == 0 {
			continue
		}
		first := max(math.Floor(b.capacity*advance), 1)
		b.lower(now, first)
		level := max(b.level(now), 0)
		b.slow(now, 0, b.capacity)
		b.paced = true
		l.learned[i].slowed = false
		s.on[i], s.debt[i] = true, level
	}
	if s.on[requests] || s.on[tokens] {
		l.lease, l.sizes.fleet, s.told = s, true, l.sizes.asked
	}
}

// Configured gives the configured limits, a minute, and what a full bucket
// holds.
func (l *Limiter) Configured() (limits, capacities [2]float64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range limits {
		if limits[i] = l.configured(i); limits[i] > 0 {
			capacities[i] = l.buckets[i].capacity
		}
	}
	return limits, capacities
}

// Names gives the names of the two limits.
func Names() [2]string { return names }

// Wants says how much of each limit is to be leased now: for the callers in
// line, and for a quarter of a second as the last one was. asked is what
// requests asked for at most (max_tokens) since Grant was told.
func (l *Limiter) Wants() (n [2]int, asked int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.lease
	if s == nil {
		return n, 0
	}
	now := time.Now()
	passed := max(now.Sub(s.looked).Seconds(), 0.01)
	s.looked = now
	for i := range n {
		b := &l.buckets[i]
		if !s.on[i] || s.alone[i] {
			continue
		}
		s.pace[i] = max((s.spent[i]-s.seen[i])/passed, s.pace[i]*math.Exp(-passed*4))
		s.seen[i] = s.spent[i]
		level := b.level(now)
		if l.first == nil && now.Sub(s.used) > stale {
			b.lower(now, 0) // what is left was leased for a demand that there is no more
			continue
		}
		most, want := b.limit/60*portion, s.pace[i]*portion
		if l.first != nil {
			want = max(want, l.ahead[i])
			most = max(most, min(l.first.need[i], b.capacity)-level)
		}
		n[i] = int(math.Ceil(min(want-level, max(most, 1)) + min(s.debt[i], max(most, 1))))
		n[i] = max(n[i], 0)
	}
	return n, int(l.sizes.asked - s.told)
}

// Grant adds what was leased; debts are repaid first. Of tokens, the store was
// told what requests had asked for, and says how much those of all processes
// have: what the server takes of its limit shows by that (size.go).
func (l *Limiter) Grant(of, n, asked, all int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.lease
	if s == nil {
		return
	}
	if of == tokens {
		s.told += float64(asked)
		if float64(all) < s.all { // the store has lost its count
			l.sizes.from, l.sizes.next = sample{}, sample{}
		}
		s.all = float64(all)
		l.sizes.others = s.all - s.told
	}
	n = max(n, 0)
	repaid := min(float64(n), s.debt[of])
	s.debt[of] -= repaid
	l.buckets[of].give(time.Now(), float64(n)-repaid)
	l.wakeFirst()
}

// Unanswered notes that the store has perhaps counted what it was told, but its
// answer is lost, so that it will be told once more.
func (l *Limiter) Unanswered() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lease != nil {
		l.lease.all = math.Inf(1)
	}
}

// Alone has leased limits refilled by time at a share of them, since the store
// is out of reach; share 0 ends that, and what was spent meanwhile is owed, up
// to the share of a full bucket: the store's is full again, and no fuller,
// however long it was away.
func (l *Limiter) Alone(share float64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.lease
	if s == nil {
		return
	}
	now := time.Now()
	for i := range l.buckets {
		b := &l.buckets[i]
		switch {
		case !s.on[i]:
		case share > 0 && !s.alone[i]:
			s.alone[i], s.before[i], s.had[i], s.share[i] = true, s.spent[i], max(b.level(now), 0), share
			b.paced = false
			b.slow(now, share, b.capacity)
		case share == 0 && s.alone[i]:
			s.alone[i] = false
			spent := s.spent[i] - s.before[i]
			b.paced = true
			b.slow(now, 0, b.capacity)
			b.lower(now, max(s.had[i]-spent, 0))
			s.debt[i] = max(s.debt[i]+min(max(spent-s.had[i], 0), b.capacity*s.share[i]), 0)
		}
	}
	l.wakeFirst()
}

// spends notes what was taken, or given back, and asks for more where half is
// gone.
func (s *lease) spends(now time.Time, b *bucket, of int, n float64) {
	s.spent[of] += n
	if n <= 0 {
		return
	}
	s.used = now
	if s.on[of] && !s.alone[of] && b.level(now) < b.limit/60*portion/2 {
		s.ask()
	}
}

func (s *lease) ask() {
	select {
	case s.hungry <- struct{}{}:
	default:
	}
}
