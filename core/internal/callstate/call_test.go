package callstate

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/llmagg/llmagg/core/llm"
)

func TestAnAnswerGetsTheTrailOfItsCall(t *testing.T) {
	for _, models := range [][]string{{"a"}, {"a", "b"}, {"a", "b", "c"}} {
		call, scope := new(Begun).Begin(context.Background(), &llm.Payload{})
		defer scope.End(nil)
		for _, model := range models {
			entry := call.Attempt()
			call.Attempt() // never started, so never in the trail
			call.Start(entry, Waits{})
			call.End(entry, &llm.Attempt{Model: model})
		}
		var so, end llm.Response
		call.Complete(&so)
		call.Finish(&end)
		require.Len(t, end.Attempts, len(models))
		require.Equal(t, so.Attempts, end.Attempts)
		so.Attempts[0].Model = "changed"
		for i, model := range models {
			require.Equal(t, model, end.Attempts[i].Model)
		}
	}
}

// The first entry that is made may be one that never starts.
func TestATrailOfOneThatWasNotMadeFirst(t *testing.T) {
	call, scope := new(Begun).Begin(context.Background(), &llm.Payload{})
	defer scope.End(nil)
	call.Attempt()
	entry := call.Attempt()
	call.Start(entry, Waits{})
	call.End(entry, &llm.Attempt{Model: "second"})
	var r llm.Response
	call.Finish(&r)
	require.Len(t, r.Attempts, 1)
	require.Equal(t, "second", r.Attempts[0].Model)
}

func TestACallWithoutAttemptsFinishes(t *testing.T) {
	call, scope := new(Begun).Begin(context.Background(), &llm.Payload{})
	defer scope.End(nil)
	var r llm.Response
	call.Finish(&r)
	require.Empty(t, r.Attempts)
}
