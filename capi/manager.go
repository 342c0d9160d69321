package main

// #include "shim.h"
import "C"

import (
	"context"
	"errors"
	"math"
	"sync"
	"time"
	"unsafe"

	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/manager"
	"github.com/llmagg/llmagg/core/provider"
)

type managerObject struct {
	scope *scope // health checks
	m     *manager.Manager

	mu     sync.Mutex  // guards what follows
	handle C.uintptr_t // where it is borrowed, else 0
	closed bool
}

func (*managerObject) kind() C.int { return C.SHIM_MANAGER }

func (o *managerObject) calls() *scope { return o.scope }

func (o *managerObject) free() { _ = o.close(now()) } // what has not ended yet ends by itself

func newManager() *managerObject {
	return &managerObject{scope: newScope("the manager"), m: manager.New(manager.Options{Observers: &observers})}
}

// close ends everything and waits until it has ended, or ctx does.
func (o *managerObject) close(ctx context.Context) error {
	o.mu.Lock()
	o.closed = true
	if o.handle != 0 { // a default manager that is closed is replaced, and may be freed
		C.shim_handle_lend(o.handle, C.SHIM_MANAGER, 0)
	}
	o.mu.Unlock()
	o.scope.close()
	everywhere.ends(o.m.Sharing())
	if err := o.m.Close(ctx); err != nil {
		return err
	}
	return o.scope.wait(ctx)
}

func (o *managerObject) open() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return !o.closed
}

// owns tells whether p is registered here.
func (o *managerObject) owns(p *provider.Provider) bool {
	found, err := o.m.Provider(p.Name())
	return err == nil && found == p
}

// theDefault is the process-wide manager; a closed one is replaced.
var theDefault struct {
	sync.Mutex
	object *managerObject
	handle C.uintptr_t
}

// closing turns a deadline of the header into a context, and what close gives
// into the header's codes.
func closing(deadline C.double, closeIt func(context.Context) error) error {
	seconds := float64(deadline)
	if math.IsNaN(seconds) {
		return llm.Errorf(llm.InvalidArgument, "argument deadline is not a number")
	}
	limit := time.Duration(math.Min(math.Max(seconds, 0), 1e9) * float64(time.Second))
	ctx := now()
	if seconds > 0 {
		waits, stop := llm.Within(context.Background(), limit, context.DeadlineExceeded)
		defer stop()
		ctx = waits
	}
	err := closeIt(ctx)
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		if seconds <= 0 {
			return nil // nobody wanted to wait
		}
		return llm.Errorf(llm.Timeout, "calls were still running after %v", llm.Seconds(limit))
	}
	return err
}

// now is a context for closing without waiting.
func now() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

//export goManagerNew
func goManagerNew(out *C.uintptr_t, err **C.llmagg_error) C.llmagg_status {
	return give("llmagg_manager_new", out, err, func() (object, error) { return newManager(), nil })
}

//export goManagerDefault
func goManagerDefault(out *C.uintptr_t, err **C.llmagg_error) C.llmagg_status {
	return guard("llmagg_manager_default", err, func() error {
		theDefault.Lock()
		defer theDefault.Unlock()
		if theDefault.object == nil || !theDefault.object.open() {
			o := newManager()
			h, e := newHandle(o)
			if e != nil {
				return e
			}
			C.shim_handle_lend(h, C.SHIM_MANAGER, 1)
			o.handle = h
			theDefault.object, theDefault.handle = o, h
		}
		*out = theDefault.handle
		return nil
	})
}

//export goManagerRegister
func goManagerRegister(h, p unsafe.Pointer, err **C.llmagg_error) C.llmagg_status {
	return on("llmagg_manager_register", h, err, func(o *managerObject) error {
		added := held[*providerObject](p)
		return added.scope.during(func() error { return o.m.Register(added.p) })
	})
}

//export goManagerUnregister
func goManagerUnregister(h unsafe.Pointer, providerName *C.char, n C.size_t, err **C.llmagg_error) C.llmagg_status {
	return on("llmagg_manager_unregister", h, err, func(o *managerObject) error {
		which, e := name("name", providerName, n)
		if e != nil {
			return e
		}
		p, e := o.m.Unregister(which)
		if e == nil && !owned(p) {
			p.Retire()
		}
		return e
	})
}

// owned tells whether a handle or an open manager keeps p alive.
func owned(p *provider.Provider) bool {
	for o := range live[*providerObject](C.SHIM_PROVIDER) {
		if o.p == p {
			return true
		}
	}
	for o := range live[*managerObject](C.SHIM_MANAGER) {
		if o.owns(p) {
			return true
		}
	}
	return false
}

//export goManagerClient
func goManagerClient(h unsafe.Pointer, providerName *C.char, providerLen C.size_t, model *C.char, modelLen C.size_t,
	out *C.uintptr_t, err **C.llmagg_error) C.llmagg_status {
	return give("llmagg_manager_client", out, err, func() (object, error) {
		which, e := name("provider", providerName, providerLen)
		if e != nil {
			return nil, e
		}
		wanted, e := name("model", model, modelLen)
		if e != nil {
			return nil, e
		}
		return lentClient(held[*managerObject](h).m.Client(which, wanted))
	})
}

//export goManagerClientByModel
func goManagerClientByModel(h unsafe.Pointer, model *C.char, n C.size_t, out *C.uintptr_t, err **C.llmagg_error) C.llmagg_status {
	return give("llmagg_manager_client_by_model", out, err, func() (object, error) {
		wanted, e := name("model", model, n)
		if e != nil {
			return nil, e
		}
		return lentClient(held[*managerObject](h).m.ClientByModel(wanted))
	})
}

//export goManagerProviders
func goManagerProviders(h unsafe.Pointer, out *C.llmagg_buf, err **C.llmagg_error) C.llmagg_status {
	return tell("llmagg_manager_providers", h, out, err, func(o *managerObject) any { return append([]string{}, o.m.Providers()...) })
}

//export goManagerModels
func goManagerModels(h unsafe.Pointer, out *C.llmagg_buf, err **C.llmagg_error) C.llmagg_status {
	return tell("llmagg_manager_models", h, out, err, func(o *managerObject) any { return o.m.Models() })
}

//export goManagerReport
func goManagerReport(h unsafe.Pointer, out *C.llmagg_buf, err **C.llmagg_error) C.llmagg_status {
	return tell("llmagg_manager_report", h, out, err, func(o *managerObject) any { return o.m.Report() })
}

//export goManagerMetrics
func goManagerMetrics(h unsafe.Pointer, out *C.llmagg_buf, err **C.llmagg_error) C.llmagg_status {
	return on("llmagg_manager_metrics", h, err, func(o *managerObject) error {
		return o.scope.during(func() error { return setBuf(out, o.m.Metrics()) })
	})
}
