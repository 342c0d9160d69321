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
		hub.Tell(observe.Observation{Kind: observe.Failover})
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
				hub.Tell(observe.Observation{Kind: observe.Failover})
			}
		})
	}
	<-sub.C()
	sub.Close()
	for range sub.C() {
	}
	tellers.Wait()
}
