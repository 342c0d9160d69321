package llmagg_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/llmagg/llmagg"
)

func TestAnObserverMayPanic(t *testing.T) {
	a := over(t, startWall(t, `{}`))
	a.Observe(func(llmagg.Observation) { panic("ouch") })
	text, err := a.Ask(t.Context(), "hi")
	require.NoError(t, err)
	require.Equal(t, "Hello from a.", text)
}

func TestObservationsHaveTheNumberOfTheCall(t *testing.T) {
	a := over(t, startWall(t, `{}`))
	calls := make(chan uint64, 16)
	stop := a.Observe(func(o llmagg.Observation) { calls <- o.Call })
	r, err := a.Chat(t.Context(), &llmagg.Request{Messages: hi})
	require.NoError(t, err)
	stop()
	require.Equal(t, r.CallID, <-calls)
	require.Len(t, a.Report(), 2)
}
