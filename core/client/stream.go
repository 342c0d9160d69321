package client

import (
	"errors"
	"io"
	"iter"
	"sync"
	"time"

	"github.com/llmagg/llmagg/core/failure"
	"github.com/llmagg/llmagg/core/internal/alarm"
	"github.com/llmagg/llmagg/core/internal/callstate"
	"github.com/llmagg/llmagg/core/internal/routing"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/observe"
)

// Stream is a streamed answer. One goroutine at a time reads it; any goroutine
// may call Close, Done, Err, Response and Attempts.
type Stream struct {
	scope    *callstate.Scope
	onEnd    func()
	whole    func(*llm.Response) // sees the whole answer; nil for nobody
	call     *callstate.Call
	opener   routing.Opener
	restarts bool
	reader   *alarm.Alarm // the clock of reader_timeout (D6): runs while nobody reads
	done     chan struct{}

	mu       sync.Mutex    // guards the fields below
	patience time.Duration // reader_timeout of the current route (D6)
	now      source
	next     source // replaces now at the next read, after a restart
	acc      llm.Accumulator
	reading  bool  // set by the reader's goroutine, which may look without mu
	ending   bool  // end is closing now and next; no other goroutine may use them
	ended    error // io.EOF after the Done event, otherwise the error
}

// source is where the chunks of a stream come from: the stream of a route, or
// an answer that was kept.
type source interface {
	// Next returns the next chunk, io.EOF after the last one, or the *llm.Error
	// that broke the answer.
	Next() (*llm.Chunk, error)
	Abandon(e *llm.Error)
	readerTimeout() time.Duration
	// onLost calls f, on a goroutine of its own, when the call ends before the
	// stream does.
	onLost(f func(reason *llm.Error))
	// judge ends the attempt of a whole answer: it fails with e, the failure of
	// the answer, or where the application, which looks at r, refuses it; r is
	// nil where it does not look.
	judge(r *llm.Response, e *llm.Error) *llm.Error
	routed(e *llm.Error) *llm.Error
	rescue(in string, body func()) *llm.Error
}

// NewStream is for core/aggregator: it opens a stream and returns it when its
// first token has arrived.
func NewStream(scope *callstate.Scope, o routing.StreamOptions, opener routing.Opener) (*Stream, error) {
	call := o.Call
	call.Collects = o.Restart
	asked := call.Payload.Options.OnInterrupt
	s := &Stream{scope: scope, onEnd: o.Ended, whole: o.Whole, call: call, opener: opener, done: make(chan struct{}),
		restarts: asked == llm.InterruptRestart || o.Restart && asked == ""}
	begun, err := opener.Open(scope)
	if err != nil {
		scope.End(nil)
		if s.onEnd != nil {
			s.onEnd()
		}
		return nil, call.Fail(err)
	}
	s.start(begun.(*opened))
	return s, nil
}

// start begins to take chunks from a source.
func (s *Stream) start(now source) {
	s.now, s.patience = now, now.readerTimeout()
	s.mu.Lock() // a goroutine that ends the stream waits until its fields are set
	s.reader = alarm.New(s.patience, s.expire)
	now.onLost(s.endAside)
	s.mu.Unlock()
}

// Events yields the stream's events: chunks, restarts, and at the end Done with
// the whole response. After an error it yields nothing more. Leaving the loop
// closes the stream.
func (s *Stream) Events() iter.Seq2[llm.Event, error] {
	return func(yield func(llm.Event, error) bool) {
		defer s.Close()
		for {
			ev, err := s.Next()
			if err == io.EOF {
				return
			}
			if !yield(ev, err) || err != nil {
				return
			}
		}
	}
}

// Next returns the next event, or io.EOF after Done.
func (s *Stream) Next() (llm.Event, error) {
	ev, err := Read(s)
	Leave(s)
	return ev, err
}

// Read is Next for a reader that reads on at once, as capi does: the clock of
// reader_timeout (D6) stands still until Leave, and so does an end by another
// goroutine. Before it waits for anything else it calls Leave.
func Read(s *Stream) (llm.Event, error) {
	if !s.reading && !s.enter() {
		return llm.Event{}, s.ended
	}
	return s.read()
}

