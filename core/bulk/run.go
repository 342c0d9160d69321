package bulk

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/llmagg/llmagg/core/aggregator"
	"github.com/llmagg/llmagg/core/internal/shown"
	"github.com/llmagg/llmagg/core/llm"
)

const (
	look   = time.Second // how often limits and progress are looked at
	enough = 50          // rows, before a share of errors says anything
)

// run is one run of a job.
type run struct {
	aggregator *aggregator.Aggregator
	source     Source
	book       *ledger
	options    Options

	mu         sync.Mutex // guards what follows
	report     Report
	spent      float64 // money, of all runs
	failed     int     // rows, of this run
	failure    error
	ended      bool // no further row is asked
	lookAt     time.Time
	window     int
	onTheirWay sync.WaitGroup
}

// asked is a row on its way.
type asked struct {
	Row
	n       int
	key     [16]byte
	earlier *Cost // of earlier runs, in which it failed
}

// all asks the rows, a window of them at a time.
func (r *run) all(ctx context.Context) error {
	if r.options.MaxCost > 0 {
		spent, err := r.book.spent()
		if err != nil {
			return err
		}
		r.spent = spent
	}
	done := make(chan struct{}, 1<<12)
	for inFlight := 0; ; {
		for inFlight > 0 && inFlight >= r.most() {
			<-done
			inFlight--
		}
		row, err := r.next(ctx)
		if err != nil || row == nil {
			r.end(err)
			break
		}
		if r.book.rows(1) == 0 {
			r.end(r.unwritten(errNearLimit))
			break
		}
		inFlight++
		r.onTheirWay.Go(func() {
			r.settle(ctx, row, r.ask(ctx, row))
			done <- struct{}{}
		})
		for len(done) > 0 {
			<-done
			inFlight--
		}
	}
	waited := make(chan struct{})
	go func() { r.onTheirWay.Wait(); close(waited) }()
	for {
		select {
		case <-done:
		case <-waited:
			return r.failure
		}
	}
}

// end ends the run, with the first of several failures.
func (r *run) end(failure error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ended = true
	r.failure = cmp.Or(r.failure, failure)
}

