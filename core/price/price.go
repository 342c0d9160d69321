// Package price turns a usage into money: by what the provider says that the
// answer cost, else by the prices of the configuration or of
// a [Table] ([Price]). Streams and
// whole answers, and every attempt of a call, go through [Price.Of]. What is
// not known is nil, never 0. It imports core/llm.
package price

import (
	"cmp"
	"encoding/json"
	"strings"

	"github.com/llmagg/llmagg/core/llm"
)

// Rates are what tokens cost, for Per of a sort. A rate that is nil is that of
// the sort that it is part of; without any, the cost is not known.
type Rates struct {
	Input        *float64 `json:"input"`          // tokens of the prompt
	Output       *float64 `json:"output"`         // tokens of the answer, thoughts among them
	CachedInput  *float64 `json:"cached_input"`   // of Input, read from a cache
	CacheWrite   *float64 `json:"cache_write"`    // of Input, written to a cache
	CacheWrite1h *float64 `json:"cache_write_1h"` // of CacheWrite, for an hour
	InputAudio   *float64 `json:"input_audio"`    // of Input
	OutputAudio  *float64 `json:"output_audio"`   // of Output
}

// Price is what a model costs.
type Price struct {
	Rates
	Above    []Tier   `json:"-"`        // what longer prompts cost; from the shortest
	Services Services `json:"-"`        // what other service tiers cost, times the price
	Request  *float64 `json:"request"`  // of each request, whatever Per is
	Per      float64  `json:"per"`      // 1000000
	Currency string   `json:"currency"` // "USD"
	Date     string   `json:"-"`        // of the [Table] that it comes from; "" for none
}

// IsZero tells whether nothing is set.
func (p *Price) IsZero() bool {
	return p.Rates == (Rates{}) && len(p.Above) == 0 && len(p.Services) == 0 && p.Request == nil && p.Per == 0 && p.Currency == "" && p.Date == ""
}

