package limit

import (
	"sync"
	"time"
)

// retryWindow is the time over which Retries looks back (R5).
const retryWindow = 30 * time.Second

// What the window of Retries counts.
const (
	requests = iota
	sharedRetries
)

// Retries bounds a route's retries (R5) in two ways. A token bucket is filled
// with perSecond retries a second and holds those of one second (at least one
// retry, if perSecond is positive), so that a quiet route cannot save up for a
// burst. A retry that finds the bucket empty is charged to the share: such
// retries stay below ratio times the requests of the window. Hence a window has
// fewer retries than ratio·requests + perSecond·30 s + what the bucket held at
// its beginning.
type Retries struct {
	ratio, perSecond float64

	mu     sync.Mutex // guards what follows
	window window
	tokens float64
	filled time.Time // when the bucket was filled last
}

// NewRetries makes a limiter with a full bucket. ratio is retries per request,
// perSecond retries per second in addition; a negative number allows none.
func NewRetries(ratio, perSecond float64) *Retries {
	now := time.Now()
	r := &Retries{ratio: ratio, perSecond: perSecond, window: newWindow(retryWindow, now), filled: now}
	r.tokens = r.bucketSize()
	return r
}

func (r *Retries) bucketSize() float64 {
	if r.perSecond <= 0 {
		return 0
	}
	return max(r.perSecond, 1)
}

// Request counts a call's first attempt on the route, which began at now.
// Retries are not requests.
func (r *Retries) Request(now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.advance(now)
	r.window.add(requests)
}

// Unmade takes back a Request whose attempt sent nothing.
func (r *Retries) Unmade() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.advance(time.Now())
	r.window.takeBack(requests, r.window.newest)
}

// Charge is what [Retries.Allow] has counted for a retry; its zero is nothing.
type Charge struct {
	taken, shared bool
	part          int64 // of the window, if it is shared
}

// Taken tells whether the retry may be made.
func (c Charge) Taken() bool { return c.taken }

// Allow counts a retry, if one may be made now. A retry that is then not made
// gives its charge back.
func (r *Retries) Allow() Charge {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.advance(time.Now())
	if r.tokens >= 1 {
		r.tokens--
		return Charge{taken: true}
	}
	if float64(r.window.sums[sharedRetries]+1) >= r.ratio*float64(r.window.sums[requests]) {
		return Charge{}
	}
	r.window.add(sharedRetries)
	return Charge{taken: true, shared: true, part: r.window.newest}
}

// GiveBack takes back the charge of a retry that was not made.
func (r *Retries) GiveBack(c Charge) {
	if !c.taken {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.advance(time.Now())
	if c.shared {
		r.window.takeBack(sharedRetries, c.part)
	} else {
		r.tokens = min(r.bucketSize(), r.tokens+1)
	}
}

// advance moves the window and fills the bucket. The caller holds mu.
func (r *Retries) advance(now time.Time) {
	if size := r.bucketSize(); size > 0 {
		r.tokens = min(size, r.tokens+now.Sub(r.filled).Seconds()*r.perSecond)
	}
	r.filled = now
	r.window.advance(now)
}
