package contract

import "github.com/llmagg/llmagg/core/llm"

// budgets are those of the Go door, by name; that of the name "" is every
// call's.
var budgets llm.Budgets

func callOptions(c *Command) (llm.CallOptions, error) {
	o, err := llm.ParseCallOptions(c.Second)
	if err == nil {
		err = budgets.Resolve(&o)
	}
	return o, err
}
