package main

// #include "shim.h"
import "C"

import (
	"context"
	"encoding/json"
	"unsafe"

	"github.com/llmagg/llmagg/core/aggregator"
	"github.com/llmagg/llmagg/core/config"
	"github.com/llmagg/llmagg/core/llm"
)

type aggregatorObject struct {
	scope   *scope // calls and health checks
	through []*scope
	a       *aggregator.Aggregator
}

func (*aggregatorObject) kind() C.int { return C.SHIM_AGGREGATOR }

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
func goAggregatorNew(h unsafe.Pointer, options *C.char, n C.size_t, out *C.uintptr_t, err **C.llmagg_error) C.llmagg_status {
	return guard("llmagg_aggregator_new", err, func() error {
		m := held[*managerObject](h)
		opts, e := aggregatorOptions(borrow(options, n))
		if e != nil {
			return e
		}
		if !m.open() {
			return m.scope.closedError()
		}
		o := &aggregatorObject{scope: newScope("the aggregator"), a: aggregator.New(m.m, opts)}
		o.through = []*scope{o.scope}
		return giveHandle(out, o)
	})
}

//export goAggregatorInitialize
func goAggregatorInitialize(h unsafe.Pointer, text *C.char, n C.size_t, err **C.llmagg_error) C.llmagg_status {
	return guard("llmagg_aggregator_initialize", err, func() error {
		o := held[*aggregatorObject](h)
		if e := o.scope.enter(); e != nil {
			return e
		}
		defer o.scope.leave()
		cfgs, e := config.Parse(borrow(text, n), parseOptions())
		if e != nil {
			return e
		}
		return o.a.Initialize(o.scope.ctx, cfgs)
	})
}

//export goAggregatorModels
func goAggregatorModels(h unsafe.Pointer, out *C.llmagg_buf, err **C.llmagg_error) C.llmagg_status {
	return guard("llmagg_aggregator_models", err, func() error {
		o := held[*aggregatorObject](h)
		if e := o.scope.enter(); e != nil {
			return e
		}
		defer o.scope.leave()
		return setJSON(out, append([]string{}, o.a.Models()...))
	})
}

//export goAggregatorClose
func goAggregatorClose(h unsafe.Pointer, deadline C.double, answer *C.shim_answer) {
	o := held[*aggregatorObject](h)
	outside("llmagg_aggregator_close", answer, func() ([]byte, error) {
		return nil, closing(deadline, o.close)
	})
}

//export goAggregatorFree
func goAggregatorFree(e *C.shim_entry) {
	freed("llmagg_aggregator_free", e, func(o *aggregatorObject) {
		_ = o.close(now()) // what has not ended yet ends by itself
	})
}
