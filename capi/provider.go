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

// keepProvider initializes a provider and makes its handle.
func keepProvider(p *provider.Provider, out *C.uintptr_t) error {
	if err := p.Initialize(context.Background()); err != nil {
		p.Retire()
		return err
	}
	return giveHandle(out, &providerObject{newScope("the provider"), p})
}

//export goProviderNew
func goProviderNew(text *C.char, n C.size_t, out *C.uintptr_t, err **C.llmagg_error) C.llmagg_status {
	return guard("llmagg_provider_new", err, func() error {
		cfg, e := oneProvider(text, n)
		if e != nil {
			return e
		}
		p, e := provider.New(cfg, clientOptions())
		if e != nil {
			return e
		}
		return keepProvider(p, out)
	})
}

//export goProviderNewCustom
func goProviderNewCustom(text *C.char, n C.size_t, q unsafe.Pointer, tag C.uint64_t, out *C.uintptr_t, err **C.llmagg_error) C.llmagg_status {
	return guard("llmagg_provider_new_custom", err, func() error {
		cfg, e := oneProvider(text, n)
		if e != nil {
			return e
		}
		p, e := provider.NewCustom(cfg, newCustomBackend(held[*queue](q), uint64(tag), cfg.Models...), clientOptions())
		if e != nil {
			return e
		}
		return keepProvider(p, out)
	})
}

//export goProviderInitialize
func goProviderInitialize(h unsafe.Pointer, err **C.llmagg_error) C.llmagg_status {
	return guard("llmagg_provider_initialize", err, func() error {
		o := held[*providerObject](h)
		return o.p.Initialize(context.Background())
	})
}

//export goProviderModels
func goProviderModels(h unsafe.Pointer, out *C.llmagg_buf, err **C.llmagg_error) C.llmagg_status {
	return guard("llmagg_provider_models", err, func() error {
		o := held[*providerObject](h)
		if e := o.scope.enter(); e != nil {
			return e
		}
		defer o.scope.leave()
		return setJSON(out, o.p.Models())
	})
}

//export goProviderClient
func goProviderClient(h unsafe.Pointer, model *C.char, n C.size_t, out *C.uintptr_t, err **C.llmagg_error) C.llmagg_status {
	return guard("llmagg_provider_client", err, func() error {
		o := held[*providerObject](h)
		wanted, e := name("model", model, n)
		if e != nil {
			return e
		}
		c, e := o.p.Client(wanted)
		if e != nil {
			return e
		}
		return giveHandle(out, newClientObject(c, false))
	})
}

//export goProviderClose
func goProviderClose(h unsafe.Pointer, deadline C.double, answer *C.shim_answer) {
	o := held[*providerObject](h)
	outside("llmagg_provider_close", answer, func() ([]byte, error) {
		return nil, closing(deadline, o.close)
	})
}

//export goProviderFree
func goProviderFree(e *C.shim_entry) {
	freed("llmagg_provider_free", e, func(o *providerObject) {
		if !owned(o.p) {
			_ = o.close(now()) // what has not ended yet ends by itself
		}
	})
}
