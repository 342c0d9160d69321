package main

// #include "shim.h"
import "C"

import (
	"context"
	"time"

	"github.com/llmagg/llmagg/core/client"
	"github.com/llmagg/llmagg/core/config"
	"github.com/llmagg/llmagg/core/llm"
)

// customBackend performs attempts by asking the application through a queue.
// It implements [client.Backend].
type customBackend struct {
	queue *queue // nil: that of the operation that caused the attempt
	tag   uint64
	limit int64 // bytes of a whole stream (L1)
}

func newCustomBackend(q *queue, tag uint64, cfgs ...config.Model) *customBackend {
	b := &customBackend{queue: q, tag: tag}
	for _, cfg := range cfgs {
		b.limit = max(b.limit, cfg.WithDefaults().Limits.StreamBytes)
	}
	return b
}

// call sends CALL_CUSTOM.
func (b *customBackend) call(ctx context.Context, x *client.Exchange, stream bool) (*customCall, error) {
	c := &customCall{id: uint64(C.shim_next_id()), tag: b.tag, queue: b.queue, stream: stream, limit: b.limit, model: x.Model,
		begun: time.Now(), news: make(chan struct{}, 1)}
	var parent, parentTag uint64
	if op := operationOf(ctx); op != nil {
		parent, parentTag = op.id, op.tag
		if c.queue == nil {
			c.queue = op.queue
		}
	}
	if c.queue == nil {
		return nil, llm.Errorf(llm.InvalidArgument, "the custom provider %q was made without a queue, so a blocking call cannot reach it; "+
			"use the ..._submit functions, or give the provider a queue that another thread reads", x.Provider)
	}
	names := llm.JSONOf(struct {
		Parent    uint64 `json:"parent"`
		ParentTag uint64 `json:"parent_tag"`
		Provider  string `json:"provider"`
		Name      string `json:"name"`
		Model     string `json:"model"`
		Stream    bool   `json:"stream"`
	}{parent, parentTag, x.Provider, x.Name, x.Model, stream})
	payload := append(names[:len(names)-1], `,"request":`...)
	payload = append(x.Payload.AppendBody(payload, x.Model, stream, x.Usage), '}')
	customCalls.add(c.id, c)
	if !c.queue.push(record{kind: eventCallCustom, op: c.id, tag: c.tag}, payload) {
		customCalls.remove(c.id)
		return nil, errNoMemory
	}
	return c, nil
}

// Chat waits for llmagg_custom_finish or _fail.
func (b *customBackend) Chat(ctx context.Context, x *client.Exchange) (*llm.Response, error) {
	c, err := b.call(ctx, x, false)
	if err != nil {
		return nil, err
	}
	defer c.close()
	for {
		if done, r, err := c.answer(x); done {
			return r, err
		}
		if err := c.wait(ctx); err != nil {
			return nil, err
		}
	}
}

// Stream begins a stream; its head is there at once.
func (b *customBackend) Stream(ctx context.Context, x *client.Exchange) (client.ChunkReader, error) {
	c, err := b.call(ctx, x, true)
	if err != nil {
		return nil, err
	}
	return &customReader{ctx: ctx, x: x, call: c}, nil
}

// customReader reads what the application emits. It implements
// [client.ChunkReader].
type customReader struct {
	ctx  context.Context
	x    *client.Exchange
	call *customCall
}

// Next gives the next chunk; io.EOF after llmagg_custom_finish (S2).
func (r *customReader) Next() (*llm.Chunk, error) {
	for {
		if err := r.ctx.Err(); err != nil {
			return nil, context.Cause(r.ctx)
		}
		chunk, done, err := r.call.next()
		if chunk.chunk != nil {
			r.x.Bytes += int64(chunk.size)
			r.x.Alive()
			return chunk.chunk, nil
		}
		if done {
			return nil, err
		}
		if err := r.call.wait(r.ctx); err != nil {
			return nil, err
		}
	}
}

// Close gives the call up.
func (r *customReader) Close() error {
	r.call.close()
	return nil
}

var (
	_ client.Backend     = (*customBackend)(nil)
	_ client.ChunkReader = (*customReader)(nil)
)
