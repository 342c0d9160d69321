// Command goclient is one Go contestant of the benchmark doing one thing:
//
//	goclient CONTESTANT chat|stream [flags]
//
// It prints one line of JSON: what a call cost in the measured window, which
// begins after the warm-up. README.md beside tests/bench says how to profile.
package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"runtime"
	"runtime/pprof"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// result is the line.
type result struct {
	Calls  int     `json:"calls"`
	CPU    float64 `json:"cpu_us"`  // user and system time of the process, a call
	Wall   float64 `json:"wall_us"` // of the window, a call
	P50    float64 `json:"p50_us"`  // latency of a call
	Allocs float64 `json:"allocs"`  // a call, of all goroutines
	Bytes  float64 `json:"alloc_bytes"`
}

func main() {
	log.SetFlags(0)
	if err := run(os.Args[1:]); err != nil {
		log.Fatal("goclient: ", err)
	}
}

func run(args []string) error {
	if len(args) < 2 {
		return errors.New("expected: CONTESTANT chat|stream [flags]")
	}
	flags := flag.NewFlagSet("goclient", flag.ExitOnError)
	url := flags.String("url", cmp.Or(os.Getenv("BENCH_URL"), "http://127.0.0.1:18080/v1"), "base URL of the server; by default BENCH_URL")
	ca := flags.String("ca", "", "PEM file with the server's certificate, for https")
	calls := flags.Int("calls", 1000, "calls to measure")
	warmup := flags.Int("warmup", 200, "calls before them")
	concurrency := flags.Int("concurrency", 32, "calls at once")
	timeout := flags.Duration("timeout", time.Minute, "for everything")
	cpuProfile := flags.String("cpuprofile", "", "file for a CPU profile of the measured calls")
	memProfile := flags.String("memprofile", "", "file for a profile of all allocations")
	if err := flags.Parse(args[2:]); err != nil {
		return err
	}
	if *memProfile != "" {
		runtime.MemProfileRate = 1
	}
	ctx, cancel := context.WithTimeout(context.Background(), *timeout)
	defer cancel()
	open := contestants[args[0]]
	if open == nil {
		return fmt.Errorf("no contestant %q", args[0])
	}
	c, err := open(ctx, *url, *ca, *concurrency)
	if err != nil {
		return err
	}
	call := map[string]func(context.Context) error{"chat": c.chat, "stream": c.stream}[args[1]]
	if call == nil {
		return fmt.Errorf("%s does not do %q", args[0], args[1])
	}
	if _, err := each(ctx, *warmup, *concurrency, call); err != nil {
		return err
	}
	r, err := measured(ctx, *calls, *concurrency, call, *cpuProfile)
	if err != nil {
		return err
	}
	if err := writeAllocations(*memProfile); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(r)
}

func measured(ctx context.Context, calls, concurrency int, call func(context.Context) error, profile string) (*result, error) {
	if profile != "" {
		f, err := os.Create(profile)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(f); err != nil {
			return nil, err
		}
		defer pprof.StopCPUProfile()
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	began, cpu := time.Now(), cpuTime()
	took, err := each(ctx, calls, concurrency, call)
	if err != nil {
		return nil, err
	}
	cpu, wall := cpuTime()-cpu, time.Since(began)
	runtime.ReadMemStats(&after)
	slices.Sort(took)
	a := func(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1000 / float64(calls) }
	return &result{Calls: calls, CPU: a(cpu), Wall: a(wall), P50: float64(took[len(took)/2].Nanoseconds()) / 1000,
		Allocs: float64(after.Mallocs-before.Mallocs) / float64(calls), Bytes: float64(after.TotalAlloc-before.TotalAlloc) / float64(calls)}, nil
}

// each makes the calls, concurrency of them at once, and ends with the first
// error.
func each(ctx context.Context, calls, concurrency int, call func(context.Context) error) ([]time.Duration, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	took := make([]time.Duration, calls)
	var next atomic.Int64
	var workers sync.WaitGroup
	for range min(concurrency, calls) {
		workers.Go(func() {
			for i := next.Add(1) - 1; int(i) < calls && ctx.Err() == nil; i = next.Add(1) - 1 {
				began := time.Now()
				if err := call(ctx); err != nil {
					cancel(err)
					return
				}
				took[i] = time.Since(began)
			}
		})
	}
	workers.Wait()
	return took, context.Cause(ctx)
}

// cpuTime is the process's, user and system.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err) // cannot fail with these arguments
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func writeAllocations(file string) error {
	if file == "" {
		return nil
	}
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	defer f.Close()
	return pprof.Lookup("allocs").WriteTo(f, 0)
}
