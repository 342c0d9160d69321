package main

import "sync"

// registry finds what is in flight by its id. The zero value is ready.
type registry[T any] struct{ of sync.Map }

func (r *registry[T]) add(id uint64, v T) { r.of.Store(id, v) }

func (r *registry[T]) find(id uint64) (T, bool) {
	v, ok := r.of.Load(id)
	if !ok {
		var none T
		return none, false
	}
	return v.(T), true
}

func (r *registry[T]) remove(id uint64) { r.of.Delete(id) }

// each calls f for all that are in flight, outside of any lock.
func (r *registry[T]) each(f func(T)) {
	r.of.Range(func(_, v any) bool {
		f(v.(T))
		return true
	})
}

// len counts what is in flight.
func (r *registry[T]) len() (n int) {
	r.each(func(T) { n++ })
	return n
}
