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
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	err := closeIt(ctx)
	if seconds <= 0 && errors.Is(err, context.DeadlineExceeded) {
		return nil // nobody wanted to wait
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return llm.Errorf(llm.Timeout, "calls were still running after %v", limit)
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
	return guard("llmagg_manager_new", err, func() error {
		return giveHandle(out, newManager())
	})
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
	return guard("llmagg_manager_register", err, func() error {
		o := held[*managerObject](h)
		added := held[*providerObject](p)
		if e := added.scope.enter(); e != nil {
			return e
		}
		defer added.scope.leave()
		return o.m.Register(added.p)
	})
}

//export goManagerUnregister
func goManagerUnregister(h unsafe.Pointer, providerName *C.char, n C.size_t, err **C.llmagg_error) C.llmagg_status {
	return guard("llmagg_manager_unregister", err, func() error {
		o := held[*managerObject](h)
		which, e := name("name", providerName, n)
		if e != nil {
			return e
		}
		p, e := o.m.Unregister(which)
		if e != nil {
			return e
		}
		if !owned(p) {
			p.Retire()
		}
		return nil
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
	return guard("llmagg_manager_client", err, func() error {
		o := held[*managerObject](h)
		which, e := name("provider", providerName, providerLen)
		if e != nil {
			return e
		}
		wanted, e := name("model", model, modelLen)
		if e != nil {
			return e
		}
		c, e := o.m.Client(which, wanted)
		if e != nil {
			return e
		}
		return giveHandle(out, newClientObject(c, false))
	})
}

//export goManagerClientByModel
func goManagerClientByModel(h unsafe.Pointer, model *C.char, n C.size_t, out *C.uintptr_t, err **C.llmagg_error) C.llmagg_status {
	return guard("llmagg_manager_client_by_model", err, func() error {
		o := held[*managerObject](h)
		wanted, e := name("model", model, n)
		if e != nil {
			return e
		}
		c, e := o.m.ClientByModel(wanted)
		if e != nil {
			return e
		}
		return giveHandle(out, newClientObject(c, false))
	})
}

// managerJSON is the body of the functions that tell something about a manager.
func managerJSON(h unsafe.Pointer, out *C.llmagg_buf, tell func(*manager.Manager) any) error {
	o := held[*managerObject](h)
	if e := o.scope.enter(); e != nil {
		return e
	}
	defer o.scope.leave()
	return setJSON(out, tell(o.m))
}

//export goManagerProviders
func goManagerProviders(h unsafe.Pointer, out *C.llmagg_buf, err **C.llmagg_error) C.llmagg_status {
	return guard("llmagg_manager_providers", err, func() error {
		return managerJSON(h, out, func(m *manager.Manager) any { return append([]string{}, m.Providers()...) })
	})
}

//export goManagerModels
func goManagerModels(h unsafe.Pointer, out *C.llmagg_buf, err **C.llmagg_error) C.llmagg_status {
	return guard("llmagg_manager_models", err, func() error {
		return managerJSON(h, out, func(m *manager.Manager) any { return m.Models() })
	})
}

//export goManagerReport
func goManagerReport(h unsafe.Pointer, out *C.llmagg_buf, err **C.llmagg_error) C.llmagg_status {
	return guard("llmagg_manager_report", err, func() error {
		return managerJSON(h, out, func(m *manager.Manager) any { return m.Report() })
	})
}

//export goManagerClose
func goManagerClose(h unsafe.Pointer, deadline C.double, answer *C.shim_answer) {
	o := held[*managerObject](h)
	outside("llmagg_manager_close", answer, func() ([]byte, error) {
		return nil, closing(deadline, o.close)
	})
}

//export goManagerFree
func goManagerFree(e *C.shim_entry) {
	freed("llmagg_manager_free", e, func(o *managerObject) {
		_ = o.close(now()) // what has not ended yet ends by itself
	})
}
