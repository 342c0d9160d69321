package main

// #include <errno.h>
// #include "shim.h"
import "C"

import (
	"fmt"
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
	eventDropped      = C.LLMAGG_EVENT_DROPPED
)

// maxDroppable is how many LOG and OBSERVE events wait in a queue at most.
const maxDroppable = 1000

// queue is where events wait for their reader. The descriptor is written only
// when the queue stops being empty, and read only when it becomes so again.
type queue struct {
	scope *scope // the operations that report here

	mu        sync.Mutex // guards what follows
	wake      C.shim_wake
	armed     bool // the descriptor is readable
	line      arena
	droppable int    // LOG and OBSERVE events in line
	dropped   uint64 // since the last DROPPED event
	waiters   int    // threads between goQueueWaitBegin and goQueueWaitEnd
	stopped   bool   // llmagg_queue_stop was called
	closed    bool
}

func (*queue) kind() string { return "queue" }

func newQueue() (*queue, error) {
	q := &queue{scope: newScope("the queue")}
	if n, err := C.shim_wake_open(&q.wake); n != 0 {
		return nil, llm.Errorf(llm.Unavailable, "the queue gets no descriptor: %v", err)
	}
	return q, nil
}

// push adds an event and wakes the reader if the queue was empty. A payload of
// 64 KiB or more is the queue's from now on; smaller ones are copied. What is
// pushed to a freed queue is lost.
func (q *queue) push(r record, payload []byte) {
	q.mu.Lock()
	if q.closed {
		q.mu.Unlock()
		return
	}
	q.pushLocked(r, payload)
	q.mu.Unlock()
}

// pushChunk is push for a chunk of a stream, which may join the stream's last
// event while that still waits. The payload is copied if it is small.
func (q *queue) pushChunk(r record, payload []byte, batch bool) {
	if !batch {
		q.push(r, payload)
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return
	}
	q.line.pushBatch(r, payload)
	q.armLocked()
}

// pushLocked writes the descriptor under the lock: outside of it the queue
// could be freed, and the number be somebody else's, before the write.
func (q *queue) pushLocked(r record, payload []byte) {
	q.line.push(r, payload)
	q.armLocked()
}

func (q *queue) armLocked() {
	if !q.armed {
		q.armed = true
		C.shim_wake_set(q.wake)
	}
}

func (q *queue) disarmLocked() {
	if q.armed && q.line.len() == 0 {
		q.armed = false
		C.shim_wake_clear(q.wake)
	}
}

// offer adds a LOG or OBSERVE event unless too many wait. It reports whether
// the queue still takes any.
func (q *queue) offer(r record, payload []byte) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case q.closed:
		return false
	case q.droppable >= maxDroppable:
		q.dropped++
	default:
		q.droppable++
		q.pushLocked(r, payload)
	}
	return true
}

// noteDropped counts events that were lost before they came here.
func (q *queue) noteDropped(n uint64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.dropped += n
}

// room is the caller's memory for events, as llmagg_drain describes it.
type room struct {
	events unsafe.Pointer
	stride uintptr
	max    int
	buffer []byte
}

// drained is what a drain did.
type drained struct {
	count, used, pending, needed int
}

// drain moves events into the caller's memory, as many as fit. Error: CLOSED.
func (q *queue) drain(to room) (d drained, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return d, q.scope.closedError()
	}
	q.tellDroppedLocked()
	base := unsafe.Pointer(unsafe.SliceData(to.buffer))
	for d.count < to.max && q.line.len() > 0 {
		r, payload := q.line.front()
		tail := r.tail()
		need := len(payload) + len(tail)
		if need > len(to.buffer)-d.used {
			if need > len(to.buffer) {
				d.needed = need
			}
			break
		}
		copy(to.buffer[d.used:], payload)
		copy(to.buffer[d.used+len(payload):], tail)
		e := (*C.llmagg_event)(unsafe.Add(to.events, uintptr(d.count)*to.stride))
		e._type, e.status = C.int32_t(r.kind), C.llmagg_status(r.status)
		e.op, e.tag = C.uint64_t(r.op), C.uint64_t(r.tag)
		e.payload, e.payload_len = (*C.char)(unsafe.Add(base, d.used)), C.size_t(need-1)
		if r.kind == eventLog || r.kind == eventObserve {
			q.droppable--
		}
		d.used += need
		d.count++
		q.line.pop()
	}
	q.line.compact()
	d.pending = q.line.len()
	q.disarmLocked()
	return d, nil
}

// tellDroppedLocked puts the number of lost events into the line.
func (q *queue) tellDroppedLocked() {
	if q.dropped == 0 {
		return
	}
	q.pushLocked(record{kind: eventDropped}, fmt.Appendf(nil, `{"count":%d}`, q.dropped))
	q.dropped = 0
}

// close ends the operations that report here and closes the descriptor, as
// soon as no thread waits on it.
func (q *queue) close() {
	q.scope.close()
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return
	}
	q.closed = true
	q.line = arena{}
	if q.waiters == 0 {
		C.shim_wake_close(q.wake)
		return
	}
	C.shim_wake_set(q.wake)
}

// beginWait keeps the descriptor open for a thread that waits on it.
func (q *queue) beginWait() (C.int, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return -1, q.scope.closedError()
	}
	q.waiters++
	return q.wake.read_fd, nil
}

// endWait undoes beginWait. Error: CLOSED.
func (q *queue) endWait() error {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiters--
	if !q.closed {
		return nil
	}
	if q.waiters == 0 {
		C.shim_wake_close(q.wake)
	}
	return q.scope.closedError()
}

// stop makes the descriptor readable for a run that waits.
func (q *queue) stop() error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return q.scope.closedError()
	}
	q.stopped = true
	q.armLocked()
	return nil
}

// takeStop tells whether stop was called, once for each call.
func (q *queue) takeStop() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	stopped := q.stopped
	q.stopped = false
	if stopped && !q.closed {
		q.disarmLocked()
	}
	return stopped
}
