package architecture_test

import (
	"debug/elf"
	"debug/gosym"
	"errors"
	"io/fs"
	"math"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/meter"
)

// What the counters may take, of the library and of each route, where nobody
// reads them: a route has 60 series at most, of eight bytes each.
const (
	counterBytes = 20 << 10
	routeBytes   = 512
)

// The library's symbols are stripped, but Go's own table of its functions, with
// which it prints stacks, is not. The counters' part of that table is counted
// too, by their part of the code; it is three quarters as large as the code.
func TestTheCountersAreSmallInTheLibrary(t *testing.T) {
	library, err := elf.Open("../../build/libllmagg.so")
	if errors.Is(err, fs.ErrNotExist) {
		t.Skip("the library is not built: make lib")
	}
	require.NoError(t, err)
	defer library.Close()
	text, lines := library.Section(".text"), library.Section(".gopclntab")
	require.NotNil(t, text)
	require.NotNil(t, lines)
	table, err := lines.Data()
	require.NoError(t, err)
	functions, err := gosym.NewTable(nil, gosym.NewLineTable(table, text.Addr))
	require.NoError(t, err)
	code := 0
	for _, f := range functions.Funcs {
		if strings.Contains(f.Name, "llmagg/core/meter.") {
			code += int(f.End - f.Entry)
		}
	}
	all := code + int(float64(code)/float64(text.Size)*float64(lines.Size))
	t.Logf("%d bytes of code, %d with what Go's tables say of it", code, all)
	require.Greater(t, code, 2000, "the counters are not found in the library")
	require.LessOrEqual(t, all, counterBytes)
}

// A route's counters take as much before the first call as after any number,
// whatever these end with. The smallest of five measurements counts: a thread
// that the runtime makes meanwhile takes 5 KB of the same heap.
func TestTheCountersOfARouteAreSmall(t *testing.T) {
	const routes = 100
	least, more := math.MaxInt, math.MaxInt
	for range 5 {
		before := heap()
		all := make([]*meter.Route, routes)
		for i := range all {
			all[i] = meter.New()
		}
		made := heap() - before
		for _, r := range all {
			for code := -100; code <= 0; code++ {
				r.Attempt(&llm.Attempt{Code: llm.Code(code), Duration: time.Duration(-code) * time.Second, FirstToken: time.Millisecond})
			}
		}
		counted := heap() - before
		runtime.KeepAlive(all)
		t.Logf("%d routes: %d bytes, %d after 101 attempts each", routes, made, counted)
		least, more = min(least, made), min(more, counted-made)
	}
	require.LessOrEqual(t, least, routes*(routeBytes+8))
	require.Less(t, more, 1024, "counting takes memory")
}

// heap is how many bytes are in use.
func heap() int {
	runtime.GC()
	runtime.GC() // what the first one's finalizers gave back
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}
