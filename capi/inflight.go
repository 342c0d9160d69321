package main

import (
	"maps"
	"slices"
	"sync"
)

// registry finds what is in flight by its id. The zero value is ready. It is
// divided so that threads seldom wait for each other.
type registry[T any] struct {
	parts [16]struct {
		sync.Mutex
		of map[uint64]T
	}
}

func (r *registry[T]) add(id uint64, v T) {
	p := &r.parts[id%uint64(len(r.parts))]
	p.Lock()
	defer p.Unlock()
	if p.of == nil {
		p.of = map[uint64]T{}
	}
	p.of[id] = v
}

func (r *registry[T]) find(id uint64) (T, bool) {
	p := &r.parts[id%uint64(len(r.parts))]
	p.Lock()
	defer p.Unlock()
	v, ok := p.of[id]
	return v, ok
}

func (r *registry[T]) remove(id uint64) {
	p := &r.parts[id%uint64(len(r.parts))]
	p.Lock()
	defer p.Unlock()
	delete(p.of, id)
}

// len counts what is in flight, one part after the other.
func (r *registry[T]) len() int {
	n := 0
	for i := range r.parts {
		p := &r.parts[i]
		p.Lock()
		n += len(p.of)
		p.Unlock()
	}
	return n
}

// each calls f for all that are in flight, outside of any lock.
func (r *registry[T]) each(f func(T)) {
	for i := range r.parts {
		p := &r.parts[i]
		p.Lock()
		found := slices.Collect(maps.Values(p.of))
		p.Unlock()
		for _, v := range found {
			f(v)
		}
	}
}
