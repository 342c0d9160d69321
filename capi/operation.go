package main

// #include "shim.h"
import "C"

import (
	"context"
	"io"
	"math"
	"sync"
	"sync/atomic"

	"github.com/llmagg/llmagg/core/client"
	"github.com/llmagg/llmagg/core/llm"
)

// defaultWindow is how many chunks a stream runs ahead of its reader.
const defaultWindow = 64

// operation is one call in flight: its events go to a queue, or its end to a
// thread that waits for it.
type operation struct {
	id, tag uint64
	queue   *queue         // nil where a thread waits
	ending  bool           // the queue has promised room for the end
	answer  *C.shim_answer // nil where there is a queue
	scopes  []*scope       // of the handles that it was begun through, and of its queue
	ctx     context.Context
	cancel  context.CancelCauseFunc
	form    form
	what    string // for messages, as "client"
	run     func(op *operation) ([]byte, error)
	credit  credit // of a stream
	pages   pages  // of a long answer, its goroutine's
}

// form is how an operation answers: the flags of the ..._chat_submit functions.
type form struct {
	stream   bool // LLMAGG_STREAM
	batch    bool // LLMAGG_BATCH
	gathered bool // LLMAGG_GATHER
	brief    bool // LLMAGG_BRIEF
}

// formOf reads the flags, which C has checked.
func formOf(flags C.uint32_t) form {
	return form{stream: flags&C.LLMAGG_STREAM != 0, batch: flags&C.LLMAGG_BATCH != 0, gathered: flags&C.LLMAGG_GATHER != 0, brief: flags&C.LLMAGG_BRIEF != 0}
}

// response appends a whole answer.
func (f form) response(dst []byte, r *llm.Response) ([]byte, error) {
	if f.gathered {
		return r.AppendGathered(dst)
	}
	return r.AppendJSON(dst)
}

// chunk appends a chunk; before is what was sent of its stream.
func (f form) chunk(dst []byte, c *llm.Chunk, before *llm.Brief) ([]byte, error) {
	switch {
	case f.brief:
		return before.Append(dst, c)
	case f.gathered:
		return c.AppendGathered(dst)
	}
	return c.AppendJSON(dst)
}

// operations are those in flight, by id.
var operations registry[uint64, *operation]

// opContext lets a custom backend, deep inside the core, find the operation
// that a call belongs to.
type opContext struct {
	context.Context
	op *operation
}

type opKey struct{}

func (c opContext) Value(key any) any {
	if key == (opKey{}) {
		return c.op
	}
	return c.Context.Value(key)
}

// operationOf is the operation that ctx belongs to, nil for a blocking call.
func operationOf(ctx context.Context) *operation {
	op, _ := ctx.Value(opKey{}).(*operation)
	return op
}

// begin lets the operation in, for [operation.start]: run performs it and
// returns what its end carries. Error: CLOSED.
func (op *operation) begin(what string, through []*scope, run func(op *operation) ([]byte, error)) error {
	op.scopes, op.what, op.run = through, what, run
	ctx, cancel := context.WithCancelCause(context.Background())
	op.ctx, op.cancel = ctx, cancel
	if op.queue != nil {
		op.scopes = append(through[:len(through):len(through)], op.queue.scope)
		op.ctx = opContext{ctx, op}
	}
	if op.form.stream {
		op.credit.more = make(chan struct{}, 1)
	}
	// Known before it enters its scopes: whoever closes one of them after that
	// finds it, and whoever closed one before keeps it out.
	operations.add(op.id, op)
	if err := enterAll(op.scopes); err != nil {
		operations.remove(op.id)
		cancel(err)
		return err
	}
	if op.queue != nil {
		if err := op.queue.promise(); err != nil {
			operations.remove(op.id)
			leaveAll(op.scopes)
			cancel(err)
			return err
		}
		op.ending = true
	}
	return nil
}

