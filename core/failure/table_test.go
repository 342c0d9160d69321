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
