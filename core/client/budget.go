package client

import (
	"bytes"
	"cmp"

	"github.com/llmagg/llmagg/core/config"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/price"
)

// findPrice looks for the price of a model whose configuration has none in the
// table that LLMAGG_PRICES names: by the vendor that the configuration names,
// else by the row of the table of vendors that was found for it.
func findPrice(cfg *config.Model, vendor string, getenv func(string) (string, bool)) error {
	if !cfg.Price.IsZero() {
		return nil
	}
	table, err := price.FromEnvironment(getenv)
	if table == nil || err != nil {
		return err
	}
	for _, name := range [...]string{cmp.Or(cfg.Like, cfg.Provider), vendor} {
		if cfg.Price, err = table.Of(name, cfg.Model); err != nil || !cfg.Price.IsZero() {
			return err
		}
	}
	return nil
}

// bytesOfToken is how many bytes of a request a token has at least, about.
const bytesOfToken = 3

// tooExpensive refuses the next attempt of a call that has a bound on its cost:
// as QUOTA, which is not the route's fault and goes to the next one. What the
// attempt could cost is reserved from the hard budgets.
func (t *turn) tooExpensive() *llm.Error {
	budgets, hard := t.call.Payload.Options.Budgets, false
	for _, b := range budgets {
		if err := b.Spent(); err != nil {
			return t.client.routed(err)
		}
		hard = hard || b.Hard()
	}
	if !hard {
		return nil
	}
	could, err := t.couldCost()
	if err != nil {
		return err
	}
	for i, b := range budgets {
		if err := b.Reserve(could); err != nil {
			for _, earlier := range budgets[:i] {
				earlier.Settle(could, nil, true)
			}
			return t.client.routed(err)
		}
	}
	t.reserved = could
	return nil
}

// couldCost is the most that an attempt may cost, by the price of the route,
// the size of the request and its max_tokens.
func (t *turn) couldCost() (float64, *llm.Error) {
	p := t.call.Payload
	input, output := len(p.JSON()), p.AnswerTokens()
	switch {
	case input == 0: // no chat: it has no output that is paid for
		input = t.call.Bytes
	case output == 0:
		return 0, &llm.Error{Code: llm.InvalidArgument, Message: "max_cost (or a budget) is hard, so the request needs max_tokens (or max_completion_tokens): without it, nobody knows what the answer may cost"}
	}
	asked := llm.Extra{}
	for _, name := range price.TierFields {
		asked[name] = p.Field(name)
	}
	could, known := t.client.cfg.Price.Most(input/bytesOfToken, output*max(p.N, 1), bytes.Contains(p.JSON(), []byte(`"1h"`)), price.ServiceTier(asked))
	switch {
	case !known && !t.client.cfg.Price.IsZero():
		return 0, t.client.routed(llm.Errorf(llm.Quota, "max_cost (or a budget) is hard, and the price of the route is not known of a request of this sort, service tier and length, about %d tokens", input/bytesOfToken))
	case !known:
		return 0, t.client.routed(llm.Errorf(llm.Quota, "max_cost (or a budget) is hard, and the price of the route is not known; "+llm.AdviceOnPrices))
	}
	return could, nil
}

// paidAs notes the service tier that an answer tells beside its usage.
func (a *attempt) paidAs(said llm.Extra) {
	if len(said) > 0 && !a.turn.client.cfg.Price.IsZero() {
		a.tier = cmp.Or(price.ServiceTier(said), a.tier)
	}
}

// settleBudgets enters what the attempt under way did cost into the budgets of
// the call.
func (t *turn) settleBudgets(cost *llm.Cost, free bool) {
	for _, b := range t.call.Payload.Options.Budgets {
		b.Settle(t.reserved, cost, free)
	}
	t.reserved = 0
}

// TellsCost tells whether the cost of an answer may be known: by a price, or
// since the vendor may say it, as gateways do.
func (c *Client) TellsCost() bool { return !c.silent }

// tellUnpriced writes to the log, once for each route, that a bound of money
// has no effect there.
func (t *turn) tellUnpriced() {
	if len(t.call.Payload.Options.Budgets) == 0 {
		return
	}
	c := t.client
	if l := c.options.Logger; l != nil && c.unpriced.CompareAndSwap(false, true) {
		l.Warn("max_cost or a budget has no effect: the cost of the route's answers is not known; "+llm.AdviceOnPrices, "provider", c.cfg.Provider, "model", c.cfg.Name)
	}
}
