package main

// #include "shim.h"
import "C"

import (
	"runtime"
	"runtime/metrics"

	"github.com/llmagg/llmagg/core/cache"
	"github.com/llmagg/llmagg/core/llm"
)

// stats is what the library holds in this process, as llmagg_stats tells it.
type stats struct {
	Handles      map[string]int `json:"handles"`
	Operations   int            `json:"operations"`
	CustomCalls  int            `json:"custom_calls"`
	Sockets      int            `json:"sockets"`
	Goroutines   int            `json:"goroutines"`
	HeapBytes    uint64         `json:"heap_bytes"`
	RuntimeBytes uint64         `json:"runtime_bytes"`

	Budgets map[string]llm.BudgetReport `json:"budgets,omitempty"`
	Caches  map[string]cache.Report     `json:"caches,omitempty"`
}

// takeStats counts. Nothing stops meanwhile, so the numbers are of slightly
// different moments.
func takeStats() stats {
	s := stats{Handles: map[string]int{}, Operations: operations.len(), CustomCalls: customCalls.len(),
		Sockets: int(C.shim_fd_sockets()), Goroutines: runtime.NumGoroutine(), Budgets: budgets.Reports(), Caches: map[string]cache.Report{}}
	caches.each(func(name string, c *cache.Cache) { s.Caches[name] = c.Report() })
	for kind := C.int(1); kind < C.SHIM_KINDS; kind++ {
		if n := int(C.shim_handle_count(kind)); n > 0 {
			s.Handles[C.GoString(C.shim_kind_name(kind))] = n
		}
	}
	read := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/memory/classes/total:bytes"},
		{Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(read)
	s.HeapBytes = read[0].Value.Uint64() - uint64(len(reserve))
	s.RuntimeBytes = read[1].Value.Uint64() - read[2].Value.Uint64() - uint64(len(reserve))
	return s
}

//export goStats
func goStats(out *C.llmagg_buf, err **C.llmagg_error) C.llmagg_status {
	return guard("llmagg_stats", err, func() error { return setJSON(out, takeStats()) })
}
