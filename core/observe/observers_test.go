package observe_test

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/llmagg/llmagg/core/observe"
)

// A loop over a subscription's channel ends when the subscription is closed,
// after what was buffered, whoever tells at the same time.
func TestALoopOverObservationsEnds(t *testing.T) {
	var hub observe.Observers
	sub := hub.Subscribe(2)
	for range 3 {
		hub.Tell(observe.Observation{Kind: observe.Failover}, nil)
	}
	sub.Close()
	sub.Close()
	n := 0
	for range sub.C() {
		n++
	}
	require.Equal(t, 2, n)
	require.EqualValues(t, 1, sub.Dropped())

	sub = hub.Subscribe(1)
	var tellers sync.WaitGroup
	for range 4 {
		tellers.Go(func() {
			for range 1000 {
				hub.Tell(observe.Observation{Kind: observe.Failover}, nil)
			}
		})
	}
	<-sub.C()
	sub.Close()
	for range sub.C() {
	}
	tellers.Wait()
}

// An observer that panics harms neither the call that it hears of nor the
// observers beside it.
func TestAnObserverThatPanics(t *testing.T) {
	var hub observe.Observers
	heard, panics := 0, []any(nil)
	hub.Listen(func(observe.Observation) { panic("ouch") })
	hub.Listen(func(observe.Observation) { heard++ })
	hub.Tell(observe.Observation{Kind: observe.Failover}, func(v any) { panics = append(panics, v) })
	hub.Tell(observe.Observation{Kind: observe.Failover}, nil)
	require.Equal(t, 2, heard)
	require.Equal(t, []any{"ouch"}, panics)
	require.PanicsWithValue(t, "llmagg: an observer is a nil function; expected a func(Observation)", func() { hub.Listen(nil) })
}
