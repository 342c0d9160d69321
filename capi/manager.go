package main

// #include "shim.h"
import "C"

import (
	"context"
	"errors"
	"math"
	"sync"
	"time"

	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/manager"
	"github.com/llmagg/llmagg/core/provider"
)

type managerObject struct {
	scope *scope // health checks
	m     *manager.Manager

	mu     sync.Mutex
	closed bool // guarded by mu
}

func (*managerObject) kind() string { return "manager" }

func newManager() *managerObject {
	return &managerObject{scope: newScope("the manager"), m: manager.New(manager.Options{Observers: &observers})}
}

// close ends everything and waits until it has ended, or ctx does.
func (o *managerObject) close(ctx context.Context) error {
	o.mu.Lock()
	o.closed = true
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
		return llm.Errorf(llm.Timeout, "calls were still ending after %v", limit)
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
		*out = newHandle(newManager())
		return nil
	})
}

//export goManagerDefault
func goManagerDefault(out *C.uintptr_t, err **C.llmagg_error) C.llmagg_status {
	return guard("llmagg_manager_default", err, func() error {
		theDefault.Lock()
		defer theDefault.Unlock()
		if theDefault.object == nil || !theDefault.object.open() {
			theDefault.object = newManager()
			theDefault.handle = newHandle(theDefault.object)
		}
		*out = theDefault.handle
		return nil
	})
}

//export goManagerRegister
func goManagerRegister(h, p C.uintptr_t, err **C.llmagg_error) C.llmagg_status {
	return guard("llmagg_manager_register", err, func() error {
		o, e := lookup[*managerObject]("manager", h)
		if e != nil {
			return e
		}
		added, e := lookup[*providerObject]("provider", p)
		if e != nil {
			return e
		}
		if e := added.scope.enter(); e != nil {
			return e
		}
		defer added.scope.leave()
		return o.m.Register(added.p)
	})
}

//export goManagerUnregister
func goManagerUnregister(h C.uintptr_t, providerName *C.char, n C.size_t, err **C.llmagg_error) C.llmagg_status {
	return guard("llmagg_manager_unregister", err, func() error {
		o, e := lookup[*managerObject]("manager", h)
		if e != nil {
			return e
		}
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
	return anyLive(func(o *providerObject) bool { return o.p == p }) ||
		anyLive(func(o *managerObject) bool { return o.owns(p) })
}

//export goManagerClient
func goManagerClient(h C.uintptr_t, providerName *C.char, providerLen C.size_t, model *C.char, modelLen C.size_t,
	out *C.uintptr_t, err **C.llmagg_error) C.llmagg_status {
	return guard("llmagg_manager_client", err, func() error {
		o, e := lookup[*managerObject]("manager", h)
		if e != nil {
			return e
		}
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
		*out = newClientHandle(c, false)
		return nil
	})
}

//export goManagerClientByModel
func goManagerClientByModel(h C.uintptr_t, model *C.char, n C.size_t, out *C.uintptr_t, err **C.llmagg_error) C.llmagg_status {
	return guard("llmagg_manager_client_by_model", err, func() error {
		o, e := lookup[*managerObject]("manager", h)
		if e != nil {
			return e
		}
		wanted, e := name("model", model, n)
		if e != nil {
			return e
		}
		c, e := o.m.ClientByModel(wanted)
		if e != nil {
			return e
		}
		*out = newClientHandle(c, false)
		return nil
	})
}

// managerJSON is the body of the functions that tell something about a manager.
func managerJSON(h C.uintptr_t, out *C.llmagg_buf, tell func(*manager.Manager) any) error {
	o, e := lookup[*managerObject]("manager", h)
	if e != nil {
		return e
	}
	if e := o.scope.enter(); e != nil {
		return e
	}
	defer o.scope.leave()
	return setJSON(out, tell(o.m))
}

//export goManagerProviders
func goManagerProviders(h C.uintptr_t, out *C.llmagg_buf, err **C.llmagg_error) C.llmagg_status {
	return guard("llmagg_manager_providers", err, func() error {
		return managerJSON(h, out, func(m *manager.Manager) any { return append([]string{}, m.Providers()...) })
	})
}

//export goManagerModels
func goManagerModels(h C.uintptr_t, out *C.llmagg_buf, err **C.llmagg_error) C.llmagg_status {
	return guard("llmagg_manager_models", err, func() error {
		return managerJSON(h, out, func(m *manager.Manager) any { return m.Models() })
	})
}

//export goManagerReport
func goManagerReport(h C.uintptr_t, out *C.llmagg_buf, err **C.llmagg_error) C.llmagg_status {
	return guard("llmagg_manager_report", err, func() error {
		return managerJSON(h, out, func(m *manager.Manager) any { return m.Report() })
	})
}

//export goManagerHealth
func goManagerHealth(h C.uintptr_t, answer *C.shim_answer) {
	outside("llmagg_manager_health", answer, func() ([]byte, error) {
		o, e := lookup[*managerObject]("manager", h)
		if e != nil {
			return nil, e
		}
		return healthNow(o.scope, func(ctx context.Context) any { return o.m.CheckHealth(ctx) })
	})
}

//export goManagerHealthSubmit
func goManagerHealthSubmit(h, q C.uintptr_t, tag C.uint64_t, op *C.uint64_t, err **C.llmagg_error) C.llmagg_status {
	return guard("llmagg_manager_health_submit", err, func() error {
		o, e := lookup[*managerObject]("manager", h)
		if e != nil {
			return e
		}
		return healthSubmit([]*scope{o.scope}, q, tag, op, func(ctx context.Context) any { return o.m.CheckHealth(ctx) })
	})
}

// healthNow is a health check that somebody waits for.
func healthNow(s *scope, check func(context.Context) any) ([]byte, error) {
	if e := s.enter(); e != nil {
		return nil, e
	}
	defer s.leave()
	result := check(s.ctx)
	if s.ctx.Err() != nil {
		return nil, s.closedError()
	}
	return llm.JSON.Marshal(result)
}

// healthSubmit is a health check as an operation.
func healthSubmit(through []*scope, h C.uintptr_t, tag C.uint64_t, op *C.uint64_t, check func(context.Context) any) error {
	q, e := lookup[*queue]("queue", h)
	if e != nil {
		return e
	}
	o := &operation{id: nextID(), tag: uint64(tag), queue: q}
	e = o.begin("health", through, func(op *operation) ([]byte, error) {
		result := check(op.ctx)
		if op.ctx.Err() != nil {
			return nil, context.Cause(op.ctx)
		}
		return llm.JSON.Marshal(result)
	})
	if e != nil {
		return e
	}
	*op = C.uint64_t(o.id)
	return nil
}

//export goManagerClose
func goManagerClose(h C.uintptr_t, deadline C.double, answer *C.shim_answer) {
	outside("llmagg_manager_close", answer, func() ([]byte, error) {
		o, e := lookup[*managerObject]("manager", h)
		if e != nil {
			return nil, e
		}
		return nil, closing(deadline, o.close)
	})
}

//export goManagerFree
func goManagerFree(h C.uintptr_t) {
	quiet("llmagg_manager_free", func() {
		theDefault.Lock()
		kept := theDefault.object
		theDefault.Unlock()
		if o, ok := take(h, func(o *managerObject) bool { return o == kept && o.open() }); ok {
			_ = o.close(now()) // what has not ended yet ends by itself
		}
	})
}
