package llm

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// sheet is what the answer should be: choice → kind → text, and choice →
// index of a tool call → arguments.
type sheet struct {
	texts [3][3]string
	calls [3]map[int]string
	ended [3]bool
}

// play turns bytes into chunks: which choice, what it adds, and which tool
// call. mark is in every text.
func play(program []byte, mark string, s *sheet) (chunks []*Chunk) {
	for i, b := range program {
		choice, what, index := int(b)%3, int(b)/3%6, int(b)/18%4
		piece := fmt.Sprintf("%s%d.", mark, i)
		c := ChunkChoice{Index: choice}
		d := &c.Delta
		switch what {
		case 0:
			d.Content = piece
		case 1:
			d.ReasoningContent = piece
		case 2:
			d.Refusal = piece
		case 3, 4:
			call := ToolCall{Index: index, Function: FunctionCall{Arguments: piece}}
			if s.calls[choice] == nil {
				s.calls[choice] = map[int]string{}
			}
			if s.calls[choice][index] == "" {
				call.ID, call.Type, call.Function.Name = fmt.Sprintf("%s-%d", mark, index), "function", fmt.Sprintf("%sf%d", mark, index)
			}
			s.calls[choice][index] += piece
			d.ToolCalls = []ToolCall{call}
		case 5:
			c.FinishReason, s.ended[choice] = "stop", true
		}
		if what < 3 {
			s.texts[choice][what] += piece
		}
		chunks = append(chunks, &Chunk{ID: mark, Model: mark, Choices: []ChunkChoice{c}})
	}
	return chunks
}

// However the pieces of texts, choices and tool calls take turns, each is
// joined with its own; and after a reset nothing is left of the first answer.
func FuzzAccumulator(f *testing.F) {
	f.Add([]byte{0, 0, 0}, []byte{0, 15})
	f.Add([]byte{9, 27, 9, 27, 45, 15}, []byte{63, 27, 9, 63, 27, 9})
	f.Add([]byte{0, 3, 6, 1, 4, 7, 2, 5, 8}, []byte{8, 5, 2, 7, 4, 1, 6, 3, 0, 15, 16, 17})
	f.Add([]byte{}, []byte{2})
	f.Fuzz(func(t *testing.T, first, second []byte) {
		var a Accumulator
		for _, answer := range []struct {
			program []byte
			mark    string
		}{{first, "A"}, {second, "b"}} {
			a.Reset()
			var want sheet
			seen := map[int]bool{}
			for _, c := range play(answer.program, answer.mark, &want) {
				a.Add(c)
				seen[c.Choices[0].Index] = true
			}
			r := a.Response()
			require.Equal(t, len(seen), len(r.Choices))
			for i := range r.Choices {
				c := &r.Choices[i]
				require.True(t, i == 0 || r.Choices[i-1].Index < c.Index, "choices are in order")
				require.Equal(t, want.texts[c.Index], [3]string{c.Message.Content, c.Message.ReasoningContent, c.Message.Refusal})
				require.Equal(t, want.ended[c.Index], c.FinishReason == "stop")
				checkCalls(t, want.calls[c.Index], c.Message.ToolCalls, answer.mark)
			}
			if len(answer.program) > 0 {
				require.Equal(t, answer.mark, r.Model)
			}
			data, err := r.MarshalJSON()
			require.NoError(t, err)
			if answer.mark == "b" {
				require.NotContains(t, string(data), "A", "nothing of the first answer")
			}
		}
	})
}

// checkCalls expects the calls in the order of their indexes, each whole.
func checkCalls(t *testing.T, want map[int]string, got []ToolCall, mark string) {
	require.Len(t, got, len(want))
	place := 0
	for index := range 4 {
		arguments, ok := want[index]
		if !ok {
			continue
		}
		require.Equal(t, FunctionCall{Name: fmt.Sprintf("%sf%d", mark, index), Arguments: arguments}, got[place].Function)
		require.Equal(t, fmt.Sprintf("%s-%d", mark, index), got[place].ID)
		place++
	}
}
