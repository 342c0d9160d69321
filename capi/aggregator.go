package main

// #include "shim.h"
import "C"

import (
	"context"
	"encoding/json"

	"github.com/llmagg/llmagg/core/aggregator"
	"github.com/llmagg/llmagg/core/llm"
)

type aggregatorObject struct {
	scope   *scope // calls and health checks
	through []*scope
	a       *aggregator.Aggregator
}

func (*aggregatorObject) kind() string { return "aggregator" }

// close ends everything and waits until it has ended, or ctx does.
func (o *aggregatorObject) close(ctx context.Context) error {
	o.scope.close()
	if err := o.a.Close(ctx); err != nil {
		return err
	}
	return o.scope.wait(ctx)
}

// readJSON decodes a text of the caller's.
func readJSON(what string, text []byte, to any) error {
	if !json.Valid(text) {
		return llm.Errorf(llm.InvalidArgument, "argument %s is not valid JSON", what)
	}
	if err := llm.JSON.Unmarshal(text, to); err != nil {
		return llm.Errorf(llm.InvalidArgument, "argument %s has the wrong form: %v", what, err)
	}
	return nil
}

// aggregatorOptions reads {"models": […]} and the options of a call beside it.
func aggregatorOptions(text []byte) (aggregator.Options, error) {
	o := aggregator.Options{Provider: clientOptions()}
	if text == nil {
		return o, nil
	}
	if err := checkObject("options", text); err != nil {
		return o, err
	}
	var err error
	o.Models, o.Call, err = llm.ParseAggregatorOptions(text)
	return o, err
}

//export goAggregatorNew
func goAggregatorNew(h C.uintptr_t, options *C.char, n C.size_t, out *C.uintptr_t, err **C.llmagg_error) C.llmagg_status {
	return guard("llmagg_aggregator_new", err, func() error {
		m, e := lookup[*managerObject]("manager", h)
		if e != nil {
			return e
		}
		opts, e := aggregatorOptions(borrow(options, n))
		if e != nil {
			return e
		}
		if !m.open() {
			return m.scope.closedError()
		}
		o := &aggregatorObject{scope: newScope("the aggregator"), a: aggregator.New(m.m, opts)}
		o.through = []*scope{o.scope}
		*out = newHandle(o)
		return nil
	})
}

//export goAggregatorInitialize
func goAggregatorInitialize(h C.uintptr_t, config *C.char, n C.size_t, err **C.llmagg_error) C.llmagg_status {
	return guard("llmagg_aggregator_initialize", err, func() error {
		o, e := lookup[*aggregatorObject]("aggregator", h)
		if e != nil {
			return e
		}
		if e := o.scope.enter(); e != nil {
			return e
		}
		defer o.scope.leave()
		cfgs, e := llm.ParseConfig(borrow(config, n), parseOptions())
		if e != nil {
			return e
		}
		return o.a.Initialize(o.scope.ctx, cfgs)
	})
}

func lookupAggregator(h C.uintptr_t) (target, error) {
	o, err := lookup[*aggregatorObject]("aggregator", h)
	if err != nil {
		return target{}, err
	}
	return target{o.a, "aggregator", o.through}, nil
}

//export goAggregatorChatSubmit
func goAggregatorChatSubmit(h, q C.uintptr_t, request *C.char, requestLen C.size_t, options *C.char, optionsLen C.size_t,
	flags C.uint32_t, tag C.uint64_t, op *C.uint64_t, err **C.llmagg_error) C.llmagg_status {
	return guard("llmagg_aggregator_chat_submit", err, func() error {
		to, e := lookupAggregator(h)
		if e != nil {
			return e
		}
		return chatSubmit(to, q, request, requestLen, options, optionsLen, flags, tag, op)
	})
}

//export goAggregatorModels
func goAggregatorModels(h C.uintptr_t, out *C.llmagg_buf, err **C.llmagg_error) C.llmagg_status {
	return guard("llmagg_aggregator_models", err, func() error {
		o, e := lookup[*aggregatorObject]("aggregator", h)
		if e != nil {
			return e
		}
		if e := o.scope.enter(); e != nil {
			return e
		}
		defer o.scope.leave()
		return setJSON(out, append([]string{}, o.a.Models()...))
	})
}

//export goAggregatorHealth
func goAggregatorHealth(h C.uintptr_t, answer *C.shim_answer) {
	outside("llmagg_aggregator_health", answer, func() ([]byte, error) {
		o, e := lookup[*aggregatorObject]("aggregator", h)
		if e != nil {
			return nil, e
		}
		return healthNow(o.scope, func(ctx context.Context) any { return o.a.CheckHealth(ctx) })
	})
}

//export goAggregatorHealthSubmit
func goAggregatorHealthSubmit(h, q C.uintptr_t, tag C.uint64_t, op *C.uint64_t, err **C.llmagg_error) C.llmagg_status {
	return guard("llmagg_aggregator_health_submit", err, func() error {
		o, e := lookup[*aggregatorObject]("aggregator", h)
		if e != nil {
			return e
		}
		return healthSubmit(o.through, q, tag, op, func(ctx context.Context) any { return o.a.CheckHealth(ctx) })
	})
}

//export goAggregatorClose
func goAggregatorClose(h C.uintptr_t, deadline C.double, answer *C.shim_answer) {
	outside("llmagg_aggregator_close", answer, func() ([]byte, error) {
		o, e := lookup[*aggregatorObject]("aggregator", h)
		if e != nil {
			return nil, e
		}
		return nil, closing(deadline, o.close)
	})
}

//export goAggregatorFree
func goAggregatorFree(h C.uintptr_t) {
	quiet("llmagg_aggregator_free", func() {
		if o, ok := take[*aggregatorObject](h, nil); ok {
			_ = o.close(now()) // what has not ended yet ends by itself
		}
	})
}