// enter stops the clock of reader_timeout (D6) and marks the stream as being
// read. It returns false if the stream has ended.
func (s *Stream) enter() bool {
	s.reader.Pause()
	s.mu.Lock()
	if s.ending && s.ended == nil {
		s.mu.Unlock()
		<-s.done // another goroutine is running end
		return false
	}
	defer s.mu.Unlock()
	if s.ended != nil {
		return false
	}
	s.reading = true
	return true
}

// Leave ends what Read began, if anything: it restarts the clock of
// reader_timeout (D6). If the call ended during a read that succeeded, it ends
// the stream, because the caller may never read again.
func Leave(s *Stream) {
	if s == nil || !s.reading {
		return
	}
	s.mu.Lock()
	s.reading = false
	if s.ended != nil {
		s.mu.Unlock()
		return
	}
	s.reader.Set(time.Now(), s.patience)
	s.mu.Unlock()
	if reason := s.scope.Ended(); reason != nil {
		s.end(reason)
	}
}

// read runs while reading is true. It changes now, next and acc under mu,
// because other goroutines read them.
func (s *Stream) read() (llm.Event, error) {
	if s.next != nil {
		s.mu.Lock()
		s.now, s.next = s.next, nil
		s.mu.Unlock()
	}
	chunk, err := s.now.Next()
	switch {
	case err == nil:
		s.mu.Lock()
		chunk = s.acc.Add(chunk)
		s.mu.Unlock()
		return llm.Event{Kind: llm.EventChunk, Chunk: chunk}, nil
	case err == io.EOF:
		s.mu.Lock()
		rest := s.acc.Rest()
		s.mu.Unlock()
		if rest != nil {
			return llm.Event{Kind: llm.EventChunk, Chunk: rest}, nil
		}
		var r *llm.Response
		s.mu.Lock()
		failed := failure.OfJoined(&s.acc)
		if s.call.JudgesStreams() {
			r = s.acc.Whole()
		}
		s.mu.Unlock()
		if refused := s.now.judge(r, failed); refused != nil {
			return s.broke(refused)
		}
		return s.complete(), nil
	}
	return s.broke(llm.AsError(err))
}

func (s *Stream) complete() llm.Event {
	s.mu.Lock()
	r := s.acc.Whole()
	s.mu.Unlock()
	s.call.Complete(r)
	if s.whole != nil {
		s.whole(r)
	}
	s.finish(io.EOF)
	return llm.Event{Kind: llm.EventDone, Response: r}
}

// broke handles a failure after the first token (S7, S8).
func (s *Stream) broke(e *llm.Error) (llm.Event, error) {
	s.mu.Lock()
	text := s.acc.Text()
	s.mu.Unlock()
	s.call.NotePartial(text)
	if ended := s.scope.Ended(); ended != nil {
		return llm.Event{}, s.fail(s.now.routed(ended))
	}
	if failure.EndsStream(e) {
		return llm.Event{}, s.fail(e)
	}
	if !s.restarts {
		return llm.Event{}, s.fail(interrupted(e))
	}
	from := s.now.(*opened) // an answer that was kept does not restart
	begun, err := s.opener.Reopen(s.scope, from, e)
	if err != nil {
		return llm.Event{}, s.fail(err)
	}
	next := begun.(*opened)
	restart := &llm.Restart{From: from.Route(), To: next.Route(), Reason: e}
	s.mu.Lock()
	s.acc.Reset()
	s.next, s.patience = next, next.readerTimeout()
	next.onLost(s.endAside)
	s.mu.Unlock()
	c := from.turn.client
	c.tell(observe.Observation{Kind: observe.Restarted, Call: s.call.ID, To: restart.To}.Because(e))
	return llm.Event{Kind: llm.EventRestart, Restart: restart}, nil
}

