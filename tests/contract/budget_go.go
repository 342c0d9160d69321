package contract

import (
	"errors"
	"strings"

	"github.com/llmagg/llmagg/core/cache"
	"github.com/llmagg/llmagg/core/llm"
)

// budgets are those of the Go door, by name; that of the name "" is every
// call's.
var budgets llm.Budgets

// callOptions reads the options of a call; "accept": "ask" means that an answer
// with a yes in it is accepted.
func callOptions(c *Command) (llm.CallOptions, error) {
	o, err := llm.ParseCallOptions(c.Second)
	if err == nil {
		err = budgets.Resolve(&o)
	}
	if o.Accept == llm.AcceptAsk {
		o.Accept, o.Accepts = "", func(r *llm.Response) error {
			if strings.Contains(r.Text(), "yes") {
				return nil
			}
			return errors.New("there is no yes in it")
		}
	}
	return o, err
}

// cacheOf takes the cache that an aggregator's options give it out of them, nil
// for none: in Go it is no option of calls.
func cacheOf(o *llm.CallOptions) *cache.Cache {
	if o.CacheLimits == nil {
		return nil
	}
	limits := o.CacheLimits
	o.CacheLimits = nil
	return cache.New(cache.Options{Bytes: limits.Bytes, TTL: limits.TTL})
}
