package main

// #include "shim.h"
import "C"

import (
	"fmt"
	"log/slog"
	"runtime/debug"

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

// freed runs the body of an export that frees a handle, once for each handle;
// it cannot fail.
func freed[T object](name string, e *C.shim_entry, body func(T)) {
	defer func() {
		if p := recover(); p != nil {
			_ = panicked(name, p) // logged; nobody to tell
		}
	}()
	beginPosted()
	injectPanic(name)
	if C.shim_handle_end(e) != 0 {
		body(held[T](e._go))
	}
}

// outside runs the body of an export that may wait for long: in a goroutine,
// whose result goes to the answer that the host's thread waits for in C, where
// signals reach it.
func outside(name string, answer *C.shim_answer, body func() ([]byte, error)) {
	sleepers.waiting.Add(1)
	go func() {
		var payload []byte
		var err error
		fault := recovered(name, func() {
			beginPosted()
			payload, err = body()
		})
		if fault != nil {
			err = fault
		}
		(&operation{answer: answer}).end(payload, err)
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
