package main

// #include "shim.h"
import "C"

//export goQueueNew
func goQueueNew(out *C.uintptr_t, err **C.llmagg_error) C.llmagg_status {
	return guard("llmagg_queue_new", err, func() error {
		q, e := newQueue()
		if e != nil {
			return e
		}
		h := newHandle(q)
		C.shim_queue_name(q.events, h)
		*out = h
		return nil
	})
}

// goQueueNotFound says what is wrong with a handle that C finds no open queue
// for.
//
//export goQueueNotFound
func goQueueNotFound(h C.uintptr_t, err **C.llmagg_error) C.llmagg_status {
	return guard("a queue's function", err, func() error {
		q, e := lookup[*queue]("queue", h)
		if e != nil {
			return e
		}
		return q.scope.closedError() // it is being freed at this moment
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
