//go:build fleet

package contract

import (
	"os"
	"testing"

	_ "github.com/llmagg/llmagg/core/fleet/valkey"
	"github.com/stretchr/testify/require"
)

// TestFleet runs the cases of fleets, which need a store and doors that are
// built with one: LLMAGG_CONTRACT_STORE is its address.
func TestFleet(t *testing.T) {
	store := os.Getenv("LLMAGG_CONTRACT_STORE")
	if store == "" {
		t.Skip("LLMAGG_CONTRACT_STORE names no store: make fleet-test")
	}
	cases, err := Load("fleet")
	require.NoError(t, err)
	require.NotEmpty(t, cases)
	through(t, cases)
}
