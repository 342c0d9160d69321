package fleet_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/llmagg/llmagg/core/config"
	"github.com/llmagg/llmagg/core/fleet"
)

// Managers of one process are members as those of two processes are, also where
// the route has another name; what is told in one store is not heard in
// another.
func TestManagersOfOneProcessAreMembers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		one, other := fleet.NewMemory(), fleet.NewMemory()
		agree := func(_ *config.Model, o *fleet.Options) { o.Agree = 1 }
		named := func(m *config.Model, o *fleet.Options) { m.Name, m.Model, o.Agree = "alias", "m", 1 }
		a, b, c := join(t, one, agree), join(t, one, named), join(t, other, agree)
		for _, p := range []*process{a, b, c} {
			defer p.close()
		}
		time.Sleep(3 * time.Second) // on the bubble's clock
		require.Equal(t, []int{2, 2, 1}, []int{a.member.Report().Processes, b.member.Report().Processes, c.member.Report().Processes})
		a.fail(5)
		a.breaker().BlockUntil(time.Now().Add(time.Minute))
		time.Sleep(time.Second)
		require.Equal(t, "open", b.circuit())
		require.InDelta(t, 59, b.c.Report().BlockedFor.Seconds(), 1)
		require.Equal(t, "closed", c.circuit())
		require.Zero(t, c.c.Report().BlockedFor)
		require.Zero(t, c.member.Report().Heard)
	})
}
