package main

// #include "shim.h"
import "C"

import (
	"runtime/debug"
	"unsafe"

	"github.com/llmagg/llmagg/core/llm"
)

// pages hold the JSON of a long answer on its way to a queue. They are C's, so
// that the answer itself can go before the reader makes room for its copy, and
// so that the system has the memory back at once when the reader has it.
type pages struct {
	at   *C.char
	size int
	used int  // by the answer; 0: it is not here
	lean bool // the answer was nowhere else
}

// mapPages takes pages for so many bytes; none where there is no memory.
func mapPages(size int) pages { return pagesAt(C.shim_payload_map(C.size_t(size)), size) }

// reservePages is mapPages for memory of which only a part may be used: it is
// taken when it is written to.
func reservePages(size int) pages { return pagesAt(C.shim_payload_reserve(C.size_t(size)), size) }

func pagesAt(at *C.char, size int) pages {
	if at == nil {
		return pages{}
	}
	return pages{at: at, size: size}
}

// room is where to write; at most size bytes fit.
func (p pages) room() []byte { return unsafe.Slice((*byte)(unsafe.Pointer(p.at)), p.size)[:0] }

// free gives the pages back.
func (p pages) free() {
	if p.at != nil {
		C.shim_payload_unmap(p.at, C.size_t(p.size))
	}
}

// response writes a whole answer: into scratch, or a long one for a queue into
// pages of its own, and then it gives no bytes: Go must not keep a pointer to
// memory that the reader gives back.
func (op *operation) response(scratch []byte, r *llm.Response) ([]byte, error) {
	size := 0
	if op.ending {
		size = r.SizeOfLong()
	}
	if size == 0 {
		return op.form.response(scratch, r)
	}
	debug.FreeOSMemory() // of what the answer was read from and joined of
	op.pages = mapPages(size)
	if op.pages.at == nil {
		return op.form.response(scratch, r)
	}
	text, err := op.form.response(op.pages.room(), r)
	if err != nil || bytesOf(text) != op.pages.at { // or it was moved for want of room
		return text, err
	}
	op.pages.used = len(text)
	return nil, nil
}

// tellLong tells the end of an operation whose answer is in pages, which are
// the queue's from now on. Nobody may refer to the answer itself any more.
func (op *operation) tellLong() {
	if !op.pages.lean {
		debug.FreeOSMemory() // of the answer, which has been written
	}
	in := op.pages
	end := record{how: C.SHIM_PAGES, kind: eventDone, op: op.id, tag: op.tag}
	if op.queue.put(end, in.room()[:in.used], in.size) != C.SHIM_CLOSED {
		op.pages = pages{}
	}
}
