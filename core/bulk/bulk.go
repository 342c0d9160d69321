// Package bulk asks many rows over the routes of an aggregator and keeps each
// paid answer in a ledger, so that a run that was killed goes on where it was.
//
//	bulk.go    Run, its options and its report
//	run.go     one run: a window of rows on their way
//	row.go     Source, Row, sources of JSON lines and of sequences
//	sink.go    Sink, Result, the sink of JSON lines
//	ledger.go  the ledger, a file of JSON lines that one run uses at a time
//
// It imports aggregator and llm.
package bulk

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"strings"
	"time"

	"github.com/llmagg/llmagg/core/aggregator"
	"github.com/llmagg/llmagg/core/internal/shown"
	"github.com/llmagg/llmagg/core/llm"
)

// Why a run stopped before all rows were asked.
const (
	StoppedByMaxCost = "max_cost"
	StoppedByErrors  = "errors"
)

// Options of a run. The zero value works with a sink of [WriteJSONL]. What is
// zero is as the key "bulk" of the configuration says, if it says something.
type Options struct {
	// Ledger is the path of the ledger; "" is ".ledger.jsonl" behind the path
	// of the sink, if that is a file.
	Ledger string
	// Resume goes on with the ledger of an earlier run. Without it, such a
	// ledger is an error.
	Resume bool
	// RetryErrors asks the rows again that failed in an earlier run.
	RetryErrors bool
	// MaxCost ends the run when the whole job has cost this, earlier runs
	// included; rows on their way come on top. The models need prices. 0 means
	// no bound, as does [math.Inf](1), also where the configuration has one.
	MaxCost float64
	// StopAfterErrors ends the run after so many failed rows, or after that
	// share of the rows if it is below 1. 0 means never, as does infinity.
	StopAfterErrors float64
	// Window is how many rows are on their way at once; 0 is twice the places
	// of the route that is asked first.
	Window int
	// Progress, if set, is called about once a second, in one goroutine.
	Progress func(Report)
}

// check is INVALID_ARGUMENT for a number that bounds nothing. A NaN is neither
// below nor above any sum.
func (o *Options) check() error {
	for i, n := range [...]float64{o.MaxCost, o.StopAfterErrors, float64(o.Window)} {
		if !(n >= 0) {
			name := [...]string{"MaxCost", "StopAfterErrors", "Window"}[i]
			return llm.Errorf(llm.InvalidArgument, "bulk.Options.%s is %v; expected a number above 0, or 0 for the default", name, n)
		}
	}
	return nil
}

// withDefaults fills in what the configuration says. It is INVALID_ARGUMENT for
// what only the Python package can do.
func (o *Options) withDefaults(a *aggregator.Aggregator) error {
	c := a.Bulk()
	o.MaxCost = cmp.Or(o.MaxCost, c.MaxCost)
	if math.IsInf(o.MaxCost, 1) {
		o.MaxCost = 0
	}
	if c.Errors == "stop" {
		c.StopAfterErrors = 1
	}
	o.StopAfterErrors = cmp.Or(o.StopAfterErrors, c.StopAfterErrors)
	if c.BatchAPI == "always" {
		return llm.Errorf(llm.InvalidArgument, `"bulk" of the configuration has "batch_api": "always", and bulk.Run sends no batches, which cost half; `+
			`leave it out, say "auto", or use Python's llmagg.bulk`)
	}
	if o.Ledger == "" && c.Ledger == "sqlite" {
		return llm.Errorf(llm.InvalidArgument, `"bulk" of the configuration has "ledger": "sqlite", and bulk.Run writes JSON lines; say "jsonl", or give Options.Ledger a path`)
	}
	if c.Ledger != "jsonl" {
		o.Ledger = cmp.Or(o.Ledger, c.Ledger)
	}
	if strings.Contains(o.Ledger, "://") {
		return llm.Errorf(llm.InvalidArgument, "the ledger is a URL, which is for Python's llmagg.bulk.ray and llmagg.bulk.dask, where several machines share it; bulk.Run keeps its ledger in a file of JSON lines: give a path")
	}
	return nil
}

// Report is the sum of a job, rows of earlier runs included.
type Report struct {
	Rows, Answered, Errors         int
	Asked                          int // in this run
	PromptTokens, CompletionTokens int
	Cost                           float64 // in Currency
	Currency                       string
	Unpriced                       int // answers whose cost is not known
	Took                           time.Duration
	Stopped                        string // "", StoppedByMaxCost or StoppedByErrors
}

// Run asks each row of source and gives the results to sink in the order of the
// rows, once all rows were asked. A row that fails is a result with an error.
// The error of Run is that of the ledger (INVALID_ARGUMENT: another run uses
// it, or it belongs to another job), of source or sink, or of ctx; every answer
// that came before it is in the ledger.
func Run(ctx context.Context, a *aggregator.Aggregator, source Source, sink Sink, o Options) (Report, error) {
	if c, ok := source.(io.Closer); ok {
		defer c.Close()
	}
	if ctx == nil || a == nil || source == nil || sink == nil {
		return Report{}, llm.Errorf(llm.InvalidArgument, "an argument of bulk.Run is nil; expected a context, an aggregator, a source and a sink")
	}
	if err := cmp.Or(o.check(), o.withDefaults(a)); err != nil {
		return Report{}, err
	}
	path := o.Ledger
	if file, ok := sink.(*JSONLSink); ok {
		if err := file.check(source); err != nil {
			return Report{}, err
		}
		if path == "" {
			path = file.path + ".ledger.jsonl"
		} else if filepath.Clean(path) == filepath.Clean(file.path) {
			return Report{}, llm.Errorf(llm.InvalidArgument, "the output %s is the ledger, which the answers would replace; name another file", shown.Path(path))
		}
	}
	if path == "" {
		return Report{}, llm.Errorf(llm.InvalidArgument, "bulk.Options.Ledger is empty; expected the path of a ledger, since the sink is not a file")
	}
	book, err := openLedger(path, job{Form: 1, Models: a.Models()}, o.Resume)
	if err != nil {
		return Report{}, err
	}
	r := &run{aggregator: a, source: source, book: book, options: o}
	begun := time.Now()
	err = r.all(ctx)
	if err == nil && r.report.Stopped == "" {
		err = book.give(sink, r.report.Rows)
	}
	if failed := book.close(); err == nil && failed != nil {
		err = fmt.Errorf("the ledger %s cannot be written: %w", shown.Path(path), cause(failed))
	}
	r.report.Took = time.Since(begun)
	return r.report, err
}
