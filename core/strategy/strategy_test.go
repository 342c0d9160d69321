package strategy_test

import (
	"fmt"
	"math"
	"strconv"
	"testing"
	"time"

	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/strategy"
	"github.com/stretchr/testify/require"
)

// route is a route of which everything is told.
type route struct {
	name         string
	weight, load float64
	used         float64
	price        float64 // less than 0: not known
	pace         strategy.Pace
}

func (r *route) Expected(in, out int) (float64, bool) {
	return r.price * float64(in+out), r.price >= 0
}
func (r *route) RateUsed() float64            { return r.used }
func (r *route) Route() string                { return r.name }
func (r *route) Weight() float64              { return r.weight }
func (r *route) Load() float64                { return r.load }
func (r *route) Paced(f func(*strategy.Pace)) { f(&r.pace) }

func some(weights ...float64) []*route {
	var routes []*route
	for i, w := range weights {
		routes = append(routes, &route{name: "p/" + strconv.Itoa(i), weight: w})
	}
	return routes
}

// requireShare holds a count of n draws to its share: five standard deviations,
// which a right share leaves once in two million runs.
func requireShare(t *testing.T, share float64, count, n int, what string) {
	t.Helper()
	require.InDelta(t, share*float64(n), float64(count), 5*math.Sqrt(float64(n)*share*(1-share)), what)
}

func TestWeighted(t *testing.T) {
	const n = 20000
	routes := some(1, 2, 7)
	first, second := map[int]int{}, map[int]int{}
	for range n {
		order := strategy.Arrange(strategy.Call{Strategy: llm.StrategyWeighted}, routes, nil)
		require.ElementsMatch(t, []int{0, 1, 2}, order)
		first[order[0]]++
		if order[0] == 2 {
			second[order[1]]++
		}
	}
	for i, r := range routes {
		requireShare(t, r.weight/10, first[i], n, r.name)
	}
	// Without the third, the others keep their shares of one to two.
	requireShare(t, 1.0/3, second[0], first[2], "second")
}

func TestGroupsKeepTheirOrder(t *testing.T) {
	routes := some(1, 1, 1, 1, 1)
	seen := map[string]bool{}
	for range 200 {
		order := strategy.Arrange(strategy.Call{Strategy: llm.StrategyWeighted}, routes, []int{2, 1})
		require.ElementsMatch(t, []int{0, 1}, order[:2])
		require.Equal(t, 2, order[2])
		require.ElementsMatch(t, []int{3, 4}, order[3:])
		seen[fmt.Sprint(order)] = true
	}
	require.Len(t, seen, 4)
}

func TestOrderIsTheListsOwn(t *testing.T) {
	require.Equal(t, []int{0, 1, 2}, strategy.Arrange(strategy.Call{Session: "s"}, some(1, 1, 9), nil))
}

func TestLeastBusy(t *testing.T) {
	routes := some(1, 1, 1)
	routes[0].load, routes[1].load, routes[2].load = 0.5, 0.1, 0.1
	first := map[int]int{}
	for range 2000 {
		order := strategy.Arrange(strategy.Call{Strategy: llm.StrategyLeastBusy}, routes, nil)
		require.Equal(t, 0, order[2])
		first[order[0]]++
	}
	requireShare(t, 0.5, first[1], 2000, "equally busy")
}

func TestCheapestFirst(t *testing.T) {
	routes := some(1, 1, 1, 1)
	routes[0].price, routes[1].price, routes[2].price, routes[3].price = -1, 3, 1, 1
	first := map[int]int{}
	for range 2000 {
		order := strategy.Arrange(strategy.Call{Strategy: llm.StrategyCost, Bytes: 400}, routes, nil)
		require.Equal(t, []int{1, 0}, order[2:], "a route without a price is the last")
		first[order[0]]++
	}
	requireShare(t, 0.5, first[2], 2000, "of the same price")
}

func TestTheMostRoomFirst(t *testing.T) {
	routes := some(1, 1, 1)
	routes[0].used, routes[1].used, routes[2].used = 0.9, 0.5, 0.1
	require.Equal(t, []int{2, 1, 0}, strategy.Arrange(strategy.Call{Strategy: llm.StrategyUsage}, routes, nil))
}

