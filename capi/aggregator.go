package main

// #include "shim.h"
import "C"

import (
	"context"
	"encoding/json"
	"unsafe"

	"github.com/llmagg/llmagg/core/aggregator"
	"github.com/llmagg/llmagg/core/cache"
	"github.com/llmagg/llmagg/core/config"
	"github.com/llmagg/llmagg/core/llm"
)

type aggregatorObject struct {
	scope   *scope // calls and health checks
	through []*scope
	a       *aggregator.Aggregator
}

func (*aggregatorObject) kind() C.int { return C.SHIM_AGGREGATOR }

func (o *aggregatorObject) calls() *scope { return o.scope }

func (o *aggregatorObject) free() { _ = o.close(now()) } // what has not ended yet ends by itself

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
	var err error
	if o.Models, o.Groups, o.Call, err = llm.ParseAggregatorOptions(text); err == nil {
		err = budgets.Named(&o.Call)
	}
	if err == nil && o.Call.Accept == llm.AcceptAsk {
		err = llm.Errorf(llm.InvalidArgument, "option \"accept\" is \"ask\", which is for single calls: give it with each")
	}
	if l := o.Call.CacheLimits; l != nil {
		o.Cache = cache.New(cache.Options{Bytes: l.Bytes, TTL: l.TTL})
		o.Call.CacheLimits = nil
	}
	o.CacheNamed = cacheNamed
	return o, err
}

//export goAggregatorNew
func goAggregatorNew(h unsafe.Pointer, options *C.char, n C.size_t, out *C.uintptr_t, err **C.llmagg_error) C.llmagg_status {
	return give("llmagg_aggregator_new", out, err, func() (object, error) {
		m := held[*managerObject](h)
		opts, e := aggregatorOptions(borrow(options, n))
		if e != nil {
			return nil, e
		}
		if !m.open() {
			return nil, m.scope.closedError()
		}
		s := newScope("the aggregator")
		return &aggregatorObject{scope: s, through: []*scope{s}, a: aggregator.New(m.m, opts)}, nil
	})
}

//export goAggregatorInitialize
func goAggregatorInitialize(h unsafe.Pointer, text *C.char, n C.size_t, err **C.llmagg_error) C.llmagg_status {
	return on("llmagg_aggregator_initialize", h, err, func(o *aggregatorObject) error {
		return o.scope.during(func() error {
			cfgs, e := config.Parse(borrow(text, n), parseOptions())
			if e != nil {
				return e
			}
			return o.a.Initialize(o.scope.ctx, cfgs)
		})
	})
}

//export goAggregatorModels
func goAggregatorModels(h unsafe.Pointer, out *C.llmagg_buf, err **C.llmagg_error) C.llmagg_status {
	return tell("llmagg_aggregator_models", h, out, err, func(o *aggregatorObject) any { return append([]string{}, o.a.Models()...) })
}
