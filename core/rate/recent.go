package rate

import (
	"math"
	"time"
)

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
