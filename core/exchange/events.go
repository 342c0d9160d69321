package exchange

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/llmagg/llmagg/core/failure"
	"github.com/llmagg/llmagg/core/internal/alarm"
	"github.com/llmagg/llmagg/core/internal/jsontext"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/wire"
	"github.com/llmagg/llmagg/core/wire/awsstream"
	"github.com/llmagg/llmagg/core/wire/eventstream"
)

const (
	endSilence = 2 * time.Second // makes an end after every choice has finished (S2)
	maxSkipped = 8               // events in a row that are no JSON (S4)
	drainBytes = 256 << 10       // what comes after [DONE] is read aside, within these bounds
	drainTime  = time.Second
)

// errEnough cancels the reading of an answer that is complete.
var errEnough = errors.New("the answer is complete")

// source gives the events of a stream, and io.EOF at its clean end.
type source interface {
	Next() (eventstream.Event, error)
}

// Stream reads a streamed answer. Its judge decides where the answer ends.
type Stream struct {
	upstream *Upstream
	ctx      context.Context
	cancel   context.CancelCauseFunc
	detach   func() bool // lets the exchange outlive its attempt; false if that has ended already
	resp     *http.Response
	x        *Exchange
	source   source
	stream   wire.Stream
	end      wire.Judge

	begun    bool          // the first bytes have shown what this is
	single   *llm.Response // a completion instead of a stream (T2)
	inner    source        // what else the event at hand holds; nil for nothing
	token    bool          // a token has been given
	failed   error         // returned after the chunk that it came with
	broken   error         // the reader's error, returned after the held piece
	complete bool
	atEnd    bool // the body has been read to its end

	strange llm.Extra // of the last event, if it was no chunk
	name    string    // of the event at hand
	noted   string    // the last note of the server's, before any choice came
	spoken  string    // the "type" of another format, as hears has found it
	skipped int       // events in a row
	words   string    // of the last event that was skipped, or of what is no event stream
	meaning llm.Code  // of these words

	awaited  bool          // every choice has finished: some silence ends the answer
	patience time.Duration // how much of this silence is left
	lived    bool          // a piece of the answer came during the last wait
	late     bool          // and it came when the timer had fired
	silenced atomic.Bool   // the timer of the silence has fired
	closed   sync.Once
}

func newStream(u *Upstream, ctx context.Context, cancel context.CancelCauseFunc, detach func() bool, resp *http.Response, x *Exchange) *Stream {
	return &Stream{upstream: u, ctx: ctx, cancel: cancel, detach: detach, resp: resp, x: x, stream: u.Format.Stream(&x.Call),
		end: wire.NewJudge(u.Format.Ending(), x.Payload.N)}
}

// Next returns the next chunk, which the caller then owns; io.EOF once the
// answer is complete (S2); any other error if the answer failed.
func (r *Stream) Next() (*llm.Chunk, error) {
	if !r.begun {
		if err := r.begin(); err != nil {
			return nil, err
		}
	}
	if r.single != nil {
		c := r.single.AsChunk()
		r.single, r.complete = nil, true
		return c, nil
	}
	if r.awaited {
		defer r.impatient()()
	}
	for !r.complete {
		if r.failed != nil {
			return nil, r.failed
		}
		if r.stream.Complete() {
			return r.last(nil)
		}
		ev, err := r.next()
		if err != nil {
			return r.last(err)
		}
		c, err := r.event(ev)
		if err != nil {
			if held := r.held(); held != nil {
				r.failed = err
				return r.take(held, nil)
			}
		}
		if c != nil || err != nil {
			return c, err
		}
	}
	return nil, io.EOF
}

// last returns what follows the last event: the held piece, then the judgement
// of the end. err is the reader's error; nil if the format has seen its mark.
func (r *Stream) last(err error) (*llm.Chunk, error) {
	if c := r.held(); c != nil {
		r.broken = err
		return r.take(c, nil)
	}
	if err == nil {
		return nil, r.ends(wire.Marked, nil)
	}
	return nil, r.over(err)
}

// held is a piece that the format has held back, nil for none.
func (r *Stream) held() *llm.Chunk {
	if h, holds := r.stream.(wire.Holder); holds {
		return h.Held()
	}
	return nil
}

// next is the next event: one that was nested in the last event, or the next
// from the body.
func (r *Stream) next() (eventstream.Event, error) {
	if r.broken != nil {
		return eventstream.Event{}, r.broken
	}
	if r.inner != nil {
		ev, err := r.inner.Next()
		if err == nil {
			return ev, nil
		}
		r.inner = nil
	}
	return r.source.Next()
}

