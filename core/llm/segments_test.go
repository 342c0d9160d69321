package llm

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/llmagg/llmagg/tests/lineartime"
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

// What is asked about a text in pieces is what the joined text would answer.
func TestSegmentsAnswerWithoutBeingJoined(t *testing.T) {
	var s segments
	want := ""
	for i := range 60 {
		piece := strings.Repeat(string(rune('a'+i%7)), []int{1, 900, 2000, segmentSize, 0}[rand.IntN(5)])
		_, _ = s.WriteString(piece)
		want += piece
		for _, text := range []string{want, want + "z", "z" + want, want[:len(want)/2], want[len(want)/2:], ""} {
			rest, ok := s.cutFrom(text)
			wantRest, wantOK := strings.CutPrefix(text, want)
			require.Equal(t, wantOK, ok)
			require.True(t, wantRest == rest)
			require.Equal(t, strings.HasPrefix(want, text), s.beginsWith(text))
		}
		from := rand.IntN(len(want) + 1)
		var got strings.Builder
		for piece := range s.pieces(from) {
			got.WriteString(piece)
		}
		require.True(t, want[from:] == got.String())
		if i%20 == 19 {
			require.True(t, want == s.String())
		}
	}
}

// Pieces that are no deltas, and ids that are made up for every piece, are read
// in linear time although each piece is compared with what has come.
func TestLongTextsAreNotJoinedForEachPiece(t *testing.T) {
	const pieces, piece = 8_000, 5_000
	lineartime.Check(t, pieces, func(n int) func() {
		return func() {
			whole, calls := longTexts(n, piece)
			require.Equal(t, n*piece, len(whole.Response().Choices[0].Message.Content))
			require.Len(t, calls.Response().Choices[0].Message.ToolCalls, 1)
		}
	})
}

func longTexts(pieces, piece int) (whole, calls *Accumulator) {
	whole, calls = &Accumulator{}, &Accumulator{}
	for i := range pieces {
		text := fmt.Sprintf("%0*d", piece, 1_000_000_000-i) // none begins another
		text = text[piece-10:] + text[10:]
		whole.Add(&Chunk{Choices: []ChunkChoice{{Delta: Message{Content: text}, whole: &wholeMessage{Message: Message{Content: text}, alone: true}}}})
		calls.Add(&Chunk{Choices: []ChunkChoice{{Delta: Message{ToolCalls: []ToolCall{{ID: strconv.Itoa(i), Index: 0, Function: FunctionCall{Arguments: text}}}}}}})
	}
	return whole, calls
}
