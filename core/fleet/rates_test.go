package fleet_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/llmagg/llmagg/core/fleet"
)

// Members of one fleet keep a rate together, whoever has the demand (all, one,
// or each half of them in turns), and a store that is away for a while changes
// nothing in the sum. What members without demand could have spent meanwhile is
// lost: each knows its own share only.
func TestARateIsKeptTogether(t *testing.T) {
	for demand, away := range map[string]int{"all": 0, "one": 7 * 5 * 100 / 8, "alternating": 4 * 5 * 100 / 8} {
		t.Run(demand, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := fleet.NewMemory()
				all := joinRated(t, s, 8)
				settle()
				ctx, stop := context.WithTimeout(t.Context(), 30*time.Second)
				defer stop()
				sum := 0
				go func() {
					time.Sleep(10 * time.Second) // on the bubble's clock
					s.Fail(errors.New("frozen"))
					time.Sleep(5 * time.Second) // on the bubble's clock
					s.Fail(nil)
				}()
				switch demand {
				case "all", "one":
					calling := callUntil(ctx, map[string][]*process{"all": all, "one": all[:1]}[demand])
					calling.Wait()
					sum = int(calling.taken.Load())
				case "alternating":
					for turn := range 10 {
						short, stop := context.WithTimeout(ctx, 3*time.Second)
						calling := callUntil(short, all[4*(turn%2):4*(turn%2)+4])
						calling.Wait()
						stop()
						sum += int(calling.taken.Load())
					}
				}
				t.Logf("%s: %d of 3000 and a burst of 100", demand, sum)
				require.LessOrEqual(t, sum, 3000+100+8, "limit and burst, and what was not yet repaid")
				require.GreaterOrEqual(t, sum, (3000-away)*95/100, "what was spent without the store is not paid back beyond a burst")
				for _, p := range all {
					p.close()
				}
			})
		})
	}
}

// After a long outage, in which the members kept the rate by their shares, they
// go on with it: the outage is not paid back a second time.
func TestALongOutageIsNotPaidBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := fleet.NewMemory()
		all := joinRated(t, s, 4)
		time.Sleep(2 * time.Second) // of synctest: each knows of the others
		ctx, stop := context.WithCancel(t.Context())
		calling := callUntil(ctx, all)
		time.Sleep(10 * time.Second)
		s.Fail(errors.New("frozen"))
		time.Sleep(60 * time.Second)
		s.Fail(nil)
		back := calling.taken.Load()
		time.Sleep(5 * time.Second)
		stop()
		calling.Wait()
		t.Logf("%d of 7500, %d of 500 in the 5 s after an outage of 60", calling.taken.Load(), calling.taken.Load()-back)
		require.GreaterOrEqual(t, calling.taken.Load()-back, int64(350))
		require.LessOrEqual(t, calling.taken.Load(), int64(7500+100+8))
		for _, p := range all {
			p.close()
		}
	})
}
