//go:build llmagg_entry

package main

import (
	"runtime"
	"slices"
	"sync"
	"testing"
	"weak"

	"github.com/stretchr/testify/require"
)

func TestNothingRefersToAnObjectWhoseHandleWasFreed(t *testing.T) {
	q, err := newQueue()
	require.NoError(t, err)
	free, err := queueHandle(q)
	require.NoError(t, err)
	require.Contains(t, slices.Collect(live[*queue](q.kind())), q)
	var all sync.WaitGroup
	for range 4 {
		all.Go(free) // for one of them
	}
	all.Wait()
	require.NotContains(t, slices.Collect(live[*queue](q.kind())), q)
	gone := weak.Make(q)
	q = nil
	require.Eventually(t, func() bool { runtime.GC(); return gone.Value() == nil }, 10e9, 1e6)
}
