package exchange

import (
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/llmagg/llmagg/core/wire"
)

// What is learned of one model is not remembered of the route's own, however
// many models its calls have named.
func TestMemoryOfManyModels(t *testing.T) {
	u := &Upstream{Options: Options{Model: "own"}, memory: new(memory)}
	of := func(model string) *memory { return u.memoryOf(&Exchange{Call: wire.Call{Model: model}}) }
	require.Same(t, u.memory, of("own"))
	first := of("0")
	for i := range 2 * maxModels {
		name := strconv.Itoa(i)
		require.NotSame(t, u.memory, of(name), i)
		require.Same(t, of(name), of(name), i)
	}
	require.Same(t, first, of("0"))
	require.NotSame(t, first, of("1"))
	require.LessOrEqual(t, len(u.memory.others), maxModels+1)
}
