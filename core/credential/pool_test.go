package credential

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestPoolUsesKeysInTurnsAndPassesOverThoseThatRestOrAreRetired(t *testing.T) {
	now := time.Unix(1e9, 0)
	p := NewPool(3)
	pick := func(at time.Time, n int) (picked []int) {
		for range n {
			picked = append(picked, p.Pick(at))
		}
		return picked
	}
	require.Equal(t, []int{0, 1, 2, 0}, pick(now, 4))
	ready, _ := p.Rest(1, now.Add(time.Minute), now)
	require.True(t, ready)
	require.Equal(t, []int{2, 0, 2, 0}, pick(now, 4))
	require.True(t, p.Retire(2))
	require.Equal(t, []int{0, 0}, pick(now, 2))
	ready, first := p.Rest(0, now.Add(2*time.Minute), now)
	require.False(t, ready)
	require.Equal(t, now.Add(time.Minute), first, "the first that wakes")
	ready, _ = p.Ready(now)
	require.False(t, ready)
	require.Equal(t, []int{1, 1}, pick(now, 2), "the one that rests the shortest")
	require.ElementsMatch(t, []int{0, 1}, pick(now.Add(3*time.Minute), 2))
	p.Rest(0, now, now)
	require.Equal(t, []int{1}, pick(now.Add(90*time.Second), 1), "a shorter rest does not end a longer")
}

func TestPoolWhoseLastKeyIsRefusedTakesAllBack(t *testing.T) {
	p := NewPool(2)
	require.True(t, p.Retire(0))
	require.False(t, p.Retire(1))
	ready, _ := p.Ready(time.Now())
	require.True(t, ready)
	require.ElementsMatch(t, []int{0, 1}, []int{p.Pick(time.Now()), p.Pick(time.Now())})
	p.RestAll(time.Now().Add(time.Minute))
	ready, _ = p.Ready(time.Now())
	require.False(t, ready)
}
