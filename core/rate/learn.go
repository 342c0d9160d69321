package rate

import (
	"cmp"
	"math"
	"net/http"
	"time"
)

// learned is what answers' headers have told of one limit.
type learned struct {
	_        [0]func() // is never compared: that would be code
	limit    float64   // that the bucket was set by; 0: none
	capacity float64
	higher   time.Time // since when only higher limits have been told; zero: they have not
	lied     bool      // an answer cost more than the limit: none is believed

	refills bool    // resets tell when a bucket is full, not when a window ends
	holds   float64 // most of the limit that the server's bucket seems to hold

	since       time.Time // when limit was first told; what was in flight then was not debited
	drift       float64   // what others used of the limit in the last minute
	driftAt     time.Time
	sharedUntil time.Time // others use the same limit
	slowed      bool

	told      bool      // headers tell of it
	share     float64   // of the limit that is used since 429s refused it all; 0: all
	shareAt   time.Time // when share was that
	easedAt   time.Time // when 429s took something off it last
	refusedAt time.Time // the last 429
}

const (
	// settled is how long a higher limit must be told before it is believed:
	// answers arrive out of order, so the lowest of this time counts.
	settled = 10 * time.Second
	// longestWindow is of limits that a bucket is set by. A day's limit need
	// not be spread over the day.
	longestWindow = 2 * time.Minute
	// shy is the share of a full bucket below which a route that shares it with
	// others slows down, the more the less is left: so all of them meet where
	// together they use what comes in.
	shy = 0.5
	// leastShare of a limit is used always, to learn when there is more.
	leastShare = 0.02
	// foreignShare of a limit must be used by others in a minute before it
	// counts as shared, or as much as this route has used lately, but at least
	// half of foreignShare: less is a wrong estimate.
	foreignShare = 0.1
	// fewRefusals in a minute can happen to a route that is alone.
	fewRefusals = 3
	// hush is after how many answers in a row without a limit only one in so
	// many is looked at: a server tells its limits always or never, and each
	// call would pay for the look.
	hush = 16
	// Where no header tells a limit, 429s do: more than one in refusedOften takes
	// easeBy off the share of the limit that is used, at most once in easeEvery,
	// and the share grows back by regain of the limit a second.
	refusedOften = 10 * time.Second
	easeBy       = 0.1
	easeEvery    = time.Second
	regain       = 0.005
	// grace is for the requests that were in flight when a limit was learned. It
	// is short, since processes that begin together each take what remains for
	// their own until they know of each other. Refusals have three times as long:
	// they come many at once.
	grace = 600 * time.Millisecond
	// undebitedFor is how long what was in flight then is no sign of others who
	// use the limit: drift forgets it in a few minutes.
	undebitedFor = 3 * time.Minute
)

// Learn reads the limits in the headers of the answer that d was for. A limit
// sets the bucket where none is configured; what remains only lowers it. If
// nothing remains until a time that is told, Learn returns that time: the route
// waits for it. inFlight is how many requests are: of those that began before
// there was a limit, nothing was debited.
func (l *Limiter) Learn(h http.Header, d *Debit, inFlight int) (wait time.Duration) {
	if !l.settings.Learn || l.silent.Load() >= hush && l.silent.Add(1)%hush != 0 {
		return 0
	}
	said, any := read(h)
	if !any {
		if !l.Active() {
			l.silent.Add(1)
		}
		return 0
	}
	l.silent.Store(0)
	now := l.now()
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.Active() {
		l.undebited = float64(inFlight)
	}
	for i := range said {
		if said[i].remaining < 1 && (h["Retry-After"] != nil || h["Retry-After-Ms"] != nil || h["X-Ms-Retry-After-Ms"] != nil) {
			said[i].resets = false // the server says itself when to come back; the reset may be that of a full bucket
		}
		wait = max(wait, l.hear(now, i, said[i], d))
	}
	l.wakeFirst()
	return wait
}

