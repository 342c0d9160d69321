package manager

import (
	"sync"
	"time"
)

// hedgeShare and hedgeWindow bound hedges (S9): below a tenth of the calls of
// the last minute; one is always allowed.
const (
	hedgeShare  = 0.1
	hedgeWindow = 60 // seconds
)

// HedgeBudget counts the streamed calls and the hedges of each of the last
// seconds. The zero value is ready; it is safe for concurrent use.
type HedgeBudget struct {
	mu      sync.Mutex // guards what follows
	seconds [hedgeWindow]struct {
		second        int64 // since the Unix epoch; what is counted here
		calls, hedges int
	}
}

// Call counts one more call.
func (b *HedgeBudget) Call() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.seconds[b.present(time.Now().Unix())].calls++
}

// Allow takes a hedge if there may be one more.
func (b *HedgeBudget) Allow() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now().Unix()
	var calls, hedges int
	for i := range b.seconds {
		if s := &b.seconds[i]; now-s.second < hedgeWindow {
			calls += s.calls
			hedges += s.hedges
		}
	}
	if hedges > 0 && float64(hedges+1) >= hedgeShare*float64(calls) {
		return false
	}
	b.seconds[b.present(now)].hedges++
	return true
}

// present is where a second is counted. The caller holds mu.
func (b *HedgeBudget) present(second int64) int {
	i := second % hedgeWindow
	if s := &b.seconds[i]; s.second != second {
		s.second, s.calls, s.hedges = second, 0, 0
	}
	return int(i)
}
