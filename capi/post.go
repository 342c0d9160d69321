package main

// #include "shim.h"
import "C"

import (
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/llmagg/llmagg/core/llm"
)

// posts begins what the host asked for without entering Go.
var posts struct {
	sync.Mutex             // held while posts begin, so that they begin in order
	beginning  atomic.Bool // some were taken and have not all begun
	started    bool
}

// startPosts starts the goroutine that begins what is posted; it stays for as
// long as the process does. Error: UNAVAILABLE.
func startPosts() error {
	posts.Lock()
	defer posts.Unlock()
	if posts.started {
		return nil
	}
	fd, err := C.shim_posts_open()
	if fd < 0 {
		return llm.Errorf(llm.Unavailable, "there is no descriptor for calls: %v", err)
	}
	posts.started = true
	go listen(int(fd))
	return nil
}

// listen begins what is posted each time that the descriptor says so. It is
// read once for that, as Go's poller tells each write anew; where the poller
// does not take it, a thread waits.
func listen(fd int) {
	wake, err := os.NewFile(uintptr(fd), "posts").SyscallConn()
	if err == nil {
		err = wake.Read(func(uintptr) bool {
			clearDescriptor(fd)
			beginPosted()
			return false
		})
	}
	slog.New(logHandler{}).Warn("calls are waited for by a thread of their own", "err", err)
	for {
		C.shim_wake_wait(C.int(fd), -1)
		clearDescriptor(fd)
		beginPosted()
	}
}

// beginPosted begins what was posted so far. Every export calls it first, so
// that the calls of a thread take effect in their order.
func beginPosted() {
	if atomic.LoadPointer((*unsafe.Pointer)(unsafe.Pointer(&C.shim_posted_last))) == nil && !posts.beginning.Load() {
		return
	}
	posts.Lock()
	defer posts.Unlock()
	posts.beginning.Store(true)
	defer posts.beginning.Store(false)
	first := C.shim_posts_take()
	defer C.shim_posts_free(first)
	for p := first; p != nil; p = p.next {
		if p.kind == C.SHIM_POSTED_CREDIT {
			giveCredit(uint64(p.op), int64(p.flags))
			continue
		}
		_ = recovered("beginning what was posted", func() { beginPost(p) }) // logged
	}
}

// beginPost begins a chat. What is wrong with it is the operation's end.
func beginPost(p *C.shim_post) {
	op := &operation{id: uint64(p.op), tag: uint64(p.tag), answer: p.answer}
	if op.answer == nil {
		var err error
		if op.queue, err = lookup[*queue]("queue", p.queue); err != nil {
			return // freed meanwhile: nobody is to know
		}
	}
	var refused error
	if fault := recovered(op.posted(p), func() { refused = op.beginPosted(p) }); fault != nil {
		refused = fault
	}
	if refused != nil {
		op.end(nil, refused)
	}
}

// posted names the place where the chat begins.
func (op *operation) posted(p *C.shim_post) string {
	if op.answer == nil {
		return "post"
	}
	return [...]string{C.SHIM_POSTED_CLIENT: "llmagg_client_chat", C.SHIM_POSTED_ROUTES: "llmagg_routes_chat",
		C.SHIM_POSTED_AGGREGATOR: "llmagg_aggregator_chat"}[p.kind]
}

func (op *operation) beginPosted(p *C.shim_post) (err error) {
	if op.form, err = formOf(uint32(p.flags)); err != nil {
		return err
	}
	to, err := lookupTarget(p)
	if err != nil {
		return err
	}
	request, options := copied(p.request, p.request_len), copied(p.options, p.options_len)
	return op.chat(to, func() (*llm.Payload, error) { return newPayload(request, options) })
}

func lookupTarget(p *C.shim_post) (target, error) {
	switch p.kind {
	case C.SHIM_POSTED_CLIENT:
		return lookupClient(*p.handles)
	case C.SHIM_POSTED_ROUTES:
		r, err := lookupRoutes(p.handles, p.count)
		return r.target(), err
	default:
		return lookupAggregator(*p.handles)
	}
}

// copied is a text of C's in Go's memory.
func copied(p *C.char, n C.size_t) []byte {
	if p == nil {
		return nil
	}
	return append(make([]byte, 0, n), borrow(p, n)...)
}

// goPostsBegin is called before the first post.
//
//export goPostsBegin
func goPostsBegin(err **C.llmagg_error) C.llmagg_status {
	return guard("a chat that was posted", err, startPosts)
}
