package main

// #include "shim.h"
import "C"

import (
	"sync"

	"github.com/llmagg/llmagg/core/cache"
	"github.com/llmagg/llmagg/core/llm"
)

// caches are those of the process, by name, for calls over explicit routes.
var caches namedCaches

type namedCaches struct {
	mu sync.RWMutex // guards of
	of map[string]*cache.Cache
}

// named is the cache of a name, nil if there is none.
func (n *namedCaches) named(name string) *cache.Cache {
	n.mu.RLock()
	defer n.mu.RUnlock()
	return n.of[name]
}

// set makes the cache of a name, or drops it where c is nil. Calls under way
// keep theirs.
func (n *namedCaches) set(name string, c *cache.Cache) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if c == nil {
		delete(n.of, name)
		return
	}
	if n.of == nil {
		n.of = map[string]*cache.Cache{}
	}
	n.of[name] = c
}

// reports are the states of all caches that have a name.
func (n *namedCaches) reports() map[string]cache.Report {
	n.mu.RLock()
	defer n.mu.RUnlock()
	all := make(map[string]cache.Report, len(n.of))
	for name, c := range n.of {
		all[name] = c.Report()
	}
	return all
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
		text := trimSpace(borrow(limits, limitsLen))
		if len(text) == 0 || string(text) == "null" {
			caches.set(of, nil)
			return nil
		}
		l, e := llm.ReadCacheLimits("argument limits", text)
		if e != nil {
			return e
		}
		if l == nil {
			caches.set(of, nil)
			return nil
		}
		caches.set(of, cache.New(cache.Options{Bytes: l.Bytes, TTL: l.TTL}))
		return nil
	})
}
