package main

// #include "shim.h"
import "C"

import (
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"unsafe"
)

// Whoever is woken may take the core from the thread that wakes at once. If
// that thread is in a cgo call or a system call that the scheduler knows of, Go
// takes its processor away and gives it to another thread, for each wake-up;
// so these, which never block, are raw system calls.

// wakeDescriptor makes a descriptor of shim_wake_open readable. Where it is
// readable already, nothing happens.
func wakeDescriptor(fd int) {
	one := uint64(1)
	for {
		_, _, errno := syscall.RawSyscall(syscall.SYS_WRITE, uintptr(fd), uintptr(unsafe.Pointer(&one)), unsafe.Sizeof(one))
		if errno != syscall.EINTR {
			return
		}
	}
}

// clearDescriptor makes it unreadable.
func clearDescriptor(fd int) {
	var count [8]byte
	_, _, _ = syscall.RawSyscall(syscall.SYS_READ, uintptr(fd), uintptr(unsafe.Pointer(&count)), unsafe.Sizeof(count))
}

// wakings are threads of the host that are to be woken. What can run in Go now
// runs first, and what it gives finds the wake-up under way: a thread that is
// woken at once takes the core away, for one event or one answer each time. 64
// threads get 16 % more calls done so, for 12 % less CPU each (contend custom,
// in tests/bench).
type wakings[T any] struct {
	wake func(T)

	mu    sync.Mutex // guards asked
	asked []T
}

// soon wakes v soon.
func (w *wakings[T]) soon(v T) {
	w.mu.Lock()
	w.asked = append(w.asked, v)
	first := len(w.asked) == 1
	w.mu.Unlock()
	if first {
		go w.run()
	}
}

func (w *wakings[T]) run() {
	runtime.Gosched() // to the end of the line
	w.mu.Lock()
	asked := w.asked
	w.asked = nil
	w.mu.Unlock()
	for _, v := range asked {
		w.wake(v)
	}
}

// sleepers are the threads that wait for an answer of Go's: the addresses of
// answers as numbers, since a thread's stack may be gone by the time.
var sleepers = wakings[uintptr]{wake: wakeAt}

// asleep is how many of them have not been woken.
var asleep atomic.Int64

// wakeSoon wakes the thread that waits for the operation's answer, if one does,
// soon.
func (op *operation) wakeSoon() {
	if op.answer != nil {
		sleepers.soon(op.sleeper())
	}
}

// wake is wakeSoon, but where no other thread waits it wakes this one at once,
// and gives the operation that the thread has asked for by then: on the same
// core it mostly has, and then nothing of Go's is woken for that. 8.2 system
// calls a chat so, not 10.9, for 3 to 5 % less CPU (c-one-llmagg, tests/bench).
func (op *operation) wake() *operation {
	if op.answer == nil || asleep.Load() > 1 {
		op.wakeSoon()
		return nil
	}
	willTake(1)
	wakeAt(op.sleeper())
	willTake(-1)
	return takePosted()
}

func (op *operation) sleeper() uintptr { return uintptr(unsafe.Pointer(op.answer)) }

// wakeAt wakes the thread that waits at an address. If the answer there is
// gone, nobody waits, or somebody for whom a wake-up without reason is one of
// those that a futex may give.
func wakeAt(a uintptr) {
	const wakePrivate = 1 | 128 // FUTEX_WAKE | FUTEX_PRIVATE_FLAG
	asleep.Add(-1)
	_, _, _ = syscall.RawSyscall6(syscall.SYS_FUTEX, a, wakePrivate, 1, 0, 0, 0)
}
