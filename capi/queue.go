package main

// #cgo noescape shim_queue_push
// #cgo nocallback shim_queue_push
// #cgo noescape shim_queue_promise
// #cgo nocallback shim_queue_promise
// #include "shim.h"
import "C"

import (
	"sync"
	"unsafe"

	"github.com/llmagg/llmagg/core/llm"
)

// The kinds of events, as the header numbers them.
const (
	eventChunk        = C.LLMAGG_EVENT_CHUNK
	eventRestart      = C.LLMAGG_EVENT_RESTART
	eventDone         = C.LLMAGG_EVENT_DONE
	eventError        = C.LLMAGG_EVENT_ERROR
	eventCallCustom   = C.LLMAGG_EVENT_CALL_CUSTOM
	eventCancelCustom = C.LLMAGG_EVENT_CANCEL_CUSTOM
	eventResumeCustom = C.LLMAGG_EVENT_RESUME_CUSTOM
	eventLog          = C.LLMAGG_EVENT_LOG
	eventObserve      = C.LLMAGG_EVENT_OBSERVE
	eventToken        = C.LLMAGG_EVENT_TOKEN
	eventAccept       = C.LLMAGG_EVENT_ACCEPT
	eventCacheGet     = C.LLMAGG_EVENT_CACHE_GET
	eventCachePut     = C.LLMAGG_EVENT_CACHE_PUT
)

// queue is where events wait for their reader: Go's side of it, which writes.
// It may be used by several goroutines.
type queue struct {
	scope *scope // the operations that report here
	// pushing lets one thread of Go wait for the lock in C, while goroutines
	// wait here: for each that waited there Go would make another, which it
	// keeps. It guards events.
	pushing sync.Mutex
	events  *C.shim_queue // with a reference; nil when the queue is closed, which operations may outlive
}

func (*queue) kind() C.int { return C.SHIM_QUEUE }

func (q *queue) free() {
	forgetLogQueue(q)
	q.close()
}

//export goQueueNew
func goQueueNew(out *C.uintptr_t, err **C.llmagg_error) C.llmagg_status {
	return give("llmagg_queue_new", out, err, func() (object, error) { return newQueue() })
}

func newQueue() (*queue, error) {
	events, err := C.shim_queue_new()
	if events == nil {
		return nil, llm.Errorf(llm.Unavailable, "cannot open a file descriptor for the queue: %v", err)
	}
	return &queue{scope: newScope("the queue"), events: events}, nil
}

// errNoMemory ends an operation of which an event was lost.
var errNoMemory = &llm.Error{Code: llm.Internal, Message: "out of memory for an event of the operation"}

// promise keeps room for the end of an operation. Error: INTERNAL.
func (q *queue) promise() error {
	q.pushing.Lock()
	defer q.pushing.Unlock()
	if q.events != nil && C.shim_queue_promise(q.events) == C.SHIM_NO_MEMORY {
		return llm.Errorf(llm.Internal, "out of memory for an operation")
	}
	return nil
}

// record is an event without its payload.
type record struct {
	how          uint32 // SHIM_EVENT, which is 0, and the others
	kind, status int32
	op, tag      uint64
}

// push adds an event and reports whether there was memory for it.
func (q *queue) push(r record, payload []byte) bool { return q.put(r, payload, 0) != C.SHIM_NO_MEMORY }

// offer adds a LOG or OBSERVE event unless too many wait. It reports whether
// the queue still takes any.
func (q *queue) offer(kind int32, payload []byte) bool {
	return q.put(record{how: C.SHIM_DROPPABLE, kind: kind}, payload, 0) != C.SHIM_CLOSED
}

// put adds an event, has the reader woken if the queue was empty, and gives
// what shim_queue_push tells. The payload is copied, unless it lies in so many
// mapped bytes of pages. What is put into a freed queue is lost.
func (q *queue) put(r record, payload []byte, mapped int) C.int {
	told := C.int(C.SHIM_CLOSED)
	q.pushing.Lock()
	if q.events != nil {
		told = C.shim_queue_push(q.events, C.enum_shim_how(r.how), C.int32_t(r.kind), C.int32_t(r.status), C.uint64_t(r.op), C.uint64_t(r.tag),
			bytesOf(payload), C.size_t(len(payload)), C.size_t(mapped))
	}
	q.pushing.Unlock()
	if told == C.SHIM_WAKE {
		readers.soon(q)
	}
	return told
}

// close ends the operations that report here, and the waiting of those who wait
// for them.
func (q *queue) close() {
	q.scope.close()
	q.pushing.Lock()
	events := q.events
	q.events = nil
	q.pushing.Unlock()
	if events != nil {
		C.shim_queue_close(events)
		C.shim_queue_release(events)
	}
}

// beginWake begins to wake the reader: the descriptor to write, and what is to
// be told when that is done; or -1.
func (q *queue) beginWake() (int, *C.shim_queue) {
	q.pushing.Lock()
	defer q.pushing.Unlock()
	if q.events == nil {
		return -1, nil
	}
	return int(C.shim_queue_begin_wake(q.events)), q.events
}

func bytesOf(text []byte) *C.char { return (*C.char)(unsafe.Pointer(unsafe.SliceData(text))) }

// readers are those of queues that are to be woken.
var readers = wakings[*queue]{wake: func(q *queue) {
	if fd, events := q.beginWake(); fd >= 0 {
		wakeDescriptor(fd)
		C.shim_queue_end_wake(events)
	}
}}