// start performs the operation on a stack that is large enough at once: the way
// down to the socket is deep, and a stack that grows by and by is copied each
// time. A chat of a C program costs 6 % less CPU so (188 µs instead of 200).
// What the thread that was answered asks for next goes on here.
func (op *operation) start() {
	spread()
	for op != nil {
		op.perform()
		op = op.wake()
	}
}

// spread makes the stack of its goroutine as large as most operations need it.
// Inlined, the room would belong to the caller's frame for all of the call.
//
//go:noinline
func spread() {
	var room [stackNeeded]byte
	keep(&room)
}

// keep is a use of the room that the compiler cannot leave out.
//
//go:noinline
func keep(*[stackNeeded]byte) {}

// stackNeeded is a little less than the runtime's stack size that it asks for.
const stackNeeded = 5 << 10

// perform runs the operation and tells its end, exactly once, whatever happens.
func (op *operation) perform() {
	var payload []byte
	var err error
	if p := recovered(op.what, func() { payload, err = op.run(op) }); p != nil {
		err = p
	}
	op.cancel(nil)
	operations.remove(op.id)
	if op.answer != nil {
		leaveAll(op.scopes) // first: the thread that waits may look
	}
	op.end(payload, err)
	rooms.give(payload)
	op.pages.free()
	if op.answer == nil {
		leaveAll(op.scopes)
	}
}

// rooms are where operations write what they tell: all of it is copied.
var rooms roomPool

type roomPool struct{ pool sync.Pool }

func (p *roomPool) take() []byte {
	if room, ok := p.pool.Get().(*[]byte); ok {
		return (*room)[:0]
	}
	return make([]byte, 0, 2<<10)
}

// give takes a room back, unless it is a large one.
func (p *roomPool) give(room []byte) {
	if cap(room) > 0 && cap(room) <= 64<<10 {
		p.pool.Put(&room)
	}
}

// end tells the end.
func (op *operation) end(payload []byte, err error) {
	switch {
	case op.answer != nil && err != nil:
		var e *C.llmagg_error
		status := setError(&e, err)
		C.shim_answer_fail(op.answer, status, e)
	case op.answer != nil:
		C.shim_answer_give(op.answer, bytesOf(payload), C.size_t(len(payload)))
	case err != nil:
		e := asError(err)
		op.tellEnd(record{kind: eventError, status: int32(e.Code), op: op.id, tag: op.tag}, errorJSON(e))
	case op.pages.used > 0:
		op.tellLong()
	default:
		op.tellEnd(record{kind: eventDone, op: op.id, tag: op.tag}, payload)
	}
}

func (op *operation) tellEnd(r record, payload []byte) {
	if op.ending { // else it was refused before it began
		r.how = C.SHIM_END
	}
	op.queue.push(r, payload)
}

// sendChunk sends a chunk of a stream, and reports whether there was memory.
func (op *operation) sendChunk(chunk []byte) bool {
	r := record{kind: eventChunk, op: op.id, tag: op.tag}
	if op.form.batch {
		r.how = C.SHIM_BATCHED
	}
	return op.queue.push(r, chunk)
}

// relay sends the events of a stream, each chunk for one credit, and gives the
// whole response.
func (op *operation) relay(s *client.Stream) ([]byte, error) {
	defer s.Close()
	defer client.Leave(s)
	scratch := rooms.take() // reused: push copies it
	var before llm.Brief
	for {
		ev, err := client.Read(s)
		if err != nil {
			if err == io.EOF {
				err = llm.Errorf(llm.Internal, "the stream ended without its response")
			}
			return nil, err
		}
		switch ev.Kind {
		case llm.EventDone:
			return op.response(scratch[:0], ev.Response)
		case llm.EventRestart:
			payload, err := ev.Restart.MarshalJSON()
			if err != nil {
				return nil, err
			}
			if !op.queue.push(record{kind: eventRestart, op: op.id, tag: op.tag}, payload) {
				return nil, errNoMemory
			}
		case llm.EventChunk:
			if scratch, err = op.form.chunk(scratch[:0], ev.Chunk, &before); err != nil {
				return nil, err
			}
			if !op.credit.take(op.ctx.Done(), s.Done(), s) {
				continue // it has ended: Read says how
			}
			if !op.sendChunk(scratch) {
				return nil, errNoMemory
			}
		}
	}
}

