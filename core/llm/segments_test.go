package llm

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSegmentsAreTheTextThatWasWritten(t *testing.T) {
	for _, sizes := range [][]int{{}, {0}, {5}, {1 << 20}, {3, 70 << 10, 3}, {segmentSize, 1, segmentSize - 1, 1, 1}, {1023, 64 << 10, 1024, 1025}} {
		var s segments
		var want strings.Builder
		for i, size := range append(sizes, rand.IntN(100)) {
			piece := strings.Repeat(string(rune('a'+i)), size)
			_, _ = s.WriteString(piece)
			want.WriteString(piece)
			require.Equal(t, want.Len(), s.Len())
			if rand.IntN(2) == 0 {
				require.True(t, want.String() == s.String())
			}
		}
		require.True(t, want.String() == s.String(), "%v", sizes)
		s.Reset()
		require.Zero(t, s.Len())
		require.Empty(t, s.String())
	}
	var s segments
	for range 1 << 20 {
		_, _ = s.WriteString("ab")
	}
	require.True(t, strings.Repeat("ab", 1<<20) == s.String())
}
