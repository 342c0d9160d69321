package limit

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// allowed counts how many of n hedges may be made.
func allowed(b *Hedges, n int) (count int) {
	for range n {
		if b.Allow() {
			count++
		}
	}
	return count
}

func TestHedgesStayBelowATenthOfTheCallsOfTheLastMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewHedges()
		require.Equal(t, 1, allowed(b, 5), "one is always allowed")
		for range 100 {
			b.Call()
			time.Sleep(100 * time.Millisecond)
		}
		require.Equal(t, 8, allowed(b, 50), "9 of 100")
		time.Sleep(49 * time.Second)
		require.Zero(t, allowed(b, 50), "the calls are not forgotten yet, but used up")
		time.Sleep(12 * time.Second)
		require.Equal(t, 1, allowed(b, 50), "all of it is forgotten")
	})
}

func TestAHedgeThatSentNothingIsGivenBack(t *testing.T) {
	b := NewHedges()
	for range 100 {
		require.True(t, b.Allow())
		b.Unmade()
	}
	require.Equal(t, 1, allowed(b, 5))
}
