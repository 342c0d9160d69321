package main

// #include "shim.h"
import "C"

import (
	"bytes"
	"context"
	"errors"
	"time"

	"github.com/llmagg/llmagg/core/cache"
	"github.com/llmagg/llmagg/core/llm"
)

// caches are those of the process, by name, for calls over explicit routes.
// Calls under way keep one that is replaced or removed.
var caches registry[string, *cache.Cache]

// cacheNamed is the cache of a name, nil if there is none.
func cacheNamed(name string) *cache.Cache {
	c, _ := caches.find(name)
	return c
}

//export goCacheSet
func goCacheSet(which *C.char, nameLen C.size_t, limits *C.char, limitsLen C.size_t, err **C.llmagg_error) C.llmagg_status {
	return guard("llmagg_cache_set", err, func() error {
		of, e := name("name", which, nameLen)
		if e != nil {
			return e
		}
		if of == "" {
			return llm.Errorf(llm.InvalidArgument, "argument name is empty; expected the name of a cache")
		}
		var l *llm.CacheLimits
		if text := trimSpace(borrow(limits, limitsLen)); len(text) > 0 && string(text) != "null" {
			if l, e = llm.ReadCacheLimits("the limits of the cache", text); e != nil {
				return e
			}
		}
		if l == nil {
			caches.remove(of)
			return nil
		}
		o := cache.Options{Bytes: l.Bytes, TTL: l.TTL}
		if l.Ask {
			o.Store = askedStore{of}
		}
		caches.add(of, cache.New(o))
		return nil
	})
}

// cacheAnswerTime is how long a call waits for what an application has kept.
const cacheAnswerTime = 5 * time.Second

// cacheCalls are the calls that wait for what an application has kept.
var cacheCalls questions[[]byte]

var errNoCacheAnswer = errors.New("the application did not answer CACHE_GET in time")

// askedStore is a [cache.Store] in the application: the operation's own queue
// is asked and told. Calls without a queue have no store.
type askedStore struct{ name string }

// header begins the payload of its events.
func (s askedStore) header(key cache.Key, ttl time.Duration) []byte {
	return llm.JSONOf(struct {
		Cache string  `json:"cache"`
		Key   string  `json:"key"`
		TTL   float64 `json:"ttl_s,omitempty"`
	}{s.name, key.String(), ttl.Seconds()})
}

// Get sends CACHE_GET and waits for llmagg_cache_answer.
func (s askedStore) Get(ctx context.Context, key cache.Key) ([]byte, error) {
	op := operationOf(ctx)
	if op == nil {
		return nil, nil
	}
	ctx, stop := llm.Within(ctx, cacheAnswerTime, errNoCacheAnswer)
	defer stop()
	value, err := cacheCalls.ask(ctx, op.queue, eventCacheGet, op.tag, s.header(key, 0))
	switch {
	case err == nil, err == errNoMemory:
		return value, err
	case context.Cause(ctx) == errNoCacheAnswer:
		return nil, errNoCacheAnswer
	}
	return nil, nil // the call has ended, or its queue was freed, and says so itself
}

// Put sends CACHE_PUT.
func (s askedStore) Put(ctx context.Context, key cache.Key, value []byte, ttl time.Duration) error {
	op := operationOf(ctx)
	if op == nil {
		return nil
	}
	payload := append(append(s.header(key, ttl), '\n'), value...)
	if !op.queue.push(record{kind: eventCachePut, op: op.id, tag: op.tag}, payload) {
		return errNoMemory
	}
	return nil
}

//export goCacheAnswer
func goCacheAnswer(id C.uint64_t, value *C.char, n C.size_t, err **C.llmagg_error) C.llmagg_status {
	return guard("llmagg_cache_answer", err, func() error {
		return cacheCalls.answer(id, bytes.Clone(borrow(value, n)), "no call waits for this value")
	})
}
