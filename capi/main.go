// Command capi is the C ABI of the library, built with -buildmode=c-shared or
// c-archive. include/llmagg.h is its manual.
//
//	shim.c, shim_queue.c the public functions, generated: argument checks
//	error.c, calls.c     errors, and what a queue's reader calls: nothing of Go
//	fork.c, wake.c       forked children; descriptors that wake a reader
//	queue.c, queue_write.c, queue.go
//	                     events on their way to the reader
//	post.c, post.go      what the host asks for without entering Go
//	signals.c            what keeps the host's signals away from Go's stacks
//	manager.go, provider.go, client.go, aggregator.go, wall.go, log.go
//	                     the exports behind them, one file for each family
//	register.c, register.go
//	                     what handles stand for
//	scope.go, inflight.go
//	                     what was begun through a handle, and what is in flight
//	stats.go             what the library holds
//	operation.go         calls in flight: ids, credit, exactly one terminal event
//	custom.go, custom_call.go
//	                     attempts that the application performs
//	error.go, guard.go, text.go
//	                     errors, panics and bytes at the boundary
//
// Exported names begin with go and are hidden by the version script; the C
// files turn the public names into them.
package main

// #cgo CFLAGS: -I${SRCDIR}/../include -O2 -Wall -Wextra
// #include <stdlib.h>
// #include "shim.h"
import "C"

import (
	"log"
	"log/slog"
	"os"
	"runtime/debug"
	"unsafe"

	"github.com/llmagg/llmagg/core/client"
	"github.com/llmagg/llmagg/core/config"
	"github.com/llmagg/llmagg/core/observe"
)

func main() {}

// reserve counts for the garbage collector as memory in use, but no page of it
// is ever touched. So a heap of a few MB grows by 4 MB more before it is
// collected, and one of hundreds by half.
var reserve []byte

// init keeps Go's packages from writing to the host's stderr (net/http logs
// through the log package), and Go's garbage collector from taking as much
// again as is in use; GOGC in the host's environment says otherwise.
func init() {
	log.SetFlags(0)
	log.SetOutput(strayLog{})
	if _, set := os.LookupEnv("GOGC"); !set {
		debug.SetGCPercent(50) // memory is the host's: a third less beside 10 000 open streams
		reserve = make([]byte, 8<<20)
	}
}

// observers are those of every route in the process.
var observers observe.Observers

// clientOptions are given to every client.
func clientOptions() client.Options {
	return client.Options{Logger: slog.New(logHandler{}), Observers: &observers, Getenv: getenv, OnSocket: noteSocket, Tokens: &tokens}
}

func parseOptions() config.Options {
	return config.Options{Getenv: getenv, Warn: func(message string) { slog.New(logHandler{}).Warn(message) }}
}

// getenv asks C: the host may have changed its environment since Go copied it
// (L5).
func getenv(name string) (string, bool) {
	key := append([]byte(name), 0)
	value := C.shim_getenv((*C.char)(unsafe.Pointer(&key[0])))
	if value == nil {
		return "", false
	}
	return C.GoString(value), true
}

// noteSocket keeps the table of descriptors that a forked child closes.
func noteSocket(fd uintptr, open bool) {
	if open {
		C.shim_fd_note(C.int(fd), 1)
		return
	}
	C.shim_fd_forget(C.int(fd))
}
