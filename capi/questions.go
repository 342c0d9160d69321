package main

// #include "shim.h"
import "C"

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/llmagg/llmagg/core/credential"
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

// acceptCalls are the answers that wait for the application's word.
var acceptCalls questions[acceptAnswer]

// acceptAnswer is what the application says.
type acceptAnswer struct {
	Accept *bool  `json:"accept"`
	Reason string `json:"reason"`
}

// errRefused is a refusal without a reason.
var errRefused = errors.New("it gave no reason")

// askable lets the application of an operation look at answers, if its options
// say so.
func (op *operation) askable(o *llm.CallOptions) error {
	if o.Accept != llm.AcceptAsk {
		return nil
	}
	if op.queue == nil {
		return llm.Errorf(llm.InvalidArgument, "option \"accept\" is \"ask\", but a blocking call has no queue that could be asked; submit the call")
	}
	o.Accept, o.Accepts = "", op.askAccept
	return nil
}

// askAccept sends ACCEPT and waits for llmagg_accept_answer.
func (op *operation) askAccept(r *llm.Response) error {
	payload, err := op.form.response(rooms.take(), r)
	if err != nil {
		return err
	}
	defer rooms.give(payload)
	a, err := acceptCalls.ask(op.ctx, op.queue, eventAccept, op.tag, payload)
	switch {
	case err != nil:
		return err
	case *a.Accept:
		return nil
	case a.Reason == "":
		return errRefused
	}
	return errors.New(a.Reason)
}

//export goAcceptAnswer
func goAcceptAnswer(id C.uint64_t, answer *C.char, n C.size_t, err **C.llmagg_error) C.llmagg_status {
	return guard("llmagg_accept_answer", err, func() error {
		data := borrow(answer, n)
		if err := checkObject("answer", data); err != nil {
			return err
		}
		var a acceptAnswer
		if llm.JSON.Unmarshal(data, &a) != nil || a.Accept == nil {
			return llm.Errorf(llm.InvalidArgument, `argument answer must be {"accept": true} or {"accept": false, "reason": text}`)
		}
		return acceptCalls.answer(id, a, "no answer waits for this word")
	})
}

// tokenQueue is where the process's TOKEN events go; nil: nowhere.
var tokenQueue atomic.Pointer[queue]

// tokens are the application's functions: each is asked through the queue.
var tokens = credential.Functions{Get: askToken}

// tokenCalls are those that wait for the application's answer.
var tokenCalls questions[tokenAnswer]

// tokenAnswer is what the application says.
type tokenAnswer struct {
	Token   string  `json:"token"`
	Expires float64 `json:"expires"` // seconds since the epoch; 0: it does not end
	Error   *string `json:"error"`
}

// askToken sends TOKEN and waits for llmagg_token_answer.
func askToken(ctx context.Context, name string) (token string, expires time.Time, err error) {
	q := tokenQueue.Load()
	if q == nil {
		return "", expires, llm.Errorf(llm.Authentication, "the configuration names a token function (auth.name), but nobody answers for it; call llmagg_token_to_queue")
	}
	a, err := tokenCalls.ask(ctx, q, eventToken, 0, llm.JSONOf(map[string]string{"name": name}))
	if err == nil && a.Error != nil {
		err = errors.New(*a.Error)
	}
	if a.Expires > 0 {
		expires = time.UnixMilli(int64(min(a.Expires, 1e11) * 1000))
	}
	return a.Token, expires, err
}

//export goTokenToQueue
func goTokenToQueue(h unsafe.Pointer, err **C.llmagg_error) C.llmagg_status {
	return guard("llmagg_token_to_queue", err, func() error {
		if h == nil {
			tokenQueue.Store(nil)
		} else {
			tokenQueue.Store(held[*queue](h))
		}
		return nil
	})
}

//export goTokenAnswer
func goTokenAnswer(id C.uint64_t, answer *C.char, n C.size_t, err **C.llmagg_error) C.llmagg_status {
	return guard("llmagg_token_answer", err, func() error {
		data := borrow(answer, n)
		if err := checkObject("answer", data); err != nil {
			return err
		}
		var a tokenAnswer
		if llm.JSON.Unmarshal(data, &a) != nil || a.Error == nil && a.Token == "" { // which may hold the token: not repeated
			return llm.Errorf(llm.InvalidArgument, `argument answer must be {"token": text, "expires": seconds since the epoch} or {"error": text}`)
		}
		return tokenCalls.answer(id, a, "nothing waits for this token")
	})
}
