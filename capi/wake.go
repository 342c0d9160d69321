package main

// #include "shim.h"
import "C"

import (
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

// wakeThread wakes the thread that waits for an answer that was given. The
// answer may be gone by now: then nobody waits at that address, or somebody
// for whom a wake-up without reason is one of those that a futex may give.
func wakeThread(a *C.shim_answer) {
	const wakePrivate = 1 | 128 // FUTEX_WAKE | FUTEX_PRIVATE_FLAG
	_, _, _ = syscall.RawSyscall6(syscall.SYS_FUTEX, uintptr(unsafe.Pointer(a)), wakePrivate, 1, 0, 0, 0)
}
