package main

// #include "shim.h"
import "C"

import (
	"errors"

	"github.com/llmagg/llmagg/core/llm"
)

// acceptCalls are the answers that wait for the application's word.
var acceptCalls questions[acceptAnswer]

// acceptAnswer is what the application says.
type acceptAnswer struct {
	Accept *bool  `json:"accept"`
	Reason string `json:"reason"`
}

// errRefused is a refusal without a reason.
var errRefused = errors.New("it gave no reason")

// askable lets the application of an operation look at answers, if its options
// say so.
func (op *operation) askable(o *llm.CallOptions) error {
	if o.Accept != llm.AcceptAsk {
		return nil
	}
	if op.queue == nil {
		return llm.Errorf(llm.InvalidArgument, "option \"accept\" is \"ask\", but a blocking call has no queue that could be asked; submit the call")
	}
	o.Accept, o.Accepts = "", op.askAccept
	return nil
}

// askAccept sends ACCEPT and waits for llmagg_accept_answer.
func (op *operation) askAccept(r *llm.Response) error {
	payload, err := op.form.response(rooms.take(), r)
	if err != nil {
		return err
	}
	defer rooms.give(payload)
	a, err := acceptCalls.ask(op.ctx, op.queue, eventAccept, op.tag, payload)
	switch {
	case err != nil:
		return err
	case *a.Accept:
		return nil
	case a.Reason == "":
		return errRefused
	}
	return errors.New(a.Reason)
}

//export goAcceptAnswer
func goAcceptAnswer(id C.uint64_t, answer *C.char, n C.size_t, err **C.llmagg_error) C.llmagg_status {
	return guard("llmagg_accept_answer", err, func() error {
		data := borrow(answer, n)
		if err := checkObject("answer", data); err != nil {
			return err
		}
		var a acceptAnswer
		if llm.JSON.Unmarshal(data, &a) != nil || a.Accept == nil {
			return llm.Errorf(llm.InvalidArgument, `argument answer must be {"accept": true} or {"accept": false, "reason": text}`)
		}
		return acceptCalls.answer(id, a, "no answer waits for this word")
	})
}
