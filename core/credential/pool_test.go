package credential

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func newPool(n int) (p *Pool, now time.Time) {
	p = NewPool(n, time.Minute)
	return p, time.Now()
}

func TestPoolUsesKeysInTurnsAndPassesOverThoseThatRestOrAreRetired(t *testing.T) {
	p, now := newPool(3)
	pick := func(at time.Time, n int) (picked []int) {
		for range n {
			picked = append(picked, p.Pick(at, false))
		}
		return picked
	}
	require.Equal(t, []int{0, 1, 2, 0}, pick(now, 4))
	require.False(t, p.Rest(1, now.Add(time.Minute)).After(now))
	require.Equal(t, []int{2, 0, 2, 0}, pick(now, 4))
	left, first := p.Retire(2, now, now)
	require.True(t, left)
	require.False(t, first.After(now))
	require.Equal(t, []int{0, 0}, pick(now, 2))
	require.WithinDuration(t, now.Add(time.Minute), p.Rest(0, now.Add(2*time.Minute)), time.Millisecond, "the first that wakes")
	require.Equal(t, []int{1, 1}, pick(now, 2), "the one that rests the shortest")
	p.Accept(2, now.Add(-time.Second))
	require.Equal(t, []int{1}, pick(now.Add(59*time.Second), 1), "an attempt from before the refusal accepts nothing")
	require.ElementsMatch(t, []int{0, 1, 2}, pick(now.Add(3*time.Minute), 3), "a retired key is tried again")
	p.Rest(0, now)
	require.Equal(t, []int{1}, pick(now.Add(90*time.Second), 1), "a shorter rest does not end a longer")
}

func TestPoolWhoseLastKeyIsRefusedTakesAllBack(t *testing.T) {
	p, now := newPool(2)
	left, _ := p.Retire(0, now, now)
	require.True(t, left)
	left, first := p.Retire(1, now, now)
	require.False(t, left)
	require.False(t, first.After(now))
	for key := range 2 {
		retired, wait := p.Look(key, now)
		require.True(t, retired, "the report says what was found")
		require.Zero(t, wait)
	}
	require.ElementsMatch(t, []int{0, 1}, []int{p.Pick(now, false), p.Pick(now, false)})
	require.WithinDuration(t, now.Add(time.Minute), p.Rest(-1, now.Add(time.Minute)), time.Millisecond)
}

// Each second, calls ask for a key: 0 was refused, and stays so; 1 is good.
func TestARetiredKeyIsTriedAgainLaterEachTime(t *testing.T) {
	p, now := newPool(2)
	var tried []time.Duration
	refuse := func(at time.Time) {
		left, _ := p.Retire(0, at, at)
		require.True(t, left)
	}
	refuse(now)
	for since := time.Duration(0); since < time.Hour; since += time.Second {
		at := now.Add(since)
		if p.Pick(at, false) == 1 {
			continue
		}
		tried = append(tried, since)
		require.Equal(t, 1, p.Pick(at, false), "by one call at a time")
		require.Equal(t, 1, p.Pick(at, false), "by one call at a time")
		refuse(at)
	}
	for i := len(tried) - 1; i > 0; i-- {
		tried[i] -= tried[i-1]
	}
	for i, minutes := range []int{1, 2, 4, 8, 10, 10, 10, 10} {
		require.InDelta(t, minutes*60, tried[i].Seconds(), 2, "%v", tried)
	}
	later := now.Add(2 * time.Hour)
	retired, _ := p.Look(0, later)
	require.True(t, retired)
	p.Accept(0, later)
	retired, _ = p.Look(0, later)
	require.False(t, retired)
	refuse(later)
	_, wait := p.Look(0, later)
	require.Equal(t, time.Minute, wait, "an accepted key begins anew")
}

func TestRefusalsOfAttemptsThatWereUnderWayTogetherAreOne(t *testing.T) {
	p, now := newPool(2)
	for range 10 {
		left, _ := p.Retire(0, now, now.Add(time.Second))
		require.True(t, left)
	}
	_, wait := p.Look(0, now)
	require.Equal(t, 61*time.Second, wait)
}

func TestACallThatWasRefusedLeavesRetiredKeysAlone(t *testing.T) {
	p, now := newPool(3)
	for key := range 2 {
		left, _ := p.Retire(key, now, now)
		require.True(t, left)
	}
	later := now.Add(2 * time.Minute)
	require.Equal(t, 2, p.Pick(later, true))
	require.Equal(t, 2, p.Pick(later, true))
	require.Equal(t, 0, p.Pick(later, false))
	left, _ := p.Retire(2, later, later)
	require.True(t, left, "a retired key that may be tried is left")
	require.Equal(t, 1, p.Pick(later, true))
}

// A key was refused, with all others, and its server asked it to wait since:
// an attempt that ends well meanwhile does not end that wait (R4).
func TestAnAcceptedKeyRestsOn(t *testing.T) {
	p, now := newPool(2)
	p.Retire(0, now, now)
	p.Retire(1, now, now)
	then := now.Add(time.Second)
	p.Rest(0, now.Add(5*time.Minute))
	p.Accept(0, then)
	retired, wait := p.Look(0, now)
	require.False(t, retired)
	require.InDelta(t, 5*time.Minute, wait, float64(time.Millisecond))
	require.Equal(t, []int{1, 1}, []int{p.Pick(then, false), p.Pick(then, false)})
}
