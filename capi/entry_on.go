//go:build llmagg_entry

package main

// #include <stdlib.h>
// #include "llmagg.h"
// static void free_queue(uintptr_t handle) {
//     llmagg_queue_free((llmagg_queue *)handle);
// }
import "C"

import "unsafe"

// entry is the C ABI as a C program sees it: texts and handles go through the
// public functions, shim included. Only in builds with the tag llmagg_entry,
// for the fuzz targets: tests in Go cannot use cgo themselves.
type entry struct {
	manager    *C.llmagg_manager
	aggregator *C.llmagg_aggregator
}

// said is what a public function gave: its status, what it wrote, and its
// error's code and document.
type said struct {
	status, code int
	out, err     string
}

func newEntry() *entry {
	e := &entry{}
	if C.llmagg_manager_new(&e.manager, nil) != 0 || C.llmagg_aggregator_new(e.manager, nil, 0, &e.aggregator, nil) != 0 {
		panic("the C entry cannot be opened")
	}
	return e
}

func (e *entry) free() {
	C.llmagg_aggregator_free(e.aggregator)
	C.llmagg_manager_free(e.manager)
}

func (e *entry) initialize(config []byte) said {
	var err *C.llmagg_error
	p, n := lend(config)
	defer C.free(unsafe.Pointer(p))
	return heard(C.llmagg_aggregator_initialize(e.aggregator, p, n, &err), nil, err)
}

func (e *entry) chat(request, options []byte) said {
	var err *C.llmagg_error
	var out C.llmagg_buf
	p, n := lend(request)
	defer C.free(unsafe.Pointer(p))
	q, m := lend(options)
	defer C.free(unsafe.Pointer(q))
	return heard(C.llmagg_aggregator_chat(e.aggregator, p, n, q, m, &out, &err), &out, err)
}

// queueHandle makes a queue's handle, as llmagg_queue_new gives it.
func queueHandle(q *queue) (free func(), err error) {
	h, err := newHandle(q)
	return func() { C.free_queue(h) }, err
}

// lend copies a text to where C programs keep theirs, without a NUL behind it;
// an empty one is NULL.
func lend(text []byte) (*C.char, C.size_t) {
	if len(text) == 0 {
		return nil, 0
	}
	return (*C.char)(C.CBytes(text)), C.size_t(len(text))
}

func heard(status C.llmagg_status, out *C.llmagg_buf, err *C.llmagg_error) said {
	s := said{status: int(status)}
	if out != nil && out.ptr != nil {
		s.out = C.GoStringN(out.ptr, C.int(out.len))
		C.llmagg_buf_free(out)
	}
	if err != nil {
		var n C.size_t
		text := C.llmagg_error_json(err, &n)
		s.code, s.err = int(C.llmagg_error_code(err)), C.GoStringN(text, C.int(n))
		C.llmagg_error_free(err)
	}
	return s
}
