package client

import (
	"cmp"
	"strconv"

	"github.com/llmagg/llmagg/core/config"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/price"
)

// findPrice looks for the price of a model whose configuration has none in the
// table that LLMAGG_PRICES names: by the vendor that the configuration names,
// else by the row of the table of vendors that was found for it.
func findPrice(cfg *config.Model, vendor string, getenv func(string) (string, bool)) error {
	if cfg.Price != (price.Price{}) {
		return nil
	}
	table, err := price.FromEnvironment(getenv)
	if table == nil || err != nil {
		return err
	}
	for _, name := range [...]string{cmp.Or(cfg.Like, cfg.Provider), vendor} {
		if cfg.Price, err = table.Of(name, cfg.Model); err != nil || cfg.Price != (price.Price{}) {
			return err
		}
	}
	return nil
}

// bytesOfToken is how many bytes of a request a token has at least, about.
const bytesOfToken = 3

// tooExpensive refuses the next attempt of a call that has a bound on its cost:
// as QUOTA, which is not the route's fault and goes to the next one.
func (t *turn) tooExpensive() *llm.Error {
	most := t.call.Payload.Options.MaxCost
	if most == nil {
		return nil
	}
	refuse := func(format string, args ...any) *llm.Error {
		return t.client.routed(llm.Errorf(llm.Quota, format, args...))
	}
	spent := t.call.Spent()
	if spent >= most.Amount {
		return refuse("the call has cost %.6g, and its max_cost is %.6g", spent, most.Amount)
	}
	if !most.Hard {
		return nil
	}
	p := t.call.Payload
	output, _ := strconv.Atoi(string(p.Field("max_tokens")))
	if longer, _ := strconv.Atoi(string(p.Field("max_completion_tokens"))); longer > output {
		output = longer
	}
	if output <= 0 {
		return &llm.Error{Code: llm.InvalidArgument, Message: "max_cost is hard, so the request needs max_tokens (or max_completion_tokens): without it, nobody knows what the answer may cost"}
	}
	could, known := t.client.cfg.Price.Expected(len(p.JSON())/bytesOfToken, output*max(p.N, 1))
	if !known {
		return refuse("max_cost is hard, and the price of the route is not known; set \"price\" in its configuration")
	}
	if spent+could > most.Amount {
		return refuse("an attempt could cost %.6g, and of max_cost %.6g are left", could, most.Amount-spent)
	}
	return nil
}
