package limit

import "time"

// windowParts is how many parts a window moves in: it forgets so much of itself
// at a time.
const windowParts = 60

// window counts two kinds of events over a sliding time. Each operation takes
// constant time. The limiter that owns it guards it.
type window struct {
	part   time.Duration // length of a part
	start  time.Time     // beginning of part 0
	newest int64         // number of the newest part
	counts [windowParts][2]int64
	sums   [2]int64
}

func newWindow(length time.Duration, now time.Time) window {
	return window{part: max(length/windowParts, 1), start: now}
}

// add counts one event of a kind, 0 or 1. Call advance first.
func (w *window) add(kind int) {
	w.counts[w.newest%windowParts][kind]++
	w.sums[kind]++
}

// takeBack counts one event of a kind less in the part in which it was counted,
// unless the window has left that part behind. Call advance first.
func (w *window) takeBack(kind int, part int64) {
	if w.newest-part < windowParts {
		w.counts[part%windowParts][kind]--
		w.sums[kind]--
	}
}

// advance forgets what has left the window.
func (w *window) advance(now time.Time) {
	current := int64(now.Sub(w.start) / w.part)
	// At most one turn of the ring, however long nothing happened.
	for n := max(w.newest+1, current-windowParts+1); n <= current; n++ {
		old := &w.counts[n%windowParts]
		w.sums[0] -= old[0]
		w.sums[1] -= old[1]
		*old = [2]int64{}
	}
	w.newest = max(w.newest, current)
}
