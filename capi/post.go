package main

// #include "shim.h"
import "C"

import (
	"context"
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
		return llm.Errorf(llm.Unavailable, "cannot open a file descriptor for calls: %v", err)
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
	slog.New(logHandler{}).Warn("a separate thread waits for calls", "err", err)
	for {
		C.shim_wake_wait(C.int(fd), -1)
		clearDescriptor(fd)
		beginPosted()
	}
}

// beginPosted begins what was posted so far. Every export calls it first, so
// that the calls of a thread take effect in their order.
func beginPosted() {
	if op := takePosted(); op != nil {
		go op.start()
	}
}

// takePosted is beginPosted that leaves the last operation for its caller to
// start; nil for none.
func takePosted() (last *operation) {
	if atomic.LoadPointer((*unsafe.Pointer)(unsafe.Pointer(&C.shim_posted_last))) == nil && !posts.beginning.Load() {
		return nil
	}
	posts.Lock()
	defer posts.Unlock()
	posts.beginning.Store(true)
	defer posts.beginning.Store(false)
	first := C.shim_posts_take()
	defer C.shim_posts_free(first)
	for p := first; p != nil; p = p.next {
		if p.kind == C.SHIM_CREDIT {
			giveCredit(uint64(p.op), int64(p.flags))
			continue
		}
		_ = recovered("beginning what was posted", func() { // logged
			if op := beginPost(p); op != nil {
				if last != nil {
					go last.start()
				}
				last = op
			}
		})
	}
	return last
}

// willTake counts who takes what is posted without being woken.
func willTake(by int32) {
	atomic.AddInt32((*int32)(unsafe.Pointer(&C.shim_posts_looked_for)), by)
}

// beginPost begins an operation, which is to be started. What is wrong with it
// is the operation's end, and then there is none to be started.
func beginPost(p *C.shim_post) *operation {
	op := &operation{id: uint64(p.op), tag: uint64(p.tag), answer: p.answer, form: formOf(p.flags)}
	if op.answer != nil {
		asleep.Add(1)
	}
	if p.queue != nil {
		op.queue = held[*queue](p.queue._go)
	}
	var refused error
	if fault := recovered(op.posted(p), func() { refused = op.beginPosted(p) }); fault != nil {
		refused = fault
	}
	if refused != nil {
		op.end(nil, refused)
		op.wakeSoon()
		return nil
	}
	return op
}

// posted names the place where the operation begins.
func (op *operation) posted(p *C.shim_post) string {
	if op.answer == nil {
		return "post"
	}
	return [...]string{C.SHIM_CLIENT_CHAT: "llmagg_client_chat", C.SHIM_ROUTES_CHAT: "llmagg_routes_chat",
		C.SHIM_AGGREGATOR_CHAT: "llmagg_aggregator_chat", C.SHIM_MANAGER_HEALTH: "llmagg_manager_health",
		C.SHIM_ROUTES_EMBED: "llmagg_routes_embed", C.SHIM_AGGREGATOR_EMBED: "llmagg_aggregator_embed",
		C.SHIM_ROUTES_RERANK: "llmagg_routes_rerank", C.SHIM_AGGREGATOR_RERANK: "llmagg_aggregator_rerank",
		C.SHIM_ROUTES_HEALTH: "", C.SHIM_AGGREGATOR_HEALTH: "llmagg_aggregator_health"}[p.kind]
}

func (op *operation) beginPosted(p *C.shim_post) error {
	through := unsafe.Slice(p.through, int(p.count))
	switch p.kind {
	case C.SHIM_CLIENT_CHAT:
		o := held[*clientObject](through[0]._go)
		return op.chat(target{o.c, "client", o.through}, p)
	case C.SHIM_ROUTES_CHAT:
		r := routesOf(through)
		return op.chat(target{r, "routes", r.through}, p)
	case C.SHIM_AGGREGATOR_CHAT:
		o := held[*aggregatorObject](through[0]._go)
		return op.chat(target{o.a, "aggregator", o.through}, p)
	case C.SHIM_ROUTES_EMBED, C.SHIM_ROUTES_RERANK:
		r := routesOf(through)
		return op.other(r.through, r, p)
	case C.SHIM_AGGREGATOR_EMBED, C.SHIM_AGGREGATOR_RERANK:
		o := held[*aggregatorObject](through[0]._go)
		return op.other(o.through, o.a, p)
	case C.SHIM_MANAGER_HEALTH:
		o := held[*managerObject](through[0]._go)
		return op.health([]*scope{o.scope}, func(ctx context.Context) any { return o.m.CheckHealth(ctx) })
	case C.SHIM_ROUTES_HEALTH:
		r := routesOf(through)
		return op.health(r.through, func(ctx context.Context) any { return r.CheckHealth(ctx) })
	default:
		o := held[*aggregatorObject](through[0]._go)
		return op.health(o.through, func(ctx context.Context) any { return o.a.CheckHealth(ctx) })
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
	return guard("an operation that is posted", err, startPosts)
}
