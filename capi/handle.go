package main

// #include "shim.h"
import "C"

import (
	"crypto/rand"
	"encoding/binary"
	"sync"

	"github.com/llmagg/llmagg/core/llm"
)

// object is what a handle stands for.
type object interface {
	kind() string
}

// A handle is a number that C sees as a pointer. It is no address: its high
// bits are those of none on x86-64 and aarch64, and it is odd. Numbers go up
// and are never given twice, so a freed handle costs nothing and never becomes
// another object.
const (
	handleMark = 0xA660 << 48
	handleBits = 1<<48 - 1 // under the mark; they go round after 140 million million handles
	handleStep = 2
)

// handles are the objects that were not freed, by their handle.
var handles = struct {
	sync.RWMutex
	of map[uintptr]object
	// first is by chance, since a forked child has another copy of the library,
	// for which the parent's handles must be foreign.
	first  uintptr
	issued uintptr // how many, times handleStep
}{of: map[uintptr]object{}, first: firstHandle()}

func firstHandle() uintptr {
	var b [8]byte
	_, _ = rand.Read(b[:]) // it never fails, says its documentation
	return uintptr(binary.NativeEndian.Uint64(b[:]))&handleBits | 1
}

// newHandle makes the handle of an object.
func newHandle(o object) C.uintptr_t {
	handles.Lock()
	defer handles.Unlock()
	h := handleMark | (handles.first+handles.issued)&handleBits
	handles.issued += handleStep
	handles.of[h] = o
	return C.uintptr_t(h)
}

// objectOf finds what a handle stands for. why says what else it is, where it
// stands for nothing.
func objectOf(h uintptr) (o object, why string) {
	handles.RLock()
	defer handles.RUnlock()
	if o = handles.of[h]; o != nil {
		return o, ""
	}
	if at := (h - handles.first) & handleBits; h&^handleBits == handleMark && at%handleStep == 0 && at < handles.issued {
		return nil, "a handle that was freed"
	}
	return nil, "no handle of this library"
}

// lookup finds the object of a handle. what names the argument. Errors:
// INVALID_HANDLE.
func lookup[T object](what string, h C.uintptr_t) (T, error) {
	o, why := objectOf(uintptr(h))
	t, ok := o.(T)
	if !ok {
		if o != nil {
			why = "the handle of a " + o.kind()
		}
		return t, llm.Errorf(llm.InvalidHandle, "argument %s is %s", what, why)
	}
	return t, nil
}

// take ends a handle and gives its object to the one caller that may destroy
// it. keep, if not nil, can refuse.
func take[T object](h C.uintptr_t, keep func(T) bool) (T, bool) {
	o, _ := objectOf(uintptr(h))
	t, ok := o.(T)
	if !ok || keep != nil && keep(t) {
		return t, false
	}
	handles.Lock()
	defer handles.Unlock()
	_, mine := handles.of[uintptr(h)]
	delete(handles.of, uintptr(h))
	return t, mine
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
	handles.RLock()
	defer handles.RUnlock()
	var found []T
	for _, o := range handles.of {
		if t, ok := o.(T); ok {
			found = append(found, t)
		}
	}
	return found
}
