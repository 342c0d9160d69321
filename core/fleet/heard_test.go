package fleet_test

import (
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/llmagg/llmagg/core/breaker"
	"github.com/llmagg/llmagg/core/config"
	"github.com/llmagg/llmagg/core/fleet"
	"github.com/llmagg/llmagg/core/observe"
)

// What a later version tells is not heard by who does not know it, but said,
// once of each kind, and of so many kinds only.
func TestWhatNobodyKnowsIsNotHeard(t *testing.T) {
	fleetOf(t, 1, func(s *fleet.Memory, p []*process) {
		data, err := p[0].member.Report().MarshalJSON()
		require.NoError(t, err)
		require.Contains(t, string(data), `"unknown":[]`)
		var seen []string
		defer p[0].m.Observers().Listen(func(v observe.Observation) {
			require.Equal(t, observe.FleetHeard, v.Kind)
			require.Equal(t, "told by process later; this version does not know the kind", v.Message)
			seen = append(seen, v.State)
		})()
		require.NoError(t, s.Tell(t.Context(), []fleet.Change{{Route: "r", What: "drained", For: time.Minute, Process: "later"}, {Route: "r", What: "wait", For: time.Minute, Process: "later"}}))
		settle()
		require.Equal(t, 1, p[0].member.Report().Heard)
		require.Equal(t, []string{"drained"}, p[0].member.Report().Unknown)
		changes := []fleet.Change{{What: "sk-0123456789abcdef0123456789", Process: "later"}, {What: "\xff", Process: "later"}}
		for i := range 1000 {
			changes = append(changes, fleet.Change{What: "drained", Process: "later"}, fleet.Change{What: breaker.What(strconv.Itoa(i)), Process: "later"})
		}
		require.NoError(t, s.Tell(t.Context(), changes))
		settle()
		said := p[0].member.Report().Unknown
		require.Len(t, said, 16)
		require.Equal(t, []string{"drained", "?", "0", "1"}, slices.Delete(slices.Clone(said[:5]), 1, 2))
		require.NotContains(t, said[1], "0123456789")
		require.Equal(t, said, seen)
	})
}

// A change of a known kind that holds for no time, or for longer than anybody
// tells, is said as one of an unknown kind is. One whose time is over is not.
func TestWhatHoldsForNoUsableTimeIsSaid(t *testing.T) {
	fleetOf(t, 1, func(s *fleet.Memory, p []*process) {
		var seen []string
		defer p[0].m.Observers().Listen(func(v observe.Observation) { seen = append(seen, v.State+": "+v.Message) })()
		for range 2 {
			require.NoError(t, s.Tell(t.Context(), []fleet.Change{
				{Route: "r", What: "opened", Process: "later"}, {Route: "r", What: "wait", For: time.Hour, Process: "later"},
				{Route: "r", What: "block", For: -time.Second, Process: "later"}, {Route: "r", What: "closed", For: time.Hour, Process: "later"},
			}))
		}
		settle()
		require.Equal(t, []string{"opened without a time", "wait for too long", "block without a time"}, p[0].member.Report().Unknown)
		require.Equal(t, "opened without a time: told by process later; this version cannot use it", seen[0])
		require.Len(t, seen, 3)
		require.Equal(t, 2, p[0].member.Report().Heard, "what closed needs no time")
		require.NoError(t, s.Tell(t.Context(), []fleet.Change{{Route: "q", What: "opened", For: time.Second, Process: "later"}}))
		time.Sleep(2 * time.Second) // on the bubble's clock
		late := join(t, s, nil)
		defer late.close()
		settle()
		require.Len(t, late.member.Report().Unknown, 3, "a time that is over is no mistake")
	})
}

// A report has what others told of routes, also of those that are not here, for
// as long as it holds.
func TestAReportHasWhatOthersTold(t *testing.T) {
	fleetOf(t, 2, func(s *fleet.Memory, p []*process) {
		listener := join(t, s, func(m *config.Model, _ *fleet.Options) { m.Model = "another" })
		defer listener.close()
		require.Empty(t, listener.member.Report().Routes)
		p[0].fail(5)
		p[0].breaker().BlockUntil(time.Now().Add(time.Minute))
		settle()
		first := p[0].member.Report().Process
		here, there := p[1].member.Report().Routes, listener.member.Report().Routes
		require.Len(t, here, 2)
		require.Equal(t, []string{"p/m"}, here[0].Names)
		require.Equal(t, []breaker.What{breaker.RouteOpened, breaker.RouteWaits}, []breaker.What{here[0].What, here[1].What})
		require.InDelta(t, 10, here[0].For.Seconds(), 0.1)
		require.InDelta(t, 60, here[1].For.Seconds(), 0.1)
		require.Equal(t, []string{first, first}, []string{here[0].Process, here[1].Process})
		require.Equal(t, here[0].Route, there[0].Route)
		require.Empty(t, there[0].Names)
		require.Empty(t, p[0].member.Report().Routes, "what it told itself it knows")
		time.Sleep(11 * time.Second) // on the bubble's clock
		require.Len(t, listener.member.Report().Routes, 1)
		time.Sleep(time.Minute) // on the bubble's clock
		require.Empty(t, listener.member.Report().Routes)
		data, err := listener.member.Report().MarshalJSON()
		require.NoError(t, err)
		require.Contains(t, string(data), `"routes":[]`)
	})
}
