package main

// #include "shim.h"
import "C"

import (
	"context"
	"unsafe"

	"github.com/llmagg/llmagg/core/llm"
)

// otherForm is what calls that are no chats are for: an aggregator or a list of
// routes.
type otherForm interface {
	Embed(context.Context, *llm.EmbeddingRequest) (*llm.EmbeddingResponse, error)
	Rerank(context.Context, *llm.RerankRequest) (*llm.RerankResponse, error)
}

// other begins the operation as a call that is no chat. Request and options are
// read in its goroutine.
func (op *operation) other(through []*scope, by otherForm, asked *C.shim_post) error {
	request, options := copied(asked.request, asked.request_len), copied(asked.options, asked.options_len)
	what, call := "embed", op.embed
	if asked.kind == C.SHIM_ROUTES_RERANK || asked.kind == C.SHIM_AGGREGATOR_RERANK {
		what, call = "rerank", op.rerank
	}
	return op.begin(what, through, func(op *operation) ([]byte, error) {
		o, err := callOptions(options)
		if err != nil {
			return nil, err
		}
		return call(by, request, o)
	})
}

func (op *operation) embed(by otherForm, request []byte, o llm.CallOptions) ([]byte, error) {
	e, err := llm.ParseEmbedding(request, o)
	if err != nil {
		return nil, err
	}
	if op.ending {
		e.Memory = op.memory
	}
	r, err := by.Embed(op.ctx, e)
	if err != nil {
		return nil, err
	}
	return op.vectors(r)
}

func (op *operation) rerank(by otherForm, request []byte, o llm.CallOptions) ([]byte, error) {
	e, err := llm.ParseRerank(request, o)
	if err != nil {
		return nil, err
	}
	r, err := by.Rerank(op.ctx, e)
	if err != nil {
		return nil, err
	}
	return r.AppendJSON(rooms.take())
}

// jsonRoom is kept behind vectors for what else an answer says.
const jsonRoom = 1 << 20

// memory takes pages for many numbers, behind the room for their head; nil for
// few.
func (op *operation) memory(numbers int) []float32 {
	if 4*numbers <= llm.LongAnswer {
		return nil
	}
	op.pages = reservePages(C.sizeof_llmagg_vectors + 4*numbers + jsonRoom)
	if op.pages.at == nil {
		return nil
	}
	return unsafe.Slice((*float32)(unsafe.Add(unsafe.Pointer(op.pages.at), C.sizeof_llmagg_vectors)), numbers)
}

// filled tells whether the pages that memory took hold these vectors, one
// behind the other.
func (op *operation) filled(vectors [][]float32) bool {
	if op.pages.at == nil {
		return false
	}
	at := unsafe.Add(unsafe.Pointer(op.pages.at), C.sizeof_llmagg_vectors)
	for _, v := range vectors {
		if unsafe.Pointer(unsafe.SliceData(v)) != at {
			return false
		}
		at = unsafe.Add(at, 4*len(v))
	}
	return true
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
	first := unsafe.Slice((*byte)(unsafe.Pointer(&head)), unsafe.Sizeof(head))
	size := int(head.json_offset) + len(text)
	if op.filled(r.Vectors) && size < op.pages.size {
		room := op.pages.room()[:size]
		copy(room, first)
		copy(room[head.json_offset:], text)
		op.pages.used, op.pages.lean = size, true
		return nil, nil
	}
	defer op.pages.free() // the vectors that are in them are copied
	op.pages = pages{}
	room := rooms.take()
	if op.ending && size > llm.LongAnswer {
		if op.pages = mapPages(size + 1); op.pages.at != nil {
			room, op.pages.used = op.pages.room(), size
		}
	}
	room = append(room, first...)
	for _, v := range r.Vectors {
		room = append(room, unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(v))), 4*len(v))...)
	}
	room = append(room, text...)
	if op.pages.used > 0 {
		return nil, nil
	}
	return room, nil
}
