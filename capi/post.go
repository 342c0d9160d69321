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
	go listen(os.NewFile(uintptr(fd), "posts"))
	return nil
}

// listen begins what is posted each time that the descriptor says so.
func listen(wake *os.File) {
	var count [8]byte
	for {
		if _, err := wake.Read(count[:]); err != nil {
			slog.New(logHandler{}).Error("the descriptor for calls cannot be read", "err", err)
			return
		}
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
		beginPost(p)
	}
}

// beginPost begins a chat. What is wrong with it is the operation's only event.
func beginPost(p *C.shim_post) {
	q, err := lookup[*queue]("queue", p.queue)
	if err != nil {
		return // freed meanwhile: nobody is to know
	}
	var refused error
	if fault := recovered("post", func() { refused = q.beginChat(p) }); fault != nil {
		refused = fault
	}
	if refused != nil {
		q.push(failed(uint64(p.op), uint64(p.tag), refused))
	}
}

func (q *queue) beginChat(p *C.shim_post) error {
	c := chatCall{queue: q, tag: uint64(p.tag)}
	if err := c.find(p); err != nil {
		return err
	}
	request, options := copied(p.request, p.request_len), copied(p.options, p.options_len)
	return c.begin(uint64(p.op), uint32(p.flags), func() (*llm.Payload, error) { return newPayload(request, options) })
}

// find looks up what is to be called.
func (c *chatCall) find(p *C.shim_post) error {
	switch p.kind {
	case C.SHIM_POSTED_CLIENT:
		o, err := lookup[*clientObject]("client", *p.handles)
		if err != nil {
			return err
		}
		c.what, c.to, c.through = "client", o.c, o.through
	case C.SHIM_POSTED_ROUTES:
		r, err := lookupRoutes(p.handles, p.count)
		if err != nil {
			return err
		}
		c.what, c.to, c.through = "routes", r, r.through
	default:
		o, err := lookup[*aggregatorObject]("aggregator", *p.handles)
		if err != nil {
			return err
		}
		c.what, c.to, c.through = "aggregator", o.a, o.through
	}
	return nil
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