// hear applies what was told of one limit.
func (l *Limiter) hear(now time.Time, of int, t told, d *Debit) (wait time.Duration) {
	k, b := &l.learned[of], &l.buckets[of]
	if k.lied || t.limit == 0 || t.limit > 0 && t.remaining > t.limit {
		return 0 // nobody has such a limit
	}
	k.told = k.told || t.limit > 0 || t.remaining >= 0
	k.notesRefill(t)
	if t.remaining >= 0 && t.remaining < 1 && t.resets && t.reset > 0 && !k.refills {
		wait = t.reset
	}
	if !t.short() {
		return wait
	}
	if t.limit > 0 && l.configured(of) == 0 {
		l.setLearned(now, of, t)
	}
	if t.remaining < 0 || b.limit == 0 {
		return wait
	}
	if wait > 0 { // then the window begins anew
		b.give(now, b.capacity)
		return wait
	}
	if b.paced { // that others use the limit is known
		if of == tokens && t.limit > 0 {
			limit := t.perMinute()
			k.notesHolds(t, limit)
			l.hearsAdmission(now, t, d, limit)
		}
		b.lower(now, t.remaining)
		return wait
	}
	if d.taken() {
		l.misses(now, of, t.remaining, d)
	}
	k.notesHolds(t, b.limit)
	if of == tokens && l.lease == nil {
		b.give(now, l.hearsAdmission(now, t, d, b.limit))
	}
	if t.resets && !k.slowed {
		b.hold(now, min(b.capacity, k.holds))
	}
	if now.Before(k.sharedUntil) {
		share := min(max(t.remaining/(min(k.holds, b.limit)*shy), leastShare), 1)
		b.slow(now, share, min(b.capacity, b.limit/60*share))
		k.slowed = true
		if share < 0.9 { // this route alone would find more
			k.sharedUntil = now.Add(time.Minute)
		}
	}
	b.lower(now, t.remaining)
	return wait
}

// misses learns from what remained of a limit when a request was let in whose
// debit left more: others use it, or requests took more than was debited.
func (l *Limiter) misses(now time.Time, of int, remaining float64, d *Debit) {
	k, b := &l.learned[of], &l.buckets[of]
	missing := float64(d.left[of]) - remaining
	if of == tokens {
		missing -= l.sizes.missed
	}
	if now.Sub(k.since) >= grace {
		// The answer may be older than what came since it was sent.
		k.notesDrift(now, min(b.level(now)-remaining, missing), l.tolerated(now, of))
	}
	if of == tokens && missing > 0 && missing <= b.capacity && l.reserves() {
		b.take(now, missing)
		l.sizes.missed += missing
	}
}

// hearsAdmission learns what the server takes of the tokens, of which so many
// come a minute, and returns what comes back.
func (l *Limiter) hearsAdmission(now time.Time, t told, d *Debit, limit float64) (back float64) {
	k := &l.learned[tokens]
	refill := limit / 60
	if t.resets && !k.refills { // a window that begins anew
		refill = 0
	}
	return l.sizes.hears(now, d, t.remaining, k.holds, refill, now.Before(k.sharedUntil))
}

// reserves tells whether requests are debited with all tokens that they ask
// for.
func (l *Limiter) reserves() bool {
	return l.sizes.says && !l.sizes.at.IsZero() && !l.learned[tokens].lied && !l.sizes.usage
}

// configured is the limit of the configuration.
func (l *Limiter) configured(of int) float64 {
	return [2]float64{l.settings.RPM, l.settings.TPM}[of]
}

// setLearned sets a bucket by a told limit: at once if it is lower than what is
// known, after a while if it is higher.
func (l *Limiter) setLearned(now time.Time, of int, t told) {
	k := &l.learned[of]
	limit := t.perMinute()
	switch {
	case limit == k.limit:
		k.higher = time.Time{}
		return
	case k.limit > 0 && limit > k.limit:
		if k.higher.IsZero() {
			k.higher = now
		}
		if now.Sub(k.higher) < settled {
			return
		}
	}
	if k.limit == 0 {
		k.since = now
	}
	k.limit, k.capacity, k.holds, k.higher, k.slowed = limit, t.limit, 0, time.Time{}, false
	l.begin()
	l.buckets[of].set(now, limit, t.limit)
}

// perMinute is the limit of a minute.
func (t *told) perMinute() float64 {
	if t.window > 0 {
		return t.limit / t.window.Minutes()
	}
	return t.limit
}

// short tells whether the limit is one of about a minute: by its window if it
// was told, else by its reset, which is far away for the use so far where the
// limit is a day's.
func (t *told) short() bool {
	switch {
	case t.window > 0:
		return t.window <= longestWindow
	case !t.resets:
		return true
	case t.limit > 0 && t.remaining >= 0 && t.remaining < t.limit:
		full := float64(max(t.reset-t.slack, 0)) * t.limit / (t.limit - t.remaining)
		return full <= float64(longestWindow)
	}
	return t.reset <= longestWindow
}

