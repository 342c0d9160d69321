package main

// #include "shim.h"
import "C"

import (
	"unsafe"

	"github.com/llmagg/llmagg/core/aggregator"
	"github.com/llmagg/llmagg/core/client"
	"github.com/llmagg/llmagg/core/llm"
)

// embed begins the operation as a request for vectors, over these routes or
// those of the aggregator.
func (op *operation) embed(through []*scope, by *aggregator.Aggregator, over []*client.Client, asked *C.shim_post) error {
	return op.ask("embed", through, asked, func(op *operation, request []byte, o llm.CallOptions) ([]byte, error) {
		e, err := llm.ParseEmbedding(request, o)
		if err != nil {
			return nil, err
		}
		var r *llm.EmbeddingResponse
		if over != nil {
			r, err = by.EmbedRoutes(op.ctx, over, e)
		} else {
			r, err = by.Embed(op.ctx, e)
		}
		if err != nil {
			return nil, err
		}
		return op.vectors(r)
	})
}

// ask begins the operation as a call that is no chat. Its options are read in
// its goroutine.
func (op *operation) ask(what string, through []*scope, asked *C.shim_post, run func(op *operation, request []byte, o llm.CallOptions) ([]byte, error)) error {
	request, options := copied(asked.request, asked.request_len), copied(asked.options, asked.options_len)
	return op.begin(what, through, func(op *operation) ([]byte, error) {
		o, err := llm.ParseCallOptions(options)
		if err != nil {
			return nil, err
		}
		return run(op, request, o)
	})
}

// vectors writes a llmagg_vectors with all that follows it, where there are
// many into pages, as [operation.response] does.
func (op *operation) vectors(r *llm.EmbeddingResponse) ([]byte, error) {
	text, err := r.AppendJSON(nil)
	if err != nil {
		return nil, err
	}
	head := C.llmagg_vectors{count: C.uint64_t(len(r.Vectors)), dimensions: C.uint32_t(len(r.Vectors[0])), offset: C.sizeof_llmagg_vectors}
	numbers := 4 * len(r.Vectors) * len(r.Vectors[0])
	head.json_offset, head.json_len = C.uint64_t(C.sizeof_llmagg_vectors+numbers), C.uint64_t(len(text))
	size := int(head.json_offset) + len(text)
	room := rooms.take()
	if op.ending && size > llm.LongAnswer {
		if op.pages = mapPages(size + 1); op.pages.at != nil {
			room, op.pages.used = op.pages.room(), size
		}
	}
	room = append(room, unsafe.Slice((*byte)(unsafe.Pointer(&head)), unsafe.Sizeof(head))...)
	for _, v := range r.Vectors {
		room = append(room, unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(v))), 4*len(v))...)
	}
	room = append(room, text...)
	if op.pages.used > 0 {
		return nil, nil
	}
	return room, nil
}
