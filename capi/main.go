// Command capi is the C ABI of the library, built with -buildmode=c-shared or
// c-archive; include/llmagg.h is its manual.
//
// The public functions are generated (shim*.c): they check arguments and call
// the exports, which begin with go, are hidden by the version script, and stand
// in one file for each family (manager.go, client.go, …). What handles stand
// for is in register.c and register.go, what begins a call in post.c and
// post.go, the calls in flight in operation.go, and events on their way to the
// reader in queue.c, queue_write.c and queue.go. error.c, calls.c, fork.c,
// wake.c and signals.c never enter Go.
package main

// #cgo CFLAGS: -I${SRCDIR}/../include -O2 -Wall -Wextra
// #include <stdlib.h>
// #include "shim.h"
import "C"

import (
	"log"
	"log/slog"
	"os"
	"runtime"
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

// firstCollection is garbage from the start, for its finalizer. With a pointer
// in it, it shares its memory with no other object.
type firstCollection struct{ _ *byte }

// init keeps Go's packages from writing to the host's stderr (net/http logs
// through the log package), and Go's garbage collector from taking as much
// again as is in use; GOGC in the host's environment says otherwise.
func init() {
	log.SetFlags(0)
	log.SetOutput(strayLog{})
	if _, set := os.LookupEnv("GOGC"); !set {
		debug.SetGCPercent(300) // else the reserve alone would start a collection, which takes 0.4 MB, when the library is loaded
		reserve = make([]byte, 8<<20)
		runtime.SetFinalizer(&firstCollection{}, func(*firstCollection) {
			debug.SetGCPercent(50) // memory is the host's: a third less beside 10 000 open streams
		})
	}
}

// observers are those of every route in the process.
var observers observe.Observers

// clientOptions are given to every client.
func clientOptions() client.Options {
	return client.Options{Logger: slog.New(logHandler{}), Observers: &observers, Getenv: getenv, OnSocket: noteSocket, Tokens: &tokens}
}

func parseOptions() config.Options {
	return config.Options{Getenv: getenv, Environment: environment, Warn: func(message string) { slog.New(logHandler{}).Warn(message) }}
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

// environment lists those variables that C has and that may be meant for the
// library: C walks the others.
func environment() (list []string) {
	for i := C.size_t(0); ; {
		entry := C.shim_environment(&i)
		if entry == nil {
			return list
		}
		list = append(list, C.GoString(entry))
	}
}

// noteSocket keeps the table of descriptors that a forked child closes.
func noteSocket(fd uintptr, open bool) {
	if open {
		C.shim_fd_note(C.int(fd), 1)
		return
	}
	C.shim_fd_forget(C.int(fd))
}
