package llm

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// joined gives the text that is joined of the pieces, and the one that a reader
// of the chunks gets.
func joined(pieces []string, finish bool) (whole, streamed string) {
	var a Accumulator
	add := func(c ChunkChoice) {
		streamed += a.Add(&Chunk{Choices: []ChunkChoice{c}}).Text()
	}
	for _, piece := range pieces {
		add(ChunkChoice{Delta: Message{Content: piece}})
	}
	if finish {
		add(ChunkChoice{Delta: Message{NullContent: true}, FinishReason: "stop"})
	}
	if rest := a.Rest(); rest != nil {
		streamed += rest.Text()
	}
	return a.Text(), streamed
}

func TestTextThatComesAgainIsThereOnce(t *testing.T) {
	for _, c := range []struct {
		want   string
		pieces []string
	}{
		{"One two three", []string{"One", "One two", "One two three"}},
		{"One two three", []string{"One", "One two", "One two three", "One two three"}},
		{"One two three", []string{"One", " two", " three", "One two three"}},
		{"One two three four", []string{"One", " two", " three", "One two three four"}},
		{"Grüße, 世界!", []string{"Grü", "Grüße, ", "Grüße, 世界", "Grüße, 世界!"}},
		{"The quick brown fox jumps over it", []string{"The quick brown fox jumps", "The quick brown fox jumps over it"}},
	} {
		for _, finish := range []bool{true, false} {
			whole, streamed := joined(c.pieces, finish)
			require.Equal(t, c.want, whole, "%q", c.pieces)
			require.Equal(t, c.want, streamed, "%q", c.pieces)
		}
	}
}

func TestPiecesThatBeginAlikeAreAllThere(t *testing.T) {
	for _, pieces := range [][]string{
		{"1", "1"}, {"1", "12"}, {"1", "12", "3"}, {"ha", "haha", "haha"}, {"好", "好的"}, {"a", "ab", "abab"},
		{"la la la la ", "la la la la "}, {"no no no no no no no no ", "no no no no no no no no no"},
		{"-", "--", "---", "----"}, {"=", "====", "========"}, {"", "a", "", "ab", ""}, {"One", "One two", "x"},
		{strings.Repeat("0", 40), strings.Repeat("0", 40), strings.Repeat("0", 40)},
	} {
		for _, finish := range []bool{true, false} {
			whole, streamed := joined(pieces, finish)
			require.Equal(t, strings.Join(pieces, ""), whole, "%q", pieces)
			require.Equal(t, strings.Join(pieces, ""), streamed, "%q", pieces)
		}
	}
}

// What waits for the next piece belongs to the partial text of a stream that
// breaks off then, and stands before what comes of another kind.
func TestAPieceThatWaitsIsInThePartialText(t *testing.T) {
	var a Accumulator
	for _, piece := range []string{"1", "12"} {
		a.Add(&Chunk{Choices: []ChunkChoice{{Delta: Message{Content: piece}}}})
	}
	require.Equal(t, "112", a.Text())
	a.Add(&Chunk{Choices: []ChunkChoice{{Delta: Message{Parts: []Part{Text("3")}}}}})
	require.Equal(t, "1123", a.Text())
}

// The thoughts of a stream whose deltas have all so far are there once, too.
func TestThoughtsThatComeAgainAreThereOnce(t *testing.T) {
	var a Accumulator
	for i := range 5 {
		a.Add(&Chunk{Choices: []ChunkChoice{{Delta: Message{NullContent: true, ReasoningContent: fmt.Sprint("Let me see"[:2*(i+1)])}}}})
	}
	require.Equal(t, "Let me see", a.Response().Choices[0].Message.ReasoningContent)
}

// Arguments that a server says again, after some of them or each time, are
// there once; an object in an object that begins alike is another.
func TestArgumentsThatComeAgainAreThereOnce(t *testing.T) {
	for want, pieces := range map[string][]string{
		`{"x":1}`:             {"{", `{"x":1}`},
		`{"x":1,"y":[2]}`:     {`{"x"`, `{"x":1`, `{"x":1,"y":[2`, `{"x":1,"y":[2]}`},
		`{"a":{"a":1}}`:       {`{"a":`, `{"a":1}`, "}"},
		`[[1]]`:               {"[", "[1]", "]"},
		`[[1],[2]]`:           {"[", "[1]", ",[2]", "]"},
		`{"c":"h","d":"{\""}`: {`{"c":"h"`, `{"c":"h","d":"{\""}`},
	} {
		for _, finish := range []bool{true, false} {
			var a Accumulator
			streamed := ""
			add := func(c *Chunk) {
				for _, choice := range c.Choices {
					for _, call := range choice.Delta.ToolCalls {
						streamed += call.Function.Arguments
					}
				}
			}
			for i, piece := range pieces {
				call := ToolCall{Index: 0, Function: FunctionCall{Arguments: piece}}
				if i == 0 {
					call.ID, call.Function.Name = "A", "f"
				}
				add(a.Add(&Chunk{Choices: []ChunkChoice{{Delta: Message{NullContent: true, ToolCalls: []ToolCall{call}}}}}))
			}
			if finish {
				add(a.Add(&Chunk{Choices: []ChunkChoice{{Delta: Message{NullContent: true}, FinishReason: "tool_calls"}}}))
			} else if rest := a.Rest(); rest != nil {
				add(rest)
			}
			calls := a.Response().Choices[0].Message.ToolCalls
			require.Len(t, calls, 1)
			require.Equal(t, want, calls[0].Function.Arguments, "%q", pieces)
			require.Equal(t, want, streamed, "%q", pieces)
		}
	}
}

// Thoughts that wait may end inside a character, whose rest the next piece has.
func TestAPieceThatWaitsMayEndInsideACharacter(t *testing.T) {
	for _, pieces := range [][]string{{"cy", "cy[\xed\xa0\xbd", "\xed\xb8\x80c"}, {"cy", "cy[\xf0\x9f", "\x98\x80c"}} {
		var a Accumulator
		streamed := ""
		for _, piece := range pieces {
			c := a.Add(&Chunk{Choices: []ChunkChoice{{Delta: Message{NullContent: true, ReasoningContent: piece}}}})
			streamed += c.Choices[0].Delta.ReasoningContent
		}
		require.Equal(t, "cycy[😀c", a.Response().Choices[0].Message.ReasoningContent)
		require.Equal(t, "cycy[😀c", streamed)
	}
}
