package client

import "github.com/llmagg/llmagg/core/llm"

// errEmpty refuses an answer of which nothing can be used.
var errEmpty = llm.Errorf(llm.BadResponse, "the answer is empty, and the option \"accept\" is \"nonempty\"")

// judgeAnswer lets the call's options look at a whole answer: an error refuses
// it. The attempt was paid for, and its route did answer: it is no evidence for
// the breaker.
func (a *attempt) judgeAnswer(r *llm.Response) error {
	o := &a.turn.call.Payload.Options
	if o.Accept == llm.AcceptNonempty && r.Empty() {
		return errEmpty
	}
	if o.Accepts == nil {
		return nil
	}
	a.timer.Stop() // the server is done
	var refused error
	if failed := a.turn.client.Rescue("accept function", func() { refused = o.Accepts(r) }); failed != nil {
		refused = failed
	}
	if refused == nil {
		return nil
	}
	a.refused = true
	if ended := a.turn.scope.Ended(); ended != nil {
		return ended
	}
	return llm.Errorf(llm.BadResponse, "the application refused the answer: %v", refused)
}