// target is what a chat is for: a client, an aggregator or a list of routes.
type target struct {
	callForm
	what    string   // "client"
	through []*scope // of its handles
}

type callForm interface {
	ChatPayload(ctx context.Context, p *llm.Payload) (*llm.Response, error)
	StreamPayload(ctx context.Context, p *llm.Payload) (*client.Stream, error)
}

// chat begins the operation as a chat. Its request is read in its goroutine.
func (op *operation) chat(to target, asked *C.shim_post) error {
	request, options := copied(asked.request, asked.request_len), copied(asked.options, asked.options_len)
	return op.begin(to.what, to.through, func(op *operation) ([]byte, error) {
		p, err := newPayload(request, options)
		if err == nil {
			err = op.askable(&p.Options)
		}
		if err != nil {
			return nil, err
		}
		if !op.form.stream {
			return op.whole(to, p)
		}
		op.credit.start(p.Options.Window)
		s, err := to.StreamPayload(op.ctx, p)
		if err != nil {
			return nil, err
		}
		return op.relay(s)
	})
}

// health begins the operation as a health check.
func (op *operation) health(through []*scope, check func(context.Context) any) error {
	return op.begin("health", through, func(op *operation) ([]byte, error) {
		result := check(op.ctx)
		if op.ctx.Err() != nil {
			return nil, context.Cause(op.ctx)
		}
		return llm.JSON.Marshal(result)
	})
}

func (op *operation) whole(to target, p *llm.Payload) ([]byte, error) {
	r, err := to.ChatPayload(op.ctx, p)
	if err != nil {
		return nil, err
	}
	return op.response(rooms.take(), r)
}

// newPayload checks a request, which is the payload's from now on, and its
// options.
func newPayload(request, options []byte) (*llm.Payload, error) {
	o, err := callOptions(options)
	if err != nil {
		return nil, err
	}
	return llm.OwnRequest(request, o)
}

// credit counts the chunks that a stream may send.
type credit struct {
	left atomic.Int64
	more chan struct{} // has one element after a give
}

// start sets the window: 0 means the default, negative no bound.
func (c *credit) start(window int) {
	switch {
	case window < 0:
		c.give(math.MaxInt64 / 2)
	case window == 0:
		c.give(defaultWindow)
	default:
		c.give(int64(window))
	}
}

// give adds credit; it may come before start, since an operation is known
// before it runs.
func (c *credit) give(n int64) {
	c.left.Add(n)
	select {
	case c.more <- struct{}{}:
	default:
	}
}

// take waits for one credit, and does not read from s meanwhile. It gives up,
// and tells so, when one of the channels closes first.
func (c *credit) take(canceled, ended <-chan struct{}, s *client.Stream) bool {
	for c.left.Add(-1) < 0 {
		c.left.Add(1)
		client.Leave(s)
		select {
		case <-c.more:
		case <-canceled:
			return false
		case <-ended:
			return false
		}
	}
	return true
}

var errCanceled = &llm.Error{Code: llm.Canceled, Message: "the operation was canceled"}

//export goOpCancel
func goOpCancel(id C.uint64_t, err **C.llmagg_error) C.llmagg_status {
	return guard("llmagg_op_cancel", err, func() error {
		if op, ok := operations.find(uint64(id)); ok {
			op.cancel(errCanceled)
		}
		return nil
	})
}

// giveCredit lets an operation send more chunks; it may have ended.
func giveCredit(id uint64, chunks int64) {
	if op, ok := operations.find(id); ok {
		op.credit.give(chunks)
	}
}
