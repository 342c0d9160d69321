package main

// #include "shim.h"
import "C"

import (
	"context"
	"errors"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/llmagg/llmagg/core/credential"
	"github.com/llmagg/llmagg/core/llm"
)

// tokenQueue is where the process's TOKEN events go; nil: nowhere.
var tokenQueue atomic.Pointer[queue]

// tokens are the application's functions: each is asked through the queue.
var tokens = credential.Functions{Get: askToken}

// tokenCalls are those that wait for the application's answer, by id. Whoever
// removes one answers it.
var tokenCalls registry[chan tokenAnswer]

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
	payload, err := llm.JSON.Marshal(map[string]string{"name": name})
	if err != nil {
		return "", expires, err
	}
	id, answered := uint64(C.shim_next_id()), make(chan tokenAnswer, 1)
	tokenCalls.add(id, answered)
	defer tokenCalls.remove(id)
	if !q.push(record{kind: eventToken, op: id}, payload) {
		return "", expires, errNoMemory
	}
	select {
	case a := <-answered:
		if a.Error != nil {
			return "", expires, errors.New(*a.Error)
		}
		if a.Expires > 0 {
			expires = time.UnixMilli(int64(min(a.Expires, 1e11) * 1000))
		}
		return a.Token, expires, nil
	case <-ctx.Done():
		return "", expires, ctx.Err()
	case <-q.scope.ctx.Done():
		return "", expires, errors.New("the queue of TOKEN events was freed")
	}
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
		answered, waits := tokenCalls.of.LoadAndDelete(uint64(id))
		if !waits {
			return &llm.Error{Code: llm.Canceled, Message: "nothing waits for this token any more, or the number is wrong"}
		}
		answered.(chan tokenAnswer) <- a
		return nil
	})
}