// size is how many rows may be on their way. It tells the progress.
func (r *run) size() int {
	r.mu.Lock()
	now := time.Now()
	if r.window > 0 && now.Before(r.lookAt) {
		defer r.mu.Unlock()
		return r.window
	}
	r.lookAt = now.Add(look)
	report := r.report
	r.mu.Unlock()
	window := r.options.Window
	if window == 0 {
		window = r.places()
	}
	if r.options.Progress != nil {
		r.options.Progress(report)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.window = window
	return window
}

// most is how many rows may be on their way: a window of them, where the ledger
// has room for their results.
func (r *run) most() int {
	window := r.size()
	return min(window, r.book.rows(window))
}

// places is twice the limit of the first route that can be used.
func (r *run) places() int {
	first := 0
	for _, route := range r.aggregator.Report() {
		if route.Usable && route.Limit > 0 {
			return 2 * route.Limit
		}
		first = max(first, route.Limit)
	}
	return max(2*first, 20)
}

// next is the next row that is to be asked; nil after the last.
func (r *run) next(ctx context.Context) (*asked, error) {
	for {
		r.mu.Lock()
		if r.options.MaxCost > 0 && r.spent >= r.options.MaxCost && !r.ended {
			r.report.Stopped, r.ended = StoppedByMaxCost, true
		}
		ended := r.ended
		row := &asked{n: r.report.Rows}
		r.mu.Unlock()
		if ended {
			return nil, nil
		}
		var err error
		if row.Row, err = r.source.Next(ctx); errors.Is(err, io.EOF) {
			return nil, nil
		} else if err != nil {
			return nil, err
		}
		if row.Err == nil && row.Request == nil {
			row.Err = llm.Errorf(llm.InvalidArgument, "row %d has no Request", row.n)
		}
		row.key = r.key(&row.Row)
		kept, err := r.book.find(row.n)
		if err != nil {
			return nil, err
		}
		if r.options.MaxCost > 0 && kept == nil && row.Err == nil {
			if err := r.aggregator.CanKeepCost(row.Request.Model); err != nil {
				return nil, err
			}
		}
		r.mu.Lock()
		r.report.Rows++
		if kept == nil {
			r.mu.Unlock()
			return row, nil
		}
		same := kept.Key == hexKey(row.key)
		if same && kept.Result.Error != nil && r.options.RetryErrors {
			r.mu.Unlock()
			row.earlier = kept.Result.Cost
			return row, nil
		}
		r.count(&kept.Result)
		r.mu.Unlock()
		if !same {
			return nil, llm.Errorf(llm.InvalidArgument,
				"row %d is not the row that the ledger %q answered: it was made for another input; use another output, or remove the ledger", row.n, r.book.path)
		}
	}
}

// key is the beginning of SHA-256 over the models and the row's request.
func (r *run) key(row *Row) (key [16]byte) {
	sum := sha256.New()
	sum.Write(r.book.job)
	if row.Err != nil {
		_, _ = io.WriteString(sum, row.Err.Error())
	} else if data, err := row.Request.MarshalJSON(); err == nil {
		sum.Write(data)
	}
	copy(key[:], sum.Sum(nil))
	return key
}

// ask asks a row.
func (r *run) ask(ctx context.Context, row *asked) *Result {
	result := &Result{N: row.n, ID: row.ID}
	if row.Err != nil {
		result.Error = llm.AsError(row.Err)
		return result
	}
	request := *row.Request
	if request.Options.Decided&llm.DecideBulk == 0 {
		request.Options.Bulk = request.Options.Bulk || !r.aggregator.RefusesBulk()
	}
	response, err := r.aggregator.Chat(ctx, &request)
	if err != nil {
		failed := *llm.AsError(err)
		failed.Body, failed.Partial = "", ""
		result.Error = &failed
		result.Cost = costOf(llm.TotalCost(failed.Attempts))
		return result
	}
	result.take(response)
	return result
}

// settle counts a result and writes it into the ledger.
func (r *run) settle(ctx context.Context, row *asked, result *Result) {
	if result.Error != nil && row.Err == nil {
		switch {
		case ctx.Err() != nil:
			r.end(ctx.Err())
			return
		case result.Error.Code == llm.Closed:
			r.end(result.Error)
			return
		}
	}
	r.mu.Lock()
	r.report.Asked++
	if result.Cost != nil {
		r.spent += result.Cost.Amount
	}
	r.judge(result)
	if row.earlier != nil {
		sum := *row.earlier
		if result.Cost != nil {
			sum.Amount += result.Cost.Amount
		}
		result.Cost = &sum
	}
	r.count(result)
	r.mu.Unlock()
	if err := r.book.put(row.n, row.key, result); err != nil {
		r.end(r.unwritten(err))
	}
}

// unwritten is the error of a ledger that takes no more results.
func (r *run) unwritten(err error) error {
	advice := "free some space"
	if errors.Is(err, errNearLimit) {
		advice = "raise that limit"
	}
	return fmt.Errorf("the ledger %s cannot be written, %s and run again with Resume: %w", shown.Path(r.book.path), advice, cause(err))
}

// count adds a result to the report; r.mu is held.
func (r *run) count(result *Result) {
	p := &r.report
	if result.Error != nil {
		p.Errors++
	} else {
		p.Answered++
	}
	if result.Usage != nil {
		p.PromptTokens += result.Usage.PromptTokens
		p.CompletionTokens += result.Usage.CompletionTokens
	}
	switch {
	case result.Cost != nil:
		p.Cost += result.Cost.Amount
		p.Currency = result.Cost.Currency
	case result.Error == nil:
		p.Unpriced++
	}
}

// judge ends the run at its cap, or after too many errors; r.mu is held.
func (r *run) judge(result *Result) {
	if r.ended {
		return
	}
	switch cap := r.options.MaxCost; {
	case cap > 0 && result.Error == nil && result.Cost == nil:
		r.ended = true
		r.failure = llm.Errorf(llm.InvalidArgument, "MaxCost cannot be kept: the cost of an answer is not known; "+llm.AdviceOnPrices)
	case cap > 0 && r.spent >= cap:
		r.ended, r.report.Stopped = true, StoppedByMaxCost
	}
	limit := r.options.StopAfterErrors
	if limit == 0 || result.Error == nil {
		return
	}
	r.failed++
	most := limit
	if limit < 1 {
		most = max(limit*float64(r.report.Asked), limit*enough)
	}
	if float64(r.failed) >= most {
		r.ended, r.report.Stopped = true, StoppedByErrors
	}
}
