package llm

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

// Several mistakes at once are told in the same order in each run, and thoughts
// under two names have the same one.
func TestAnswersAndMessagesAreTheSameInEachRun(t *testing.T) {
	same := func(what func() string) {
		first := what()
		for range 100 {
			require.Equal(t, first, what())
		}
	}
	wrong := json.RawMessage("{")
	same(func() string {
		_, err := (&Request{Messages: []Message{{Role: RoleUser, Content: "hi"}}, ToolChoice: wrong, FunctionCall: wrong, Extra: Extra{"a": wrong, "b": wrong}}).Payload()
		return err.Error()
	})
	same(func() string {
		var b Budgets
		for _, name := range []string{"dayx", "dayy", "dayz"} {
			require.NoError(t, b.Set(name, []byte("1")))
		}
		o := CallOptions{BudgetNames: []string{"dayw"}}
		return b.Named(&o).Error()
	})
	same(func() string {
		var acc Accumulator
		for _, piece := range []string{"a\xe4", "\xb8\xad", "b"} {
			thought := append(append([]byte{'"'}, piece...), '"')
			acc.Add(&Chunk{Choices: []ChunkChoice{{Delta: Message{ReasoningContent: piece, Extra: Extra{"reasoning": thought, "thinking": thought, "reasoning_text": thought}}}}})
		}
		data, err := json.Marshal(acc.Response())
		require.NoError(t, err)
		return string(data)
	})
}
