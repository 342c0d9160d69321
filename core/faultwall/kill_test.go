package faultwall_test

import (
	"sync"
	"testing"

	"github.com/llmagg/llmagg/core/faultwall"
	"github.com/stretchr/testify/require"
)

// Whatever the order in which several goroutines stop and start a wall, each
// call returns.
func TestKillAndReviveFromManyGoroutines(t *testing.T) {
	w, err := faultwall.Start(faultwall.Script{}, faultwall.Options{})
	require.NoError(t, err)
	defer w.Close()
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 500 {
				w.Kill()
				_ = w.Revive() // it may listen already
			}
		})
	}
	all.Wait()
}
