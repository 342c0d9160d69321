package llm

import (
	"math"
	"slices"

	"github.com/llmagg/llmagg/core/internal/shown"
)

// Strategy says in which order an aggregator asks the routes of a group. Routes
// that are not usable are passed over, and a failure goes to the next route,
// whatever the strategy.
type Strategy string

// The values of [Strategy]; "" means order.
const (
	StrategyOrder     Strategy = "order"      // as the models are listed
	StrategyWeighted  Strategy = "weighted"   // at random, by the weights of the routes
	StrategyLatency   Strategy = "latency"    // the fastest first; slower routes are looked at again in time
	StrategyLeastBusy Strategy = "least_busy" // the route with the smallest share of its places taken first
	StrategyCost      Strategy = "cost"       // the cheapest first, by the configured prices; routes without one last
	StrategyUsage     Strategy = "usage"      // the most room left in its rate limits first
)

// Strategies lists the names.
var Strategies = []Strategy{StrategyOrder, StrategyWeighted, StrategyLatency, StrategyLeastBusy, StrategyCost, StrategyUsage}

// Check refuses a name that is no strategy.
func (s Strategy) Check() error {
	return checkWord("option \"strategy\"", string(s), strategyWords)
}

var strategyWords = func() (names []string) {
	for _, s := range Strategies {
		names = append(names, string(s))
	}
	return names
}()

// Routing is the order of routes that a binding of another language gives with
// a call over explicit routes.
type Routing struct {
	// Groups are the sizes of consecutive groups of the routes. A strategy
	// orders the routes of a group; all routes of a group are asked before those
	// of the next. Empty means one group.
	Groups []int
	// Order are the places of routes in the order in which they are asked; the
	// others follow. The function of an application chose it.
	Order []int
}

// text reads a text that is not empty.
func text(field func(*CallOptions) *string, expected string) func(*CallOptions, string, []byte) error {
	return func(o *CallOptions, key string, v []byte) error {
		if v[0] != '"' || JSON.Unmarshal(v, field(o)) != nil || *field(o) == "" {
			return Errorf(InvalidArgument, "option %q is %s; expected %s", key, shown.Value(v), expected)
		}
		return nil
	}
}

// routing reads a list of numbers of [Routing] into a copy of it, which other
// calls may share.
func routing(field func(*Routing) *[]int) func(*CallOptions, string, []byte) error {
	return func(o *CallOptions, key string, v []byte) error {
		var r Routing
		if o.Routing != nil {
			r = *o.Routing
		}
		if v[0] != '[' || JSON.Unmarshal(v, field(&r)) != nil || slices.ContainsFunc(*field(&r), func(n int) bool { return n < 0 || n > math.MaxInt32 }) {
			return Errorf(InvalidArgument, "option %q is %s; expected a list of numbers, such as [2, 1]", key, shown.Value(v))
		}
		o.Routing = &r
		return nil
	}
}
