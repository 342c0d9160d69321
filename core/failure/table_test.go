package failure

import (
	"testing"

	"github.com/llmagg/llmagg/core/llm"
	"github.com/stretchr/testify/require"
)

// Every code that a call can end with on a route has a row, and no other.
func TestTheTableIsComplete(t *testing.T) {
	none := map[llm.Code]bool{llm.OK: true, llm.InvalidHandle: true, llm.Forked: true, llm.NotInitialized: true, llm.AllFailed: true}
	for _, code := range llm.Codes() {
		_, row := table[code]
		require.NotEqual(t, none[code], row, "%v", code)
	}
	require.Len(t, table, len(llm.Codes())-len(none))
}

// Rules may name the codes that say something of a route, and no other.
func TestRulesAreForFailuresOfRoutes(t *testing.T) {
	for _, code := range llm.Codes() {
		row, known := table[code]
		require.Equal(t, known && !row.left && !row.unsent && code != llm.InvalidArgument, code.OfRoute(), "%v", code)
	}
}