// event reads one event. Both results are nil if the event is skipped.
func (r *Stream) event(ev eventstream.Event) (*llm.Chunk, error) {
	data := bytes.Trim(ev.Data, "\x00") // of servers that write C's strings
	r.name = ev.Type
	if (ev.Type == "error" || ev.Type == "exception") && !wire.IsDone(data) {
		return nil, r.inside(failure.Classify(0, nil, plainJSON(data)))
	}
	if len(data) == 0 {
		if _, frames := r.source.(*awsstream.Decoder); !frames || ev.Type == "" {
			return nil, nil
		}
		data = []byte("{}") // a structure without members
	}
	c, err := r.stream.Chunk(ev.Type, data) // a text in it may end inside a character
	switch {
	case err != nil:
		return r.odd(plainJSON(data), err)
	case c == nil:
		r.hears(data) // a sign of life, which can be read
		return nil, nil
	}
	return r.take(c, data)
}

// plainJSON is data as strict readers of JSON take it: valid UTF-8, without
// NaN and infinities.
func plainJSON(data []byte) []byte { return jsontext.WithoutOddNumbers(jsontext.ToValid(data)) }

// take judges a chunk that was read from data.
func (r *Stream) take(c *llm.Chunk, data []byte) (*llm.Chunk, error) {
	r.skipped = 0 // in a row
	failed := r.end.Note(c)
	if mayFail(c) {
		if e := failure.OfEvent(r.name, plainJSON(data)); e != nil { // it says more than a choice's reason
			failed = r.inside(e)
		} else if len(c.Choices) == 0 {
			r.notes(data)
		}
	}
	if failed != nil {
		failure.Explain(failed, plainJSON(data))
	}
	if r.awaited = r.end.Phase() == wire.Finished; r.awaited && len(c.Choices) > 0 {
		r.lived, r.patience = true, endSilence // usage and beats without choices are no piece of the answer
	}
	switch {
	case c.HasToken():
		r.strange = nil
	case len(c.Choices) == 0 && len(c.Extra) > 0 && (r.end.Phase() == wire.Waiting || c.ID == "" && c.Usage == nil && !failure.IsNote(r.name, data)):
		r.strange = c.Extra
		r.hears(data)
	}
	before := r.token
	if !r.token {
		r.token = c.HasToken()
	}
	if failed == nil {
		return c, nil
	}
	if r.failed = r.of(failed); !before || !c.HasToken() {
		return nil, r.failed
	}
	return c, nil // its piece belongs to the partial text
}

// notes keeps what a note of the server's says, for the message if nothing else
// comes.
func (r *Stream) notes(data []byte) {
	if r.end.Phase() == wire.Waiting {
		r.noted = cmp.Or(failure.Said(plainJSON(data)), r.noted)
	}
}

// mayFail tells whether a chunk may report a failure beside its choices, or
// instead of them. It decides fast for the fields that every chunk of OpenAI's
// has.
func mayFail(c *llm.Chunk) bool {
	unknown := len(c.Extra)
	for _, name := range [...]string{"system_fingerprint", "service_tier"} {
		if _, ok := c.Extra[name]; ok {
			unknown--
		}
	}
	if len(c.Choices) == 0 {
		return unknown > 0 || c.Object == "error"
	}
	return unknown > 0 && failure.HasFailureField(c.Extra)
}

// inside is the error for a failure that an event reports.
func (r *Stream) inside(e *llm.Error) *llm.Error {
	e.Message = "error inside the stream: " + e.Message
	return r.of(e)
}

// of adds the status and headers of the exchange to e.
func (r *Stream) of(e *llm.Error) *llm.Error {
	e.Status = cmp.Or(e.Status, r.resp.StatusCode)
	failure.AddHead(e, r.resp.Header)
	r.upstream.tellOfKey(e, r.resp)
	return e
}

// impatient ends the wait for the end of the stream after enough silence. Only
// time in which the reader reads counts: a slow reader does not lose a piece
// that has arrived.
func (r *Stream) impatient() (stop func()) {
	began := time.Now()
	r.lived = false
	timer := alarm.New(r.patience, func() {
		r.silenced.Store(true)
		r.cancel(errEnough)
	})
	return func() {
		switch stopped := timer.Stop(); {
		case !r.lived:
			r.patience -= time.Since(began)
		case !stopped && !r.complete:
			r.late = true // what would have come behind the piece was cut off
		}
	}
}