// notesRefill learns from a limit that is partly used whether its reset is the
// time until a bucket is full.
func (k *learned) notesRefill(t told) {
	if !t.resets || t.limit <= 0 || t.remaining < 1 || t.remaining >= t.limit {
		return
	}
	full := time.Duration(float64(time.Minute) * (t.limit - t.remaining) / t.limit)
	k.refills = (t.reset - full).Abs() <= full/10+t.slack
}

// notesHolds learns how much the server's bucket holds: what remains, and what
// comes until the reset. A server may tell the limit of a minute and hold a
// second of it, of which little remains at any time. Where no reset is told, it
// holds the limit.
func (k *learned) notesHolds(t told, limit float64) {
	holds := limit
	if t.resets {
		holds = min(limit, t.remaining+limit/60*t.reset.Seconds())
	}
	k.holds = max(k.holds, holds, 1)
}

// notesDrift learns whether others use the limit: then less remains than this
// route's own use explains, in a minute by more than so much.
func (k *learned) notesDrift(now time.Time, missing, tolerated float64) {
	if passed := now.Sub(k.driftAt); passed > 0 {
		k.drift *= math.Exp(-passed.Minutes())
		k.driftAt = now
	}
	k.drift += max(missing, 0)
	if k.drift > tolerated {
		k.sharedUntil = now.Add(time.Minute)
	}
}

// tolerated is how much of a limit may be missing in a minute. What was in
// flight when the limit was learned is missing, too, for as long as drift
// remembers it.
func (l *Limiter) tolerated(now time.Time, of int) float64 {
	limit, began := l.buckets[of].limit, l.undebited
	if now.Sub(l.learned[of].since) > undebitedFor {
		began = 0
	}
	if of == tokens {
		began *= l.sizes.asked / max(l.sizes.taken, 1)
	}
	return max(min(limit*foreignShare, max(limit*foreignShare/2, l.used[of].sum)), began)
}

// notesRefusal learns from a refused request that others use the limit. eased
// tells whether less of it is used therefore, while callers are in line.
func (l *Limiter) notesRefusal(now time.Time) (eased bool) {
	for i := range l.learned {
		k, b := &l.learned[i], &l.buckets[i]
		if b.paced {
			continue
		}
		if now.Sub(k.since) >= 3*grace {
			k.notesDrift(now, l.tolerated(now, i)/fewRefusals, l.tolerated(now, i))
		}
		if b.limit > 0 && !k.told {
			k.ease(now, b)
			eased = eased || k.share > 0 && l.waiting > 0
		}
	}
	return eased
}

// ease makes a route use less of a limit that 429s say is lower.
func (k *learned) ease(now time.Time, b *bucket) {
	often := now.Sub(k.refusedAt) < refusedOften
	k.refusedAt = now
	if !often || now.Sub(k.easedAt) < easeEvery {
		return
	}
	k.easedAt = now
	k.share = cmp.Or(k.share, 1)
	k.use(now, b, max(k.share*(1-easeBy), leastShare))
}

// use lets the route use a share of the limit, all of it from 1 on.
func (k *learned) use(now time.Time, b *bucket, share float64) {
	k.share, k.shareAt = share, now
	if share >= 1 {
		k.share = 0
		b.set(now, b.limit, b.capacity)
		return
	}
	b.slow(now, share, b.capacity)
}

// freshen ends a slow time after a minute in which nobody else used the limit,
// and gives back some of what 429s took.
func (l *Limiter) freshen(now time.Time) {
	for i := range l.learned {
		k, b := &l.learned[i], &l.buckets[i]
		if k.slowed && !now.Before(k.sharedUntil) {
			k.slowed = false
			b.set(now, b.limit, b.capacity)
		}
		if k.share > 0 && !b.paced {
			if passed := now.Sub(k.shareAt); passed >= easeEvery {
				k.use(now, b, k.share+regain*passed.Seconds())
			}
		}
	}
}

// doubt drops a told limit of tokens if one answer cost more.
func (l *Limiter) doubt(cost float64) {
	k := &l.learned[tokens]
	if k.limit > 0 && cost > k.capacity {
		*k = learned{lied: true}
		l.buckets[tokens] = bucket{}
	}
}
