package llm

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestArgumentsOfAnAnswerThatHasEnded(t *testing.T) {
	for _, test := range []struct{ reason, arguments, want, then string }{
		{"tool_calls", ``, `{}`, "tool_calls"},
		{"tool_calls", `null`, `{}`, "tool_calls"},
		{"stop", `""`, `{}`, "stop"},
		{"stop", ` [ ] `, `{}`, "stop"},
		{"length", `null`, `null`, "length"},
		{"", `null`, `null`, ""},
		{"tool_calls", `"{\"x\":1}"`, `{"x":1}`, "tool_calls"},
		{"tool_calls", "\n\"{}\" ", `{}`, "tool_calls"},
		{"length", `"{\"x\":1}"`, `{"x":1}`, "length"},
		{"tool_calls", `"{oops}"`, `"{oops}"`, "tool_calls"},
		{"tool_calls", `"text"`, `"text"`, "tool_calls"},
		{"tool_calls", `"{\"x\":1`, `"{\"x\":1`, "length"},
		{"length", `"{\"x\":1`, `"{\"x\":1`, "length"},
		{"length", ``, ``, "length"},
		{"tool_calls", `{"x":`, `{"x":`, "length"},
		{"stop", `{"x":"}`, `{"x":"}`, "length"},
		{"function_call", `{"x":[{}`, `{"x":[{}`, "length"},
		{"tool_calls", `{"x":"}{"}`, `{"x":"}{"}`, "tool_calls"},
		{"tool_calls", `{"x":1}}`, `{"x":1}}`, "tool_calls"},
		{"", `{"x":`, `{"x":`, "length"},
		{"content_filter", `{"x":`, `{"x":`, "content_filter"},
	} {
		f := FunctionCall{Name: "f", Arguments: test.arguments}
		before := Extra{"a": JSONOf(1)}
		for _, m := range []Message{{ToolCalls: []ToolCall{{Function: f}}}, {FunctionCall: &f}} {
			r := NewResponse(Choice{Message: m, FinishReason: test.reason, Extra: before})
			WholeCalls(r)
			c := &r.Choices[0]
			got := c.Message.FunctionCall
			if got == nil {
				got = &c.Message.ToolCalls[0].Function
			}
			require.Equal(t, test.want, got.Arguments, test)
			require.Equal(t, test.then, c.FinishReason, test)
			require.Len(t, before, 1, "it may be shared")
			if test.then != test.reason && test.reason != "" {
				require.JSONEq(t, `"`+test.reason+`"`, string(c.Extra[nativeReason]))
			}
		}
	}
}

func TestAnEmptyCallInTheOldFormIsNone(t *testing.T) {
	r := NewResponse(Choice{Message: Message{Content: "hi", FunctionCall: &FunctionCall{}}, FinishReason: "stop"})
	WholeCalls(r)
	require.Nil(t, r.Choices[0].Message.FunctionCall)
}

func TestAReasonWithArgumentsThatStopInTheirMiddle(t *testing.T) {
	var a Accumulator
	add := func(arguments, reason string) string {
		d := Message{NullContent: true, ToolCalls: []ToolCall{{Index: 0, ID: "a", Function: FunctionCall{Name: "f", Arguments: arguments}}}}
		return a.Add(&Chunk{Choices: []ChunkChoice{{Delta: d, FinishReason: reason}}}).Choices[0].FinishReason
	}
	require.Equal(t, "length", add(`{"x":`, "tool_calls"), "as far as it has come")
	require.Equal(t, "length", a.Whole().Choices[0].FinishReason)
	require.Equal(t, "tool_calls", add(`1}`, "tool_calls"))
	require.Equal(t, "tool_calls", a.Whole().Choices[0].FinishReason)
}

// Arguments that were encoded twice are encoded once in the deltas, too, in
// whatever pieces they come; what is no object that was encoded twice passes as
// it came.
func TestPiecesOfArgumentsThatWereEncodedTwice(t *testing.T) {
	joined := func(reason string, pieces ...string) (deltas, whole, finish string) {
		var a Accumulator
		for i, piece := range append(pieces, "") {
			d := Message{NullContent: true, ToolCalls: []ToolCall{{Index: 0, Function: FunctionCall{Arguments: piece}}}}
			if i == 0 {
				d.ToolCalls[0].ID, d.ToolCalls[0].Function.Name = "a", "f"
			}
			c := ChunkChoice{Delta: d}
			if i == len(pieces) {
				c = ChunkChoice{Delta: Message{NullContent: true}, FinishReason: reason}
			}
			for _, call := range a.Add(&Chunk{Choices: []ChunkChoice{c}}).Choices[0].Delta.ToolCalls {
				deltas += call.Function.Arguments
			}
		}
		r := a.Whole()
		return deltas, r.Choices[0].Message.ToolCalls[0].Function.Arguments, r.Choices[0].FinishReason
	}
	const object, twice = `{"x":"a \"b\" \\ é"}`, `"{\"x\":\"a \\\"b\\\" \\\\ \u00e9\"}"`
	for _, reason := range []string{"tool_calls", "length"} {
		for size := range len(twice) + 1 {
			var pieces, sums []string
			for rest := twice; rest != ""; {
				n := min(size+1, len(rest))
				pieces, rest = append(pieces, rest[:n]), rest[n:]
				sums = append(sums, twice[:len(twice)-len(rest)])
			}
			for _, pieces := range [][]string{pieces, append([]string{""}, pieces...), append([]string{" \n" + pieces[0]}, pieces[1:]...), append(pieces[:len(pieces):len(pieces)], twice), sums} {
				deltas, whole, finish := joined(reason, pieces...)
				require.Equal(t, object, deltas, "%q", pieces)
				require.Equal(t, object, whole, "%q", pieces)
				require.Equal(t, reason, finish)
			}
		}
	}
	for _, pieces := range [][]string{{`"te`, `xt"`}, {`"{oops`, `}"`}, {`"`, `{"x":1}"`}} {
		deltas, whole, _ := joined("tool_calls", pieces...)
		require.Equal(t, strings.Join(pieces, ""), deltas)
		require.Equal(t, deltas, whole)
	}
	deltas, whole, finish := joined("tool_calls", `"{\"x\":`, `\"a`)
	require.Equal(t, `"{\"x\":\"a`, deltas)
	require.Equal(t, deltas, whole)
	require.Equal(t, "length", finish)
}