// over judges the end of the bytes.
func (r *Stream) over(err error) error {
	r.atEnd = err == io.EOF
	if e := asBody(err); e != nil {
		return r.of(e)
	}
	switch {
	case errors.Is(err, eventstream.ErrEventTooLarge):
		return failure.OverLimit("a stream event exceeds %d bytes (limits.event_bytes)", r.upstream.Limits.EventBytes)
	case errors.Is(err, eventstream.ErrStreamTooLarge):
		return failure.OverLimit("the stream exceeds %d bytes (limits.stream_bytes)", r.upstream.Limits.StreamBytes)
	case r.atEnd:
		return r.ends(wire.Closed, nil)
	case !r.late && (r.silenced.Load() || llm.CodeOfError(context.Cause(r.ctx)) == llm.StreamInterrupted): // D4's clock, where it is the shorter one
		return r.ends(wire.Silent, err)
	}
	return r.ends(wire.Broken, err)
}

// ends asks the judge what a sign means. The result is io.EOF if the answer is
// complete.
func (r *Stream) ends(what wire.Sign, err error) error {
	d, ok := r.source.(*eventstream.Decoder)
	if ok && d.Strays > 0 {
		r.x.Skipped += int32(d.Strays) - 1
		r.note(d.Words)
		d.Strays = 0
	}
	if said := failure.SaidIn(r.strange); said != "" && (r.end.Phase() == wire.Open || r.end.IsBare()) { // they stand where the rest should
		r.end.Skip()
		r.says([]byte(said))
	}
	if r.end.Is(what) != wire.Completes {
		if ok && r.words == "" && len(d.Words) > 0 {
			r.says(d.Words)
		}
		return r.interrupted(what, err)
	}
	if e := r.end.Failure(); e != nil {
		return r.of(e)
	}
	if failure.AreWords(r.words) && r.end.IsBare() {
		e := llm.Errorf(r.meaning, "the answer is empty; the server said: %s", r.words)
		e.ProviderMessage = r.words
		return r.of(e)
	}
	r.complete = true
	return io.EOF
}

// interrupted is the error for a stream that ended too early.
func (r *Stream) interrupted(what wire.Sign, err error) error {
	e := &llm.Error{Code: llm.StreamInterrupted, Cause: err, ProviderMessage: r.words}
	mark := "[DONE]"
	if m, own := r.stream.(wire.Marker); own {
		mark = m.Mark()
	}
	none := r.end.Phase() == wire.Waiting
	if none && r.words == "" && r.noted != "" {
		r.says([]byte(r.noted))
		e.ProviderMessage = r.words
	}
	switch {
	case what == wire.Marked && none:
		e.Message = "the stream ended with [DONE] before any choice came" + failure.FieldsOf(r.strange)
	case what == wire.Marked:
		e.Message = fmt.Sprintf("the stream ended with [DONE] without a finish_reason, and %d of its events could not be read", r.end.Skipped())
	case what == wire.Closed && none:
		e.Message = fmt.Sprintf("the stream ended after %d bytes before any choice came%s", r.x.Bytes, failure.FieldsOf(r.strange))
	case what == wire.Closed && r.end.Phase() > wire.Torn:
		e.Message = "the stream ended without " + mark
	case what == wire.Closed && mark != "":
		e.Message = "the stream ended without " + mark + " and without a finish_reason"
	case what == wire.Closed:
		e.Message = "the stream ended without a finish_reason"
	default:
		e.Message = fmt.Sprintf("the connection broke after %d bytes: %v", r.x.Bytes, err)
	}
	if r.words != "" {
		e.Message += "; the server said: " + r.words
		if none && r.meaning != llm.BadResponse {
			e.Code = r.meaning
		}
	}
	if r.x.coding.isOdd() && (none || err != nil) || isCoding(err) {
		r.x.coding.tell(e)
	}
	return r.of(tellType(e, r.spoken))
}

// Close releases the answer. The rest of a complete answer is read in the
// background, so that its connection can be reused (S3); the connection of an
// incomplete answer is closed.
func (r *Stream) Close() error {
	r.closed.Do(func() {
		if !r.detach() || !r.complete || r.atEnd || r.ctx.Err() != nil {
			r.cancel(nil)
			_ = r.resp.Body.Close() // nothing more is wanted from it
			return
		}
		r.upstream.drain(r.resp.Body, r.cancel)
	})
	return nil
}

// drain reads the rest of a body in the background. It ends within drainTime,
// or when the pool closes; the pool waits for it.
func (u *Upstream) drain(body io.ReadCloser, cancel context.CancelCauseFunc) {
	stop := func() { cancel(errEnough) }
	limit := time.AfterFunc(drainTime, stop)
	u.Pool.Go(func() {
		defer func() { _ = recover() }() // nor does a panic
		defer limit.Stop()
		defer cancel(nil)
		_, _ = io.Copy(io.Discard, io.LimitReader(body, drainBytes)) // a failure here matters to nobody: the answer was complete
		_ = body.Close()
	}, stop)
}
