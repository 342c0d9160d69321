//go:build llmagg_entry

package main

// #include <stdlib.h>
// #include "shim.h"
import "C"

import "unsafe"

// got is one event as a reader sees it.
type got struct {
	kind, status int32
	op, tag      uint64
	payload      string
}

// next waits up to so many seconds for the next event, as a C program does.
func (q *queue) next(seconds float64) (got, bool) {
	const room = 1 << 20
	d := (*C.llmagg_drain)(C.calloc(1, C.sizeof_llmagg_drain+C.sizeof_llmagg_event+room))
	defer C.free(unsafe.Pointer(d))
	e := (*C.llmagg_event)(unsafe.Add(unsafe.Pointer(d), C.sizeof_llmagg_drain))
	d.struct_size, d.event_size, d.events, d.max_events = C.sizeof_llmagg_drain, C.sizeof_llmagg_event, e, 1
	d.buffer, d.buffer_size = (*C.char)(unsafe.Add(unsafe.Pointer(e), C.sizeof_llmagg_event)), room
	var fd C.int
	if C.shim_queue_begin_wait(q.events, &fd) != 0 {
		return got{}, false
	}
	defer C.shim_queue_end_wait(q.events)
	C.shim_wake_wait(fd, C.double(seconds))
	if C.shim_queue_drain(q.events, d) != 0 || d.count == 0 {
		return got{}, false
	}
	return got{int32(e._type), int32(e.status), uint64(e.op), uint64(e.tag), C.GoStringN(e.payload, C.int(e.payload_len))}, true
}
