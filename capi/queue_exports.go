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
		if e := giveHandle(out, q); e != nil {
			q.close()
			return e
		}
		return nil
	})
}

//export goQueueFree
func goQueueFree(e *C.shim_entry) {
	freed("llmagg_queue_free", e, func(q *queue) {
		forgetLogQueue(q)
		q.close()
	})
}
