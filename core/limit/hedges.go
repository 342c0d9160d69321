package limit

import (
	"sync"
	"time"
)

// hedgeShare and hedgeWindow bound hedges (S9): below a tenth of the calls of
// the last minute; one is always allowed.
const (
	hedgeShare  = 0.1
	hedgeWindow = time.Minute
)

// What the window of Hedges counts.
const (
	streamedCalls = iota
	hedges
)

// Hedges bounds the hedges among the streamed calls of the last minute.
type Hedges struct {
	mu     sync.Mutex // guards window
	window window
}

// NewHedges makes a limiter that has seen no call.
func NewHedges() *Hedges { return &Hedges{window: newWindow(hedgeWindow, time.Now())} }

// Call counts one more call.
func (h *Hedges) Call() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.window.advance(time.Now())
	h.window.add(streamedCalls)
}

// Allow takes a hedge if there may be one more.
func (h *Hedges) Allow() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.window.advance(time.Now())
	sums := h.window.sums
	if sums[hedges] > 0 && float64(sums[hedges]+1) >= hedgeShare*float64(sums[streamedCalls]) {
		return false
	}
	h.window.add(hedges)
	return true
}

// Unmade takes back an Allow whose hedge sent nothing.
func (h *Hedges) Unmade() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.window.advance(time.Now())
	h.window.takeBack(hedges, h.window.newest)
}
