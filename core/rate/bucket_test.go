package rate

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/time/rate"
)

// A bucket does what golang.org/x/time/rate does, where nothing comes back.
func TestABucketAgreesWithTheLibrary(t *testing.T) {
	for seed := range uint64(50) {
		r := rand.New(rand.NewPCG(seed, 1))
		now := time.Now()
		var b bucket
		b.set(now, 600, 20)
		other := rate.NewLimiter(10, 20)
		for range 200 {
			now = now.Add(time.Duration(r.IntN(500)) * time.Millisecond)
			switch r.IntN(8) {
			case 0:
				share := 0.1 + 0.9*r.Float64()
				b.slow(now, share, 20*share)
				other.SetLimitAt(now, rate.Limit(10*share))
				other.SetBurstAt(now, int(20*share))
			case 1:
				b.set(now, 600, 20)
				other.SetLimitAt(now, 10)
				other.SetBurstAt(now, 20)
			default:
				n := 1 + r.IntN(2)
				b.take(now, float64(n))
				other.ReserveN(now, n)
			}
			require.InDelta(t, other.TokensAt(now), b.level(now), 1e-5)
		}
	}
}

func TestWhatComesBackFillsNoMoreThanTheBucket(t *testing.T) {
	now := time.Now()
	var b bucket
	b.give(now, 5) // no limit: nothing
	require.Zero(t, b.until(now, 100))
	b.set(now, 60, 10)
	b.take(now, 25)
	require.Equal(t, 15*time.Second, b.until(now, 0))
	require.Equal(t, 25*time.Second, b.lacks(now, 100), "never more than a full bucket")
	b.give(now, 20)
	require.InDelta(t, 5, b.level(now), 1e-9)
	b.give(now, 20)
	require.InDelta(t, 10, b.level(now), 1e-9)
	require.InDelta(t, 10, b.level(now.Add(-time.Second)), 1e-9, "an older time refills nothing")
	b.lower(now, 3)
	require.InDelta(t, 3, b.level(now), 1e-9)
	b.lower(now, 30)
	require.InDelta(t, 3, b.level(now), 1e-9)
}