// interrupted makes a STREAM_INTERRUPTED error whose cause is e.
func interrupted(e *llm.Error) *llm.Error {
	if e.Code == llm.StreamInterrupted {
		return e
	}
	return &llm.Error{Code: llm.StreamInterrupted, Message: "the stream broke off: " + e.Message,
		Provider: e.Provider, Model: e.Model, Status: e.Status, RequestID: e.RequestID, Cause: e}
}

func (s *Stream) fail(e *llm.Error) error {
	complete := s.call.Fail(e)
	s.finish(complete)
	return complete
}

// finish ends the stream, if it has not ended yet. From then on Next returns
// err.
func (s *Stream) finish(err error) {
	s.mu.Lock()
	if s.ended != nil {
		s.mu.Unlock()
		return
	}
	s.ended = err
	s.mu.Unlock()
	s.reader.Stop()
	s.scope.End(nil)
	close(s.done)
	if s.onEnd != nil {
		s.onEnd()
	}
}

// Done returns a channel that is closed when the stream has ended, for any
// reason.
func (s *Stream) Done() <-chan struct{} { return s.done }

// ErrLeft is the cause of [Stream.Err] where the reader closed the stream
// before its end.
var ErrLeft = errors.New("the stream was closed by its reader")

// Err returns why the stream broke or was left: nil while it runs, and where
// its answer is whole.
func (s *Stream) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended == io.EOF {
		return nil
	}
	return s.ended
}

// Response returns the answer so far, with the attempts so far.
func (s *Stream) Response() *llm.Response {
	s.mu.Lock()
	answer := s.acc.Response // more of a call may come
	if s.ended == io.EOF {
		answer = s.acc.Whole
	}
	r := answer()
	s.mu.Unlock()
	s.call.Complete(r)
	return r
}

// Attempts lists the attempts so far.
func (s *Stream) Attempts() []llm.Attempt { return s.call.Attempts() }

// Close ends the stream. If the answer is incomplete, Close aborts it at once
// and frees its slot on the route; the breaker does not count this as a
// failure or a success. A second Close does nothing, and neither does that of
// a nil Stream. The error is always nil.
func (s *Stream) Close() error {
	if s == nil {
		return nil
	}
	s.end(&llm.Error{Code: llm.Canceled, Message: ErrLeft.Error(), Cause: ErrLeft})
	return nil
}

// expire ends the stream because nobody has read it for reader_timeout (D6).
func (s *Stream) expire() {
	s.mu.Lock()
	patience := s.patience
	s.mu.Unlock()
	s.endAside(llm.Errorf(llm.Canceled, "no event of the stream was read for %v (reader_timeout): read the events as they arrive, or close the stream; "+
		"in C, call llmagg_op_credit: chunks beyond the call's \"window\" (default 64) wait for credit", llm.Seconds(patience)))
}

// endAside runs end for goroutines that the library starts. A panic there does
// not end the process; it ends the stream with an error.
func (s *Stream) endAside(reason *llm.Error) {
	s.mu.Lock()
	now := s.now
	s.mu.Unlock()
	if failed := now.rescue("end of a stream", func() { s.end(reason) }); failed != nil {
		s.scope.End(failed)
		s.finish(s.call.Fail(failed))
	}
}

// end cancels the stream with reason. If a call of Next is running, that call
// notices the cancellation and ends the stream; otherwise end does.
func (s *Stream) end(reason *llm.Error) {
	s.mu.Lock()
	if s.ended != nil || s.ending {
		s.mu.Unlock()
		return
	}
	s.scope.End(reason)
	if s.reading {
		s.mu.Unlock()
		return
	}
	now, next, text := s.now, s.next, s.acc.Text()
	s.ending = true
	s.mu.Unlock()
	s.call.NotePartial(text)
	now.Abandon(reason)
	if next != nil {
		next.Abandon(reason)
	}
	s.finish(s.call.Fail(now.routed(reason)))
}

// Collect reads the stream to its end and returns the whole response.
func (s *Stream) Collect() (*llm.Response, error) {
	defer s.Close()
	for {
		ev, err := s.Next()
		if err != nil {
			return nil, err
		}
		if ev.Kind == llm.EventDone {
			return ev.Response, nil
		}
	}
}
