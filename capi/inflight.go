package main

import "sync"

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
