package rate

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// The p95 is that of the last 200 answers, whatever came before.
func TestTheP95IsOfTheLastAnswers(t *testing.T) {
	s := &sizes{scale: 1}
	var all []int32
	for range 2000 {
		all = append(all, rand.Int32N(50))
		s.note(all[len(all)-1])
		last := slices.Clone(all[max(0, len(all)-known):])
		slices.Sort(last)
		require.Equal(t, last, s.sorted[:len(last)])
		require.InDelta(t, last[(len(last)*95+99)/100-1], s.p95, 0)
	}
}