// Check refuses what is no price; where names the model.
func (p *Price) Check(where string) error {
	if p.IsZero() {
		return nil
	}
	if p.Input == nil && p.Output == nil && p.Request == nil {
		return llm.Errorf(llm.InvalidArgument, "%s: the price has no \"input\", \"output\" or \"request\"; expected for example {\"input\": 2.5, \"output\": 10}", where)
	}
	per := &p.Per
	for _, r := range append(p.list(), rate{"request", &p.Request}, rate{"per", &per}) {
		if err := r.check(where + ": price."); err != nil {
			return err
		}
	}
	if err := p.checkAbove(where); err != nil {
		return err
	}
	c := p.Currency
	if c != "" && (len(c) != 3 || strings.Trim(c, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "") {
		hint := ""
		if upper := strings.ToUpper(c); upper != c && len(c) == 3 {
			hint = "; did you mean \"" + upper + "\"?"
		}
		return llm.Errorf(llm.InvalidArgument, "%s: price.currency must be the three letters of a currency, such as \"USD\"%s", where, hint)
	}
	return nil
}

// Of is the cost of an answer by its usage, and by the [ServiceTier] that the
// answer itself tells; nil where it is not known.
func (p *Price) Of(u *llm.Usage, tier string) *llm.Cost {
	if u == nil {
		if p.Request == nil || p.Input != nil || p.Output != nil {
			return nil
		}
		u = &llm.Usage{} // a price of the request needs none
	}
	if len(u.Extra) > 0 {
		// Gateways write 0 for what they do not know: a price of the
		// configuration knows better, one of the table need not.
		if amount, said := told(u.Extra); said && (amount > 0 || p.IsZero() || p.Date != "") {
			return &llm.Cost{Amount: amount, Currency: "USD", Source: llm.CostOfProvider}
		}
	}
	if p.IsZero() {
		return nil
	}
	if len(u.Extra) > 0 {
		tier = cmp.Or(ServiceTier(u.Extra), tier) // the usage knows best what is paid for
	}
	times, priced := p.Services.times(tier)
	amount, known := p.amount(u.Tokens())
	if !known || !priced && amount != 0 {
		return nil
	}
	amount *= times
	c := &llm.Cost{Amount: amount, Currency: p.Currency, Source: llm.CostOfPrice, Date: p.Date}
	if p.Date != "" {
		c.Source = llm.CostOfTable
	}
	c.Currency = cmp.Or(c.Currency, "USD")
	return c
}

// amount is what a request cost. The rates are those of its prompt's length,
// for all of its tokens.
func (p *Price) amount(t llm.Tokens) (amount float64, known bool) {
	r, known := p.at(count(t.Input))
	add := func(tokens int, prices ...*float64) {
		if tokens <= 0 {
			return
		}
		for _, price := range prices {
			if price != nil {
				amount += float64(tokens) * *price
				return
			}
		}
		known = false
	}
	if t.Input == nil || t.Output == nil {
		if r.Input != nil || r.Output != nil {
			return 0, false
		}
	} else {
		cached, written, written1h := count(t.Cached), count(t.Written), count(t.Written1h)
		heard, spoken := count(t.InputAudio), count(t.OutputAudio)
		if r.Input != nil || r.Output != nil {
			add(*t.Input-cached-written-heard, r.Input)
			add(cached, r.CachedInput, r.Input)
			add(written-written1h, r.CacheWrite, r.Input)
			add(written1h, r.CacheWrite1h, r.CacheWrite, r.Input)
			add(heard, r.InputAudio) // many times the price of text: not guessed
			add(*t.Output-spoken, r.Output)
			add(spoken, r.OutputAudio)
		}
	}
	per := cmp.Or(p.Per, 1e6)
	amount /= per
	if p.Request != nil {
		amount += *p.Request
	}
	return amount, known
}

func count(n *int) int {
	if n == nil {
		return 0
	}
	return *n
}

// told is the cost that gateways (OpenRouter and others) and some vendors put
// into a usage, in dollars. Where the upstream bills the caller's own key
// apart, that is part of it, and without that it is not known.
func told(usage llm.Extra) (amount float64, said bool) {
	for _, field := range [...]struct {
		name   string
		dollar float64
	}{{"cost", 1}, {"cost_in_usd_ticks", 1e10}, {"estimated_cost", 1}} { // the second is xAI's, the third DeepInfra's
		if amount, said = money(usage[field.name], "total_cost"); said {
			amount /= field.dollar
			break
		}
	}
	if string(usage["is_byok"]) == "true" {
		upstream, _ := money(usage["cost_details"], "upstream_inference_cost")
		return amount + upstream, said && upstream > 0
	}
	return amount, said
}

// money is an amount: a number, or an object with the total.
func money(raw json.RawMessage, total string) (amount float64, said bool) {
	if len(raw) > 0 && raw[0] == '{' {
		var fields map[string]json.RawMessage
		_ = llm.JSON.Unmarshal(raw, &fields)
		raw = fields[total]
	}
	if len(raw) == 0 || raw[0] < '0' || raw[0] > '9' || llm.JSON.Unmarshal(raw, &amount) != nil {
		return 0, false
	}
	return amount, true
}

// Expected is about what a call costs of which only the sizes are known, for
// comparisons; false where no price is known.
func (p *Price) Expected(input, output int) (amount float64, known bool) {
	if p.IsZero() {
		return 0, false
	}
	return p.amount(llm.Tokens{Input: &input, Output: &output})
}

// Most is the most that a request costs that has at most so many tokens,
// whatever caches give or take of them; hour tells that caches may be asked to
// keep them for an hour, tier the service that is asked for. It is false where
// that is not known.
func (p *Price) Most(input, output int, hour bool, tier string) (most float64, known bool) {
	times, known := p.Services.times(tier)
	if p.IsZero() || !known {
		return 0, false
	}
	for i := 0; ; i++ { // the longest prompt of each tier
		n, last := input, true
		if i < len(p.Above) && p.Above[i].InputTokens < input {
			n, last = p.Above[i].InputTokens, false
		}
		cases := []llm.Tokens{{}, {Cached: &n}, {Written: &n}, {Written: &n, Written1h: &n}}
		if !hour {
			cases = cases[:3]
		}
		for _, t := range cases {
			t.Input, t.Output = &n, &output
			amount, known := p.amount(t)
			if !known {
				return 0, false
			}
			most = max(most, amount)
		}
		if last {
			return most * max(times, 1), true // the usual service may answer
		}
	}
}