func TestSessionsStay(t *testing.T) {
	const n = 20000
	for _, name := range llm.Strategies[1:] {
		routes := some(1, 3)
		count, moved := 0, 0
		more := append(some(1, 3), &route{name: "p/new", weight: 4})
		for i := range n {
			c := strategy.Call{Strategy: name, Session: "user-" + strconv.Itoa(i)}
			order := strategy.Arrange(c, routes, nil)
			require.Equal(t, order, strategy.Arrange(c, routes, nil))
			if order[0] == 0 {
				count++
			}
			if now := strategy.Arrange(c, more, nil)[0]; now == 2 {
				moved++
			} else {
				require.Equal(t, order[0], now, "a session moved between old routes")
			}
		}
		requireShare(t, 0.25, count, n, string(name))
		requireShare(t, 0.5, moved, n, "to the new route")
	}
}

// simulate makes calls, each second ten of them, on routes of the given
// latencies, and counts who was asked.
func simulate(routes []*route, took func(at time.Duration, place int) time.Duration, stream bool, d time.Duration) (asked []int) {
	asked = make([]int, len(routes))
	begin := time.Unix(1e9, 0)
	for at := time.Duration(0); at < d; at += 100 * time.Millisecond {
		now := begin.Add(at)
		i := strategy.Arrange(strategy.Call{Strategy: llm.StrategyLatency, Stream: stream, Now: now}, routes, nil)[0]
		asked[i]++
		t := took(at, i)
		routes[i].pace.Note(stream, t, now.Add(t))
	}
	return asked
}

func TestLatencyAsksTheFastestAndLooksAgain(t *testing.T) {
	for _, stream := range []bool{false, true} {
		routes := some(1, 1, 1)
		asked := simulate(routes, func(_ time.Duration, i int) time.Duration {
			return []time.Duration{time.Second, 200 * time.Millisecond, 30 * time.Second}[i]
		}, stream, 10*time.Minute)
		require.Greater(t, asked[1], 5900, "of 6000")
		require.Greater(t, asked[0], 4, "five times slower: each 70 s")
		require.Less(t, asked[0], 15)
		require.Greater(t, asked[2], 1, "150 times slower: each 4 minutes")
		require.Less(t, asked[2], 5)
	}
}

func TestLatencyFindsARouteThatBecameFast(t *testing.T) {
	routes := some(1, 1)
	asked := simulate(routes, func(at time.Duration, i int) time.Duration {
		if i == 0 && at > time.Minute {
			return 100 * time.Millisecond
		}
		return []time.Duration{5 * time.Second, 500 * time.Millisecond}[i]
	}, false, 5*time.Minute)
	require.Greater(t, asked[0], 1200, "within two minutes after the change most calls go there: %v", asked)
}

func TestLatencySharesBetweenEquals(t *testing.T) {
	routes := some(1, 1)
	asked := simulate(routes, func(time.Duration, int) time.Duration { return time.Second }, false, 5*time.Minute)
	requireShare(t, 0.5, asked[0], asked[0]+asked[1], "equals")
}

func TestOneCallLooksAtARouteThatNobodyKnows(t *testing.T) {
	routes, now := some(1, 1), time.Unix(1e9, 0)
	routes[0].pace.Note(false, time.Second, now)
	first := map[int]int{}
	for range 64 {
		first[strategy.Arrange(strategy.Call{Strategy: llm.StrategyLatency, Now: now}, routes, nil)[0]]++
	}
	require.Equal(t, map[int]int{0: 63, 1: 1}, first)
}

// Whole answers say nothing of first tokens, nor does a route that they keep
// busy count as one that a stream is looking at.
func TestStreamsFindTheirFastestBesideWholeAnswers(t *testing.T) {
	routes, begin := some(1, 1), time.Unix(1e9, 0)
	asked := map[bool][]int{false: {0, 0}, true: {0, 0}}
	for i := range 3000 {
		now, stream := begin.Add(time.Duration(i)*100*time.Millisecond), i > 1200 && i%4 == 0
		at := strategy.Arrange(strategy.Call{Strategy: llm.StrategyLatency, Stream: stream, Now: now}, routes, nil)[0]
		took := []time.Duration{200 * time.Millisecond, 4 * time.Second}[at]
		routes[at].pace.Note(stream, took, now.Add(took))
		asked[stream][at]++
	}
	require.Greater(t, asked[false][0], 2500, "%v", asked)
	require.Greater(t, asked[true][0], 400, "of 450 streams, most go to the fast route: %v", asked)
}
