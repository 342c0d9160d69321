package aggregator

import (
	"strings"

	"github.com/llmagg/llmagg/core/client"
	"github.com/llmagg/llmagg/core/llm"
)

// CanKeepCost is INVALID_ARGUMENT if no bound of money can be kept for calls
// with this model ("" is the aggregator's own choice), since nobody would tell
// what any of its routes has cost.
func (a *Aggregator) CanKeepCost(model string) error {
	routes, err := a.routes(model)
	if err != nil {
		return nil // the call says it
	}
	return tellsCost(routes)
}

// tellsCost refuses a max_cost that none of the routes can keep. One that some
// can keep goes on, and the others say so once they have answered.
func tellsCost(routes []*client.Client) error {
	names := make([]string, 0, len(routes))
	for _, c := range routes {
		if c.TellsCost() {
			return nil
		}
		names = append(names, c.Route())
	}
	if len(names) == 0 {
		return nil // said elsewhere
	}
	return llm.Errorf(llm.InvalidArgument, "max_cost cannot be kept: no price is known of %s; %s", strings.Join(names, ", "), llm.AdviceOnPrices)
}
