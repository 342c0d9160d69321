package client

import (
	"sync"
	"time"
)

// budgetSettings are the numbers of clause R5. Zero takes the default named beside it; a negative number gives nothing.
type budgetSettings struct {
	ratio     float64       // retries per request; 0.2
	perSecond float64       // retries per second beside that; 3
	window    time.Duration // over which ratio looks back; 30 s
}

func (s budgetSettings) withDefaults() budgetSettings {
	if s.ratio == 0 {
		s.ratio = 0.2
	}
	if s.perSecond == 0 {
		s.perSecond = 3
	}
	if s.window <= 0 {
		s.window = 30 * time.Second
	}
	return s
}

// budgetBuckets is how many parts the window moves in: 1 s each by default.
const budgetBuckets = 30

// budget bounds a route's retries (clause R5), from two purses. The first is filled with perSecond retries a second and holds one second's
// worth (at least one retry, if perSecond is positive), so that a quiet route cannot save up for a burst. Only what it does not pay
// is charged to the second, the share: retries charged to it within the window, the one in question included, stay below ratio
// times the window's requests. Hence within a window there are fewer retries than ratio*requests + perSecond*window + the first purse's content.
// Each operation takes constant time. Safe for concurrent use.
type budget struct {
	settings budgetSettings
	bucket   time.Duration

	mu       sync.Mutex // guards everything below
	start    time.Time  // beginning of bucket 0
	newest   int64      // number of the newest bucket
	requests [budgetBuckets]int64
	retries  [budgetBuckets]int64 // charged to the share
	sumReq   int64
	sumRetry int64
	purse    float64
	filled   time.Time // when purse was filled last
}

// newBudget makes a budget with a full purse.
func newBudget(s budgetSettings) *budget {
	s = s.withDefaults()
	now := time.Now()
	b := &budget{settings: s, bucket: max(s.window/budgetBuckets, 1), start: now, filled: now}
	b.purse = b.purseSize()
	return b
}

func (b *budget) purseSize() float64 {
	if b.settings.perSecond <= 0 {
		return 0
	}
	return max(b.settings.perSecond, 1)
}

// request notes a call's first attempt on the route; its retries are no requests.
func (b *budget) request() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.advance(time.Now())
	b.requests[b.newest%budgetBuckets]++
	b.sumReq++
}

// allowRetry tells whether a retry may be made now, and then counts it as made.
func (b *budget) allowRetry() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.advance(time.Now())
	if b.purse >= 1 {
		b.purse--
		return true
	}
	if float64(b.sumRetry+1) >= b.settings.ratio*float64(b.sumReq) {
		return false
	}
	b.retries[b.newest%budgetBuckets]++
	b.sumRetry++
	return true
}

// advance forgets what has left the window and fills the purse. The caller holds mu.
func (b *budget) advance(now time.Time) {
	if size := b.purseSize(); size > 0 {
		b.purse = min(size, b.purse+now.Sub(b.filled).Seconds()*b.settings.perSecond)
	}
	b.filled = now
	current := int64(now.Sub(b.start) / b.bucket)
	// At most one turn of the ring, however long nothing happened.
	for n := max(b.newest+1, current-budgetBuckets+1); n <= current; n++ {
		i := n % budgetBuckets
		b.sumReq -= b.requests[i]
		b.sumRetry -= b.retries[i]
		b.requests[i], b.retries[i] = 0, 0
	}
	b.newest = max(b.newest, current)
}
