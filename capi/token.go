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
