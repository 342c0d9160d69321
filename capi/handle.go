package main

// #include "shim.h"
import "C"

import (
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/llmagg/llmagg/core/llm"
	pointer "github.com/mattn/go-pointer"
)

// object is what a handle stands for.
type object interface {
	kind() string
}

// box is what go-pointer keeps under an address for ever. Freeing a handle
// empties its box, the tombstone: go-pointer's Unref would hand the address out
// again at the next Save, and an old handle would become another object.
type box struct {
	object atomic.Pointer[object] // nil: freed
}

// addresses are all addresses ever handed out. A number that is not among them
// is never turned into a pointer: it may be anything.
var addresses = struct {
	sync.RWMutex
	of map[uintptr]unsafe.Pointer
}{of: map[uintptr]unsafe.Pointer{}}

// newHandle makes the handle of an object.
func newHandle(o object) unsafe.Pointer {
	b := &box{}
	b.object.Store(&o)
	p := pointer.Save(b)
	addresses.Lock()
	addresses.of[uintptr(p)] = p
	addresses.Unlock()
	return p
}

func boxOf(h C.uintptr_t) *box {
	addresses.RLock()
	p, ours := addresses.of[uintptr(h)]
	addresses.RUnlock()
	if !ours {
		return nil
	}
	b, _ := pointer.Restore(p).(*box)
	return b
}

// lookup finds the object of a handle. what names the argument. Errors:
// INVALID_HANDLE.
func lookup[T object](what string, h C.uintptr_t) (T, error) {
	var none T
	b := boxOf(h)
	if b == nil {
		return none, llm.Errorf(llm.InvalidHandle, "argument %s is no handle of this library", what)
	}
	o := b.object.Load()
	if o == nil {
		return none, llm.Errorf(llm.InvalidHandle, "argument %s is a handle that was freed", what)
	}
	t, ok := (*o).(T)
	if !ok {
		return none, llm.Errorf(llm.InvalidHandle, "argument %s is the handle of a %s", what, (*o).kind())
	}
	return t, nil
}

// take empties the box of a handle and gives its object to the one caller that
// may destroy it. keep, if not nil, can refuse.
func take[T object](h C.uintptr_t, keep func(T) bool) (T, bool) {
	var none T
	b := boxOf(h)
	if b == nil {
		return none, false
	}
	o := b.object.Load()
	if o == nil {
		return none, false
	}
	t, ok := (*o).(T)
	if !ok || keep != nil && keep(t) || !b.object.CompareAndSwap(o, nil) {
		return none, false
	}
	return t, true
}

// anyLive tells whether a handle that was not freed stands for an object that
// fits.
func anyLive[T object](fits func(T) bool) bool {
	for _, t := range live[T]() {
		if fits(t) {
			return true
		}
	}
	return false
}

// live lists the objects of one kind whose handles were not freed.
func live[T object]() []T {
	addresses.RLock()
	all := make([]unsafe.Pointer, 0, len(addresses.of))
	for _, p := range addresses.of {
		all = append(all, p)
	}
	addresses.RUnlock()
	var found []T
	for _, p := range all {
		b, _ := pointer.Restore(p).(*box)
		if b == nil {
			continue
		}
		if o := b.object.Load(); o != nil {
			if t, ok := (*o).(T); ok {
				found = append(found, t)
			}
		}
	}
	return found
}
