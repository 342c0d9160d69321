package aggregator_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/llmagg/llmagg/core/config"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/stretchr/testify/require"
)

// A hedge is a request of its own: the rates of both routes are debited, also
// that of the route which lost.
func TestAHedgeIsDebitedOnceMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := play(t, func(_ string, cfg *config.Model) {
			cfg.Rate = config.Rate{RPM: 1, Burst: time.Minute}
		}, []act{{wait: 2 * time.Second, text: "slow"}}, []act{answer}, []act{answer})
		defer s.close(t)
		r, err := s.collect(t, llm.CallOptions{HedgeAfter: time.Second})
		require.NoError(t, err)
		require.Len(t, r.Attempts, 2)
		synctest.Wait()
		used := map[string]bool{}
		for _, route := range s.routes {
			used[route.Name()] = route.RateUsed() > 0.5
		}
		require.Equal(t, map[string]bool{"a": true, "b": true, "c": false}, used)
	})
}
