package main

// #include "shim.h"
import "C"

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"unsafe"

	"github.com/llmagg/llmagg/core/llm"
)

// guard runs the body of an export: its error becomes *err and the status, and
// a panic becomes INTERNAL instead of the end of the host.
func guard(name string, err **C.llmagg_error, body func() error) (status C.llmagg_status) {
	defer func() {
		if p := recover(); p != nil {
			status = setError(err, panicked(name, p))
		}
	}()
	beginPosted()
	injectPanic(name)
	if e := body(); e != nil {
		return setError(err, e)
	}
	return C.LLMAGG_OK
}

// give is guard for an export that makes an object and gives its handle.
func give(name string, out *C.uintptr_t, err **C.llmagg_error, make func() (object, error)) C.llmagg_status {
	return guard(name, err, func() error {
		o, e := make()
		if e != nil {
			return e
		}
		if *out, e = newHandle(o); e != nil {
			o.free()
		}
		return e
	})
}

// on is guard for an export about an object that C holds.
func on[T object](name string, h unsafe.Pointer, err **C.llmagg_error, body func(o T) error) C.llmagg_status {
	return guard(name, err, func() error { return body(held[T](h)) })
}

// tell is on for an export that gives JSON. What can be closed tells nothing
// then.
func tell[T object](name string, h unsafe.Pointer, out *C.llmagg_buf, err **C.llmagg_error, what func(o T) any) C.llmagg_status {
	return on(name, h, err, func(o T) error {
		c, ok := any(o).(closer)
		if !ok {
			return setJSON(out, what(o))
		}
		return c.calls().during(func() error { return setJSON(out, what(o)) })
	})
}

// closer is an object that can be closed through its handle.
type closer interface {
	object
	calls() *scope // what is under way
	close(ctx context.Context) error
}

// names are those of the kinds in the names of functions.
var names = [...]string{C.SHIM_MANAGER: "llmagg_manager", C.SHIM_PROVIDER: "llmagg_provider", C.SHIM_CLIENT: "llmagg_client",
	C.SHIM_AGGREGATOR: "llmagg_aggregator", C.SHIM_QUEUE: "llmagg_queue", C.SHIM_WALL: "llmagg_wall"}

// goFree frees what a handle stands for, once for each handle; it cannot fail.
//
//export goFree
func goFree(e *C.shim_entry) {
	name := names[e.kind] + "_free"
	_ = recovered(name, func() { // logged; nobody to tell
		beginPosted()
		if C.shim_handle_end(e) != 0 {
			held[object](e._go).free()
		}
	})
}

// goClose closes an object, which may take long: in a goroutine, whose result
// goes to the answer that the host's thread waits for in C, where signals reach
// it.
//
//export goClose
func goClose(h unsafe.Pointer, deadline C.double, answer *C.shim_answer) {
	o := held[closer](h)
	asleep.Add(1)
	go func() {
		var err error
		fault := recovered(names[o.kind()]+"_close", func() {
			beginPosted()
			err = closing(deadline, o.close)
		})
		if fault != nil {
			err = fault
		}
		op := &operation{answer: answer}
		op.end(nil, err)
		op.wakeSoon()
	}()
}

// recovered runs the body of a goroutine and gives what it panicked with as an
// error, nil if it did not.
func recovered(name string, body func()) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = panicked(name, p)
		}
	}()
	injectPanic(name)
	body()
	return nil
}

// panicked logs a recovered panic and makes the error for it. The log's
// handler may itself be what is broken.
func panicked(name string, p any) error {
	func() {
		defer func() { _ = recover() }()
		slog.New(logHandler{}).Error("panic recovered", "in", name, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
	}()
	return llm.Errorf(llm.Internal, "recovered from a panic in %s: %v", name, p)
}
