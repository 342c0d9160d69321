package client

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/llmagg/llmagg/core/client/eventstream"
	"github.com/llmagg/llmagg/core/llm"
)

const (
	usagePatience = 2 * time.Second // a usage chunk is waited for after the last finish reason, asked for or not (S3, S5)
	maxMalformed  = 8               // malformed events in a row (S4)
	maxChoices    = 128             // of one answer; no request may ask for more
	drainBytes    = 256 << 10       // what is left of a complete stream is read aside, within these bounds
	drainTime     = time.Second
	peeked        = 64 // bytes in which an answer shows what it is
)

// errEnough cancels the reading of an answer that is complete.
var errEnough = errors.New("the answer is complete")

// eventReader reads a streamed answer and knows when it is complete (S2, S3).
type eventReader struct {
	backend *httpBackend
	ctx     context.Context
	cancel  context.CancelCauseFunc
	detach  func() bool // lets the exchange outlive its attempt; false if that has ended already
	resp    *http.Response
	x       *Exchange
	decoder *eventstream.Decoder
	read    func([]byte) (*llm.Chunk, error)

	begun     bool          // the first bytes have shown what this is
	single    *llm.Response // a completion instead of a stream (T2)
	choices   []choiceState
	finished  int
	usage     bool // a usage has come, with the last finish reason or after it
	complete  bool
	atEnd     bool // the body has been read to its end
	malformed int
	awaited   bool          // only the usage is still waited for
	patience  time.Duration // how long yet
	closed    sync.Once
}

type choiceState struct {
	index    int
	finished bool
}

func newEventReader(b *httpBackend, ctx context.Context, cancel context.CancelCauseFunc, detach func() bool, resp *http.Response, x *Exchange) *eventReader {
	return &eventReader{backend: b, ctx: ctx, cancel: cancel, detach: detach, resp: resp, x: x, read: b.wire.chunks(x)}
}

// begin looks at the first byte: a stream's Content-Type is not trusted (T1),
// and a server may answer with one JSON completion (T2).
func (r *eventReader) begin() error {
	r.begun = true
	in := bufio.NewReaderSize(r.resp.Body, peeked) // reads that want more go past it
	first, err := firstByte(in)
	if err == nil && (first == '{' || first == '[' || first == '<') {
		resp := *r.resp
		resp.Body = io.NopCloser(in)
		data, err := r.backend.readAll(&resp, r.x, new([]byte))
		if err != nil {
			return err
		}
		r.atEnd = true
		r.single, err = r.backend.whole(data, r.resp, r.x)
		return err
	}
	// Errors of the peek come again from the decoder's first read.
	r.decoder = eventstream.NewDecoder(in, eventstream.Limits{
		EventBytes: r.backend.cfg.Limits.EventBytes, StreamBytes: r.backend.cfg.Limits.StreamBytes})
	r.decoder.OnRead = func(n int) {
		r.x.Bytes += int64(n)
		r.x.Alive()
	}
	return nil
}

// firstByte peeks behind a byte order mark and white space.
func firstByte(in *bufio.Reader) (byte, error) {
	for n := 1; n <= peeked; n++ {
		b, err := in.Peek(n)
		if err != nil {
			return 0, err
		}
		switch c := b[n-1]; c {
		case ' ', '\t', '\r', '\n', 0xef, 0xbb, 0xbf:
		default:
			return c, nil
		}
	}
	return 0, nil
}

// Next implements [ChunkReader].
func (r *eventReader) Next() (*llm.Chunk, error) {
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
		ev, err := r.decoder.Next()
		if err != nil {
			return nil, r.end(err)
		}
		if len(ev.Data) == 0 {
			continue
		}
		if bytes.Equal(bytes.TrimSpace(ev.Data), []byte("[DONE]")) {
			return nil, r.doneMarker()
		}
		c, err := r.event(ev)
		if c != nil || err != nil {
			return c, err
		}
	}
	return nil, io.EOF
}

// event reads one event; both results are nil for one that is passed over.
func (r *eventReader) event(ev eventstream.Event) (*llm.Chunk, error) {
	data := ev.Data
	if !utf8.Valid(data) {
		data = bytes.ToValidUTF8(data, []byte("\uFFFD"))
	}
	if ev.Type == "error" || bytes.Contains(data, []byte(`"error"`)) && hasError(data) {
		e := classify(0, nil, data)
		e.Status = r.resp.StatusCode
		e.RequestID = requestID(r.resp.Header)
		e.Message = "error inside the stream: " + e.Message
		return nil, e
	}
	c, err := r.read(data)
	var told *llm.Error
	if errors.As(err, &told) && told.Code != llm.BadResponse {
		return nil, err
	}
	if err != nil {
		r.x.Skipped++
		if r.malformed++; r.malformed >= maxMalformed {
			return nil, llm.Errorf(llm.BadResponse, "%d stream events in a row could not be read, the last because: %v", r.malformed, err)
		}
		return nil, nil
	}
	r.malformed = 0
	if r.note(c); len(r.choices) > maxChoices {
		return nil, llm.Errorf(llm.BadResponse, "the stream has more than %d choices; %d were asked for", maxChoices, r.x.Payload.N)
	}
	return c, nil
}

