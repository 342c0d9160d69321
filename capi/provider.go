package main

// #include "shim.h"
import "C"

import (
	"context"
	"unsafe"

	"github.com/llmagg/llmagg/core/config"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/provider"
)

type providerObject struct {
	scope *scope // open until the provider is closed through its handle
	p     *provider.Provider
}

func (*providerObject) kind() C.int { return C.SHIM_PROVIDER }

func (o *providerObject) calls() *scope { return o.scope }

func (o *providerObject) free() {
	if !owned(o.p) {
		_ = o.close(now()) // what has not ended yet ends by itself
	}
}

func (o *providerObject) close(ctx context.Context) error {
	o.scope.close()
	return o.p.Close(ctx)
}

// oneProvider reads a configuration with exactly one provider.
func oneProvider(text *C.char, n C.size_t) (config.Provider, error) {
	cfgs, err := config.Parse(borrow(text, n), parseOptions())
	if err != nil {
		return config.Provider{}, err
	}
	if len(cfgs) != 1 {
		return config.Provider{}, llm.Errorf(llm.InvalidArgument, "the configuration has %d providers; expected one", len(cfgs))
	}
	return cfgs[0], nil
}

// keepProvider initializes a provider that was made.
func keepProvider(p *provider.Provider, err error) (object, error) {
	if err != nil {
		return nil, err
	}
	if err := p.Initialize(context.Background()); err != nil {
		p.Retire()
		return nil, err
	}
	return &providerObject{newScope("the provider"), p}, nil
}

//export goProviderNew
func goProviderNew(text *C.char, n C.size_t, out *C.uintptr_t, err **C.llmagg_error) C.llmagg_status {
	return give("llmagg_provider_new", out, err, func() (object, error) {
		cfg, e := oneProvider(text, n)
		if e != nil {
			return nil, e
		}
		return keepProvider(provider.New(cfg, clientOptions()))
	})
}

//export goProviderNewCustom
func goProviderNewCustom(text *C.char, n C.size_t, q unsafe.Pointer, tag C.uint64_t, out *C.uintptr_t, err **C.llmagg_error) C.llmagg_status {
	return give("llmagg_provider_new_custom", out, err, func() (object, error) {
		cfg, e := oneProvider(text, n)
		if e != nil {
			return nil, e
		}
		return keepProvider(provider.NewCustom(cfg, newCustomBackend(held[*queue](q), uint64(tag), cfg.Models...), clientOptions()))
	})
}

//export goProviderInitialize
func goProviderInitialize(h unsafe.Pointer, err **C.llmagg_error) C.llmagg_status {
	return on("llmagg_provider_initialize", h, err, func(o *providerObject) error { return o.p.Initialize(context.Background()) })
}

//export goProviderModels
func goProviderModels(h unsafe.Pointer, out *C.llmagg_buf, err **C.llmagg_error) C.llmagg_status {
	return tell("llmagg_provider_models", h, out, err, func(o *providerObject) any { return o.p.Models() })
}

//export goProviderClient
func goProviderClient(h unsafe.Pointer, model *C.char, n C.size_t, out *C.uintptr_t, err **C.llmagg_error) C.llmagg_status {
	return give("llmagg_provider_client", out, err, func() (object, error) {
		wanted, e := name("model", model, n)
		if e != nil {
			return nil, e
		}
		return lentClient(held[*providerObject](h).p.Client(wanted))
	})
}
