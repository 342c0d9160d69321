package main

// #include "shim.h"
import "C"

import (
	"runtime/cgo"
	"unsafe"
)

//export goQueueNew
func goQueueNew(out **C.llmagg_queue, err **C.llmagg_error) C.llmagg_status {
	return guard("llmagg_queue_new", err, func() error {
		q, e := newQueue()
		if e != nil {
			return e
		}
		*out = (*C.llmagg_queue)(newHandle(q))
		return nil
	})
}

//export goQueueFd
func goQueueFd(h C.uintptr_t, fd *C.int, err **C.llmagg_error) C.llmagg_status {
	return guard("llmagg_queue_fd", err, func() error {
		q, e := lookup[*queue]("queue", h)
		if e != nil {
			return e
		}
		n, e := q.beginWait()
		if e != nil {
			return e
		}
		*fd = n
		return q.endWait()
	})
}

// goQueueWaitBegin keeps the descriptor open until goQueueWaitEnd of *waiting,
// also when the handle is freed meanwhile.
//
//export goQueueWaitBegin
func goQueueWaitBegin(h C.uintptr_t, waiting *C.uintptr_t, fd *C.int, err **C.llmagg_error) C.llmagg_status {
	return guard("llmagg_queue_wait", err, func() error {
		q, e := lookup[*queue]("queue", h)
		if e != nil {
			return e
		}
		n, e := q.beginWait()
		if e != nil {
			return e
		}
		*fd, *waiting = n, C.uintptr_t(cgo.NewHandle(q))
		return nil
	})
}

// goQueueWaitEnd gives CLOSED when the queue was freed meanwhile.
//
//export goQueueWaitEnd
func goQueueWaitEnd(waiting C.uintptr_t, err **C.llmagg_error) C.llmagg_status {
	return guard("llmagg_queue_wait", err, func() error {
		q := cgo.Handle(waiting).Value().(*queue)
		cgo.Handle(waiting).Delete()
		return q.endWait()
	})
}

//export goQueueDrain
func goQueueDrain(h C.uintptr_t, d *C.llmagg_drain, err **C.llmagg_error) C.llmagg_status {
	return guard("llmagg_queue_drain", err, func() error {
		q, e := lookup[*queue]("queue", h)
		if e != nil {
			return e
		}
		return drainInto(q, d)
	})
}

func drainInto(q *queue, d *C.llmagg_drain) error {
	did, e := q.drain(room{events: unsafe.Pointer(d.events), stride: uintptr(d.event_size), max: int(min(d.max_events, 1<<20)),
		buffer: unsafe.Slice((*byte)(unsafe.Pointer(d.buffer)), int(min(d.buffer_size, 1<<40)))})
	if e != nil {
		return e
	}
	d.count, d.used = C.size_t(did.count), C.size_t(did.used)
	d.pending, d.needed = C.size_t(did.pending), C.size_t(did.needed)
	return nil
}

// goQueueRunNext is goQueueDrain for llmagg_queue_run, between goQueueWaitBegin
// and goQueueWaitEnd. *stop becomes 1 when the run is to end.
//
//export goQueueRunNext
func goQueueRunNext(waiting C.uintptr_t, d *C.llmagg_drain, stop *C.int, err **C.llmagg_error) C.llmagg_status {
	return guard("llmagg_queue_run", err, func() error {
		q := cgo.Handle(waiting).Value().(*queue)
		if q.takeStop() {
			*stop = 1
			return nil
		}
		return drainInto(q, d)
	})
}

//export goQueueStop
func goQueueStop(h C.uintptr_t, err **C.llmagg_error) C.llmagg_status {
	return guard("llmagg_queue_stop", err, func() error {
		q, e := lookup[*queue]("queue", h)
		if e != nil {
			return e
		}
		return q.stop()
	})
}

//export goQueueFree
func goQueueFree(h C.uintptr_t) {
	quiet("llmagg_queue_free", func() {
		if q, ok := take[*queue](h, nil); ok {
			forgetLogQueue(q)
			q.close()
		}
	})
}
