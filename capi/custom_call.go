package main

// #include "shim.h"
import "C"

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/llmagg/llmagg/core/client"
	"github.com/llmagg/llmagg/core/llm"
)

// A custom call's emitter is asked to pause when this many chunks wait for the
// stream's reader, and to resume when no more than resumeAt do.
const (
	pauseAt  = 64
	resumeAt = 16
)

// customCall is one attempt that the application performs.
type customCall struct {
	id, tag uint64
	queue   *queue
	stream  bool
	limit   int64
	model   string // upstream name
	begun   time.Time

	mu       sync.Mutex // guards what follows
	chunks   []sized    // emitted, not yet read
	bytes    int64      // emitted in all
	paused   bool       // the emitter was told to wait
	ended    bool       // answered, failed or given up
	response *llm.Response
	size     int
	err      error
	news     chan struct{} // has one element after a change
}

// sized is a chunk and the length of its text.
type sized struct {
	chunk *llm.Chunk
	size  int
}

// customCalls are those that wait for their answer, by id.
var customCalls registry[uint64, *customCall]

// wait waits for news of the application, or for the end of ctx or of the
// queue.
func (c *customCall) wait(ctx context.Context) error {
	select {
	case <-c.news:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-c.queue.scope.ctx.Done():
		return llm.Errorf(llm.Unavailable, "the queue of the custom provider was freed")
	}
}

// tell announces a change. The lock is held.
func (c *customCall) tell() {
	select {
	case c.news <- struct{}{}:
	default:
	}
}

// answer is the whole answer, when it is there.
func (c *customCall) answer(x *client.Exchange) (bool, *llm.Response, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.ended {
		return false, nil, nil
	}
	x.Bytes += int64(c.size)
	if c.err != nil {
		return true, nil, c.err
	}
	if c.response == nil || len(c.response.Choices) == 0 {
		return true, nil, llm.Errorf(llm.BadResponse, "the custom provider's answer has no choices")
	}
	return true, c.response, nil
}

// close gives the call up; if it was not answered, the application is told.
func (c *customCall) close() {
	c.mu.Lock()
	open := !c.ended
	c.ended = true
	c.chunks = nil
	c.mu.Unlock()
	customCalls.remove(c.id)
	if open {
		c.queue.push(record{kind: eventCancelCustom, op: c.id, tag: c.tag}, []byte("{}"))
	}
}

// next takes a chunk; done with io.EOF or the failure when there are no more.
func (c *customCall) next() (first sized, done bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.chunks) > 0 {
		first, c.chunks = c.chunks[0], c.chunks[1:]
		if c.paused && len(c.chunks) <= resumeAt && !c.ended {
			c.paused = !c.queue.push(record{kind: eventResumeCustom, op: c.id, tag: c.tag}, []byte("{}"))
		}
		return first, false, nil
	}
	if c.ended && c.err == nil {
		return first, true, io.EOF
	}
	return first, c.ended, c.err
}

var errCustomEnded = &llm.Error{Code: llm.Canceled, Message: "no such custom call is waiting for an answer; it has ended, or its number is wrong"}

// complete fills in the head of an answer where the application left it out.
func (c *customCall) complete(id, object *string, kind string, created *int64, model *string) {
	if *id == "" {
		*id = fmt.Sprintf("custom-%d", c.id)
	}
	*object = cmp.Or(*object, kind)
	*created = cmp.Or(*created, c.begun.Unix())
	*model = cmp.Or(*model, c.model)
}

// emit takes a chunk from the application and tells whether it should pause.
func (c *customCall) emit(data []byte) (pause bool, err error) {
	chunk := &llm.Chunk{}
	if err := readObject("chunk", data, chunk); err != nil {
		return false, err
	}
	c.complete(&chunk.ID, &chunk.Object, "chat.completion.chunk", &chunk.Created, &chunk.Model)
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.ended:
		return false, errCustomEnded
	case !c.stream:
		return false, llm.Errorf(llm.InvalidArgument, "custom call %d asks for a whole response; answer it with llmagg_custom_finish", c.id)
	}
	c.bytes += int64(len(data))
	if c.bytes > c.limit {
		c.ended, c.err = true, llm.Errorf(llm.BadResponse, "the stream is longer than %d bytes (limits.stream_bytes)", c.limit)
		c.tell()
		return false, llm.Errorf(llm.Overloaded, "the stream is longer than %d bytes (limits.stream_bytes) and has failed", c.limit)
	}
	c.chunks = append(c.chunks, sized{chunk, len(data)})
	c.tell()
	c.paused = c.paused || len(c.chunks) >= pauseAt
	return c.paused, nil
}

// finish ends the call well, with a response where one was asked for.
func (c *customCall) finish(data []byte) error {
	var r *llm.Response
	if data != nil {
		r = &llm.Response{}
		if err := readObject("response", data, r); err != nil {
			return err
		}
		c.complete(&r.ID, &r.Object, "chat.completion", &r.Created, &r.Model)
	}
	return c.end(func() {
		c.response, c.size = r, len(data)
		if c.stream && r != nil { // T2: a whole answer is a stream of one chunk
			c.chunks = append(c.chunks, sized{r.AsChunk(), len(data)})
		}
	})
}

// fail ends the call with an error.
func (c *customCall) fail(data []byte) error {
	e := &llm.Error{Code: llm.Unavailable, Message: "the custom provider failed and gave no reason"}
	if data != nil {
		e.Message = ""
		if err := readObject("error", data, e); err != nil {
			return err
		}
		if e.Message == "" {
			e.Message = fmt.Sprintf("the custom provider failed with %s", e.Code)
		}
	}
	return c.end(func() { c.err = e })
}

func (c *customCall) end(how func()) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		return errCustomEnded
	}
	how()
	c.ended = true
	c.tell()
	return nil
}

// onCustom is guard for an export about a custom call.
func onCustom(name string, id C.uint64_t, err **C.llmagg_error, body func(c *customCall) error) C.llmagg_status {
	return guard(name, err, func() error {
		c, ok := customCalls.find(uint64(id))
		if !ok {
			return errCustomEnded
		}
		return body(c)
	})
}

//export goCustomEmit
func goCustomEmit(id C.uint64_t, chunk *C.char, n C.size_t, pause *C.int, err **C.llmagg_error) C.llmagg_status {
	return onCustom("llmagg_custom_emit", id, err, func(c *customCall) error {
		wait, e := c.emit(borrow(chunk, n))
		if e == nil && pause != nil {
			*pause = 0
			if wait {
				*pause = 1
			}
		}
		return e
	})
}

//export goCustomFinish
func goCustomFinish(id C.uint64_t, response *C.char, n C.size_t, err **C.llmagg_error) C.llmagg_status {
	return onCustom("llmagg_custom_finish", id, err, func(c *customCall) error { return c.finish(borrow(response, n)) })
}

//export goCustomFail
func goCustomFail(id C.uint64_t, message *C.char, n C.size_t, err **C.llmagg_error) C.llmagg_status {
	return onCustom("llmagg_custom_fail", id, err, func(c *customCall) error { return c.fail(borrow(message, n)) })
}
