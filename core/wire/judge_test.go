package wire_test

import (
	"testing"

	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/wire"
	"github.com/stretchr/testify/require"
)

func piece(index int, text, reason string) *llm.Chunk {
	return &llm.Chunk{Choices: []llm.ChunkChoice{{Index: index, Delta: llm.Message{Content: text}, FinishReason: reason}}}
}

// A judge goes from phase to phase as the chunks come; core/exchange compares
// what it rules with the clauses for every short stream.
func TestPhases(t *testing.T) {
	j := wire.NewJudge(&wire.WholeOrBroken, 2)
	require.Equal(t, wire.Waiting, j.Phase())
	require.Nil(t, j.Note(piece(0, "a", "null")))
	require.Equal(t, wire.Open, j.Phase(), "null is no reason")
	require.Equal(t, wire.Completes, j.Is(wire.Marked))
	j.Skip()
	require.Equal(t, wire.Torn, j.Phase())
	require.Equal(t, wire.Breaks, j.Is(wire.Marked))
	require.Nil(t, j.Note(piece(0, "", "stop")))
	require.Equal(t, wire.Early, j.Phase())
	require.Nil(t, j.Note(piece(1, "b", "length")))
	require.Nil(t, j.Note(piece(1, "", "length")), "a reason may come twice")
	require.Equal(t, wire.Finished, j.Phase())
	require.Equal(t, wire.Completes, j.Is(wire.Silent))
	require.Equal(t, wire.Breaks, j.Is(wire.Broken))
	require.Nil(t, j.Failure())
	require.Equal(t, 1, j.Skipped())
}

// Formats with a mark of their own: the end of the body alone completes
// nothing, the silence behind a finish reason does.
func TestPhasesOfFormatsWithAMark(t *testing.T) {
	j := wire.NewJudge(&wire.MarkedOrBroken, 1)
	require.Nil(t, j.Note(piece(0, "a", "")))
	require.Equal(t, wire.GoesOn, j.Is(wire.Silent))
	require.Nil(t, j.Note(piece(0, "", "stop")))
	require.Equal(t, wire.Completes, j.Is(wire.Silent))
	require.Equal(t, wire.Completes, j.Is(wire.Marked))
	require.Equal(t, wire.Breaks, j.Is(wire.Closed))
	require.Equal(t, wire.Breaks, j.Is(wire.Broken))
}

func TestAStreamThatBroughtNothingFails(t *testing.T) {
	j := wire.NewJudge(&wire.WholeOrBroken, 1)
	require.Nil(t, j.Note(piece(0, "", "unheard-of")))
	require.Equal(t, llm.BadResponse, j.Failure().Code)
}

func TestAStreamHasABoundedNumberOfChoices(t *testing.T) {
	j := wire.NewJudge(&wire.WholeOrBroken, 1)
	for i := range wire.MaxChoices {
		require.Nil(t, j.Note(piece(i, "a", "")))
	}
	require.Equal(t, llm.BadResponse, j.Note(piece(wire.MaxChoices, "a", "")).Code)
}

func TestDone(t *testing.T) {
	for _, mark := range []string{"[DONE]", " [done]\r", `"[DONE]"`, "[DONE] "} {
		require.True(t, wire.IsDone([]byte(mark)), mark)
	}
	for _, other := range []string{"", "{}", "[DON", "DONE", `{"a":"[DONE]"}`} {
		require.False(t, wire.IsDone([]byte(other)), other)
	}
}

func TestRoot(t *testing.T) {
	require.Equal(t, "https://h/v1/x", wire.RootOf("https://h/v1").With("/x", ""))
	require.Equal(t, "https://h/v1/x?alt=sse", wire.RootOf("https://h/v1").With("/x", "alt=sse"))
	require.Equal(t, "https://h/v1/x?a=b&alt=sse", wire.RootOf("https://h/v1?a=b").With("/x", "alt=sse"))
}

func TestWordsFor(t *testing.T) {
	require.Equal(t, []string{"streamoptions"}, wire.WordsFor("stream_options"))
	require.Equal(t, []string{"id"}, wire.WordsFor("contents.parts.functionCall.id"))
	require.Contains(t, wire.WordsFor("messages.content[thinking]"), "thoughts")
}
