package main

// #cgo noescape shim_handle_new
// #include "shim.h"
import "C"

import (
	"crypto/rand"
	"encoding/binary"
	"iter"
	"unsafe"

	"github.com/mattn/go-pointer"

	"github.com/llmagg/llmagg/core/llm"
)

// The register (register.c) is in C, so that a thread of the host finds an
// object, checks its kind and holds it without entering Go. An entry there
// refers to the object by a pointer of go-pointer, which is C memory: Save
// makes it with the handle, Unref frees it with the last reference to the
// handle. The host never sees this pointer, because go-pointer uses a freed
// address again. It holds a number, which is never given twice.
//
// runtime/cgo.Handle does not serve here. It is a number too, and never given
// twice, but only Go can look it up: C would have to enter Go to learn whether
// a handle is valid and of which kind, and an unknown handle panics there. Nor
// can a call hold it while another thread deletes it.

// object is what a handle refers to.
type object interface {
	kind() C.int
	free() // when its handle is freed
}

func init() {
	var b [8]byte
	_, _ = rand.Read(b[:]) // it never fails, says its documentation
	C.shim_register_start(C.uint64_t(binary.NativeEndian.Uint64(b[:])))
}

// newHandle makes the handle of an object. Error: INTERNAL.
func newHandle(o object) (C.uintptr_t, error) {
	var events *C.shim_queue
	if q, ok := o.(*queue); ok {
		events = q.events
	}
	saved := pointer.Save(o)
	h := C.shim_handle_new(o.kind(), saved, events)
	if h == 0 {
		pointer.Unref(saved)
		return 0, llm.Errorf(llm.Internal, "out of memory for a handle")
	}
	return h, nil
}

// held returns the object of an entry that C holds, whose kind C has checked;
// nil if there is no entry.
func held[T object](saved unsafe.Pointer) T {
	o, _ := pointer.Restore(saved).(T)
	return o
}

// release gives a reference to an entry back.
func release(e *C.shim_entry) {
	if saved := C.shim_drop(e); saved != nil {
		pointer.Unref(saved)
	}
}

//export goUnref
func goUnref(saved unsafe.Pointer) { pointer.Unref(saved) }

// live lists the objects of one kind whose handles were not freed.
func live[T object](kind C.int) iter.Seq[T] {
	return func(yield func(T) bool) {
		var from C.uint32_t
		for e := C.shim_handle_next(kind, &from); e != nil; e = C.shim_handle_next(kind, &from) {
			o := held[T](e._go)
			release(e)
			if !yield(o) {
				return
			}
		}
	}
}
