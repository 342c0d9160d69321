package client

import (
	"strconv"

	"github.com/llmagg/llmagg/core/llm"
)

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
