package main

// #include "shim.h"
import "C"

import (
	"context"
	"errors"
	"sync"

	"github.com/llmagg/llmagg/core/llm"
)

// questions are those to the application that wait for its answer, by id.
// Whoever removes one answers it.
type questions[A any] struct{ registry[uint64, chan A] }

// errFreed ends a question whose queue was freed.
var errFreed = errors.New("the queue that was asked was freed")

// ask sends a question to a queue, as an event of a kind, and waits for the
// answer until ctx ends.
func (w *questions[A]) ask(ctx context.Context, q *queue, kind int32, tag uint64, payload []byte) (a A, err error) {
	id, answered := uint64(C.shim_next_id()), make(chan A, 1)
	w.add(id, answered)
	defer w.remove(id)
	if !q.push(record{kind: kind, op: id, tag: tag}, payload) {
		return a, errNoMemory
	}
	select {
	case a = <-answered:
		return a, nil
	case <-ctx.Done():
		return a, ctx.Err()
	case <-q.scope.ctx.Done():
		return a, errFreed
	}
}

// answer gives an answer to who waits for it; late is the error's beginning
// where nobody does.
func (w *questions[A]) answer(id C.uint64_t, a A, late string) error {
	answered, waits := w.of.LoadAndDelete(uint64(id))
	if !waits {
		return &llm.Error{Code: llm.Canceled, Message: late + " any more, or the number is wrong"}
	}
	answered.(chan A) <- a
	return nil
}

// registry finds things by their key, as what is in flight by its id. The zero
// value is ready.
type registry[K comparable, T any] struct{ of sync.Map }

func (r *registry[K, T]) add(key K, v T) { r.of.Store(key, v) }

func (r *registry[K, T]) find(key K) (v T, ok bool) {
	found, ok := r.of.Load(key)
	if ok {
		v = found.(T)
	}
	return v, ok
}

func (r *registry[K, T]) remove(key K) { r.of.Delete(key) }

// each calls f for all, outside of any lock.
func (r *registry[K, T]) each(f func(K, T)) {
	r.of.Range(func(key, v any) bool {
		f(key.(K), v.(T))
		return true
	})
}

func (r *registry[K, T]) len() (n int) {
	r.each(func(K, T) { n++ })
	return n
}
