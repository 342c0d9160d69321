package valkey_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/llmagg/llmagg/core/fleet"
)

// What requests ask for is counted for all, and a budget goes on where
// something else has the count's name.
func TestTokensThatAreAskedForAreCountedForAll(t *testing.T) {
	s := start(t)
	a, b := s.open2()
	budget := fleet.Budget{Route: "r", Of: fleet.Tokens, PerSecond: 20, Burst: 20, Asked: 700}
	n, asked, err := a.Lease(t.Context(), budget, 20)
	require.NoError(t, err)
	require.Equal(t, []int{20, 700}, []int{n, asked})
	budget.Asked = -100 // of requests that were refused
	_, asked, err = b.Lease(t.Context(), budget, 20)
	require.NoError(t, err)
	require.Equal(t, 600, asked, "also where nothing is given")
	s.say("SET llmagg:{default}:rate:r:tpm:asked nonsense")
	s.say("DEL llmagg:{default}:rate:r:tpm")
	n, asked, err = b.Lease(t.Context(), budget, 20)
	require.NoError(t, err)
	require.Equal(t, []int{20, 0}, []int{n, asked})
}