// note keeps track of what S2 and S3 ask about.
func (r *eventReader) note(c *llm.Chunk) {
	for i := range c.Choices {
		s := r.choice(c.Choices[i].Index)
		if len(r.choices) > maxChoices {
			return // the answer is refused
		}
		if c.Choices[i].FinishReason != "" && !s.finished {
			s.finished = true
			r.finished++
		}
	}
	if r.finished < r.x.Payload.N {
		return
	}
	r.usage = r.usage || c.Usage != nil // one that came earlier is not the last
	if r.usage {
		r.complete = true
		return
	}
	if !r.awaited {
		r.awaited, r.patience = true, usagePatience
	}
}

// impatient ends the wait for the usage when patience runs out. Only the time
// in which the reader reads is taken from it: a usage that is there is not
// lost to a slow reader.
func (r *eventReader) impatient() (stop func()) {
	began := time.Now()
	timer := time.AfterFunc(r.patience, func() { r.cancel(errEnough) })
	return func() {
		timer.Stop()
		r.patience -= time.Since(began)
	}
}

func (r *eventReader) choice(index int) *choiceState {
	for i := range r.choices {
		if r.choices[i].index == index {
			return &r.choices[i]
		}
	}
	r.choices = append(r.choices, choiceState{index: index})
	return &r.choices[len(r.choices)-1]
}

// doneMarker is [DONE]: complete if a choice came (S2).
func (r *eventReader) doneMarker() error {
	if len(r.choices) == 0 {
		return llm.Errorf(llm.StreamInterrupted, "the stream ended with [DONE] before any choice came")
	}
	r.complete = true
	return io.EOF
}

// end is the end of the bytes, clean or not.
func (r *eventReader) end(err error) error {
	r.atEnd = err == io.EOF
	allFinished := len(r.choices) > 0 && r.finished == len(r.choices)
	switch {
	case r.finished >= r.x.Payload.N && len(r.choices) > 0: // only the usage was still waited for
		r.complete = true
		return io.EOF
	case err == io.EOF && allFinished:
		r.complete = true
		return io.EOF
	case err == io.EOF && len(r.choices) == 0:
		return llm.Errorf(llm.StreamInterrupted, "the stream ended after %d bytes before any choice came", r.x.Bytes)
	case err == io.EOF:
		return llm.Errorf(llm.StreamInterrupted, "the stream ended without [DONE] and without a finish_reason")
	case errors.Is(err, eventstream.ErrEventTooLarge):
		return overLimit("a stream event exceeds %d bytes (limits.event_bytes)", r.backend.cfg.Limits.EventBytes)
	case errors.Is(err, eventstream.ErrStreamTooLarge):
		return overLimit("the stream exceeds %d bytes (limits.stream_bytes)", r.backend.cfg.Limits.StreamBytes)
	}
	return &llm.Error{Code: llm.StreamInterrupted, Message: fmt.Sprintf("the connection broke after %d bytes: %v", r.x.Bytes, err), Cause: err}
}

// Close implements [ChunkReader]. What is left of a complete answer is read
// aside, so that its connection can be used again (S3); the connection of an
// incomplete one is cut.
func (r *eventReader) Close() error {
	r.closed.Do(func() {
		if !r.detach() || !r.complete || r.atEnd || r.ctx.Err() != nil {
			r.cancel(nil)
			_ = r.resp.Body.Close() // nothing more is wanted from it
			return
		}
		r.backend.drain(r.resp.Body, r.cancel)
	})
	return nil
}

// drain reads the rest of a body aside. It ends by itself within drainTime, or
// when the pool closes, which waits for it.
func (b *httpBackend) drain(body io.ReadCloser, cancel context.CancelCauseFunc) {
	b.pool.background.Add(1)
	limit := time.AfterFunc(drainTime, func() { cancel(errEnough) })
	stop := context.AfterFunc(b.pool.life, func() { cancel(errEnough) })
	go func() {
		defer b.pool.background.Done()
		defer func() { _ = recover() }() // nor does a fault
		defer limit.Stop()
		defer stop()
		defer cancel(nil)
		_, _ = io.Copy(io.Discard, io.LimitReader(body, drainBytes)) // a failure here concerns nobody, for the answer was complete
		_ = body.Close()
	}()
}
