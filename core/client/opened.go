package client

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"time"

	"github.com/llmagg/llmagg/core/failure"
	"github.com/llmagg/llmagg/core/internal/routing"
	"github.com/llmagg/llmagg/core/llm"
)

// opened is one route's stream, a [routing.Opened].
type opened struct {
	turn   *turn
	a      *attempt
	reader ChunkReader
	head   heading // what came up to the first token
	empty  bool    // it is refused, as it was complete before any token
	whole  bool    // the stream was complete before any token
	unsure bool    // a chunk came that makes an answer unsure: see llm.Chunk.IsUnsure
	usage  *llm.Usage
	over   bool
	failed error
	quiet  func() bool // stops the watch of onLost
}

// open makes the attempt that opens a stream: it reads until the first token.
func (a *attempt) open(w *routing.Wanted) *llm.Error {
	o := &opened{turn: a.turn, a: a}
	err := o.open()
	if err != nil {
		e := a.explain(err)
		if !o.empty { // else it was paid for
			o.usage = nil
		}
		a.end(e, o.usage.Clone())
		if o.reader != nil {
			a.letGo(o.reader)
		}
		return e
	}
	w.Opened = o
	return nil
}

// open reads up to the first token, and once more where the server refused a
// field that can be left out.
func (o *opened) open() error {
	for {
		err := o.begin()
		if err == nil {
			o.a.taken()
			return nil
		}
		if !o.a.pare(err) {
			return err
		}
		if o.reader != nil {
			o.a.letGo(o.reader)
		}
		o.reader, o.head, o.usage = nil, heading{}, nil
	}
}

func (o *opened) begin() (err error) {
	a := o.a
	a.x.Usage = a.turn.call.Payload.Options.IncludeUsage || a.turn.call.Payload.WantsUsage()
	if o.reader, err = a.stream(); err != nil {
		return err
	}
	for {
		chunk, err := a.next(o.reader)
		if err == io.EOF && !o.head.begun {
			return llm.Errorf(llm.StreamInterrupted, "the stream ended before any choice came") // S2
		}
		if err == io.EOF {
			if a.turn.call.Payload.Options.Accept == llm.AcceptNonempty {
				o.empty = true
				return errEmpty
			}
			o.whole = true
			a.timer.Stop()
			if a.permit != nil {
				a.permit.FirstToken() // the response is a trial's result, whenever it is read (B2, B4)
			}
			return nil
		}
		if err != nil {
			return err
		}
		o.keep(chunk)
		token := chunk.HasToken()
		if !o.head.add(chunk, token) {
			return failure.OverLimit("more than %d bytes arrived before the first token", maxHeading)
		}
		if token {
			a.firstTokenCame()
			o.idleFrom()
			return nil
		}
	}
}

func (o *opened) keep(c *llm.Chunk) {
	if c.Usage != nil {
		o.a.paidAs(c.Extra)
	}
	o.usage = c.Usage.After(o.usage)
}

// idleFrom turns the attempt's clock into D4's, standing still.
func (o *opened) idleFrom() {
	a, idle := o.a, o.a.turn.client.cfg.IdleTimeout
	if d := a.turn.call.Payload.Options.Timeout; d > 0 && idle == a.turn.client.cfg.Timeout {
		idle = d // idle_timeout follows timeout unless it was set
	}
	a.idle = idle
	a.timer.StopFor((*silence)(a))
}

// silence is an attempt as D4's clock tells it.
type silence attempt

// TimeUp is the end of D4's clock.
func (s *silence) TimeUp() {
	silent := llm.Errorf(llm.Timeout, "nothing came within idle_timeout")
	s.cancel(&llm.Error{Code: llm.StreamInterrupted, Message: fmt.Sprintf("the stream went silent for %v", llm.Seconds(s.idle)), Cause: silent})
}

// Route is "provider/model".
func (o *opened) Route() string { return o.turn.client.Route() }

// readerTimeout is D6's.
func (o *opened) readerTimeout() time.Duration { return o.turn.client.cfg.ReaderTimeout }

func (o *opened) Turn() routing.Turn { return o.turn }

// Next returns the next chunk, io.EOF after the last chunk of a complete
// answer, or the *llm.Error that broke it. Either error ends the attempt.
func (o *opened) Next() (*llm.Chunk, error) {
	if c := o.head.take(); c != nil {
		o.unsure = o.unsure || c.IsUnsure()
		return c, nil
	}
	if o.over {
		return nil, o.failed
	}
	if o.whole {
		return nil, o.complete()
	}
	// The clock of silence runs only while the reader reads. Streams of the
	// core's own tell when they wait for bytes.
	if o.a.guard != nil {
		o.a.Alive()
	}
	c, err := o.a.next(o.reader)
	if o.a.guard != nil {
		o.a.Rest()
	}
	if err == io.EOF {
		return nil, o.complete()
	}
	if err != nil {
		return nil, o.finish(o.a.explain(err))
	}
	o.unsure = o.unsure || c.IsUnsure()
	o.keep(c)
	return c, nil
}

// complete ends a complete stream, unless its pieces, or the call's options,
// make somebody look at its answer first: judge ends it then.
func (o *opened) complete() error {
	if !o.unsure && !o.turn.call.JudgesStreams() {
		return o.finish(nil)
	}
	o.whole = true
	return io.EOF
}

// finish ends the attempt, releases the route, and returns what Next returns
// from now on.
func (o *opened) finish(e *llm.Error) error {
	if o.over {
		return o.failed
	}
	o.over = true
	if o.quiet != nil {
		o.quiet() // the attempt's context ends below
	}
	if e == nil {
		o.failed = io.EOF
		// Before the attempt's context ends: what is left of a complete answer
		// is read aside, for the connection's sake (S3).
		o.a.letGo(o.reader)
		o.a.end(nil, o.usage)
	} else {
		o.failed = e
		o.a.end(e, o.usage)
		o.a.letGo(o.reader)
	}
	o.turn.client.unuse(o.turn)
	return o.failed
}

func (o *opened) Abandon(e *llm.Error) {
	if o.over {
		return
	}
	o.a.lastLife = time.Since(o.a.record.Start) // it was the reader that was silent
	o.a.cancel(e)
	_ = o.finish(e)
}

// onLost calls f, on a goroutine of its own, when the call or the client ends
// before the stream does, so that a stream without a reader ends too.
func (o *opened) onLost(f func(reason *llm.Error)) {
	o.quiet = context.AfterFunc(o.a.ctx, func() {
		if reason := o.turn.scope.Ended(); reason != nil { // else the attempt has ended alone: its reader is told
			f(reason)
		}
	})
}

// judge ends the attempt of a stream that was complete: with e, the failure of
// the answer, or as the application says, which looks at the answer unless r is
// nil. It returns nil for an answer that counts.
func (o *opened) judge(r *llm.Response, e *llm.Error) *llm.Error {
	if e == nil && r != nil {
		if refused := o.a.judgeAnswer(r); refused != nil {
			e = llm.AsError(refused)
		}
	}
	if e != nil {
		e = o.a.explain(e)
	}
	_ = o.finish(e)
	return e
}

func (o *opened) routed(e *llm.Error) *llm.Error { return o.turn.client.routed(e) }

func (o *opened) rescue(in string, body func()) *llm.Error { return o.turn.client.Rescue(in, body) }

const (
	// keptWhole is how many chunks before the first token are kept one by one.
	keptWhole = 64
	// maxHeading bounds the memory for the others, in bytes, about: a server
	// may send chunks without a token for as long as it likes (L1).
	maxHeading = 4 << 20
)

// heading is the part of a stream up to its first token. The first chunks are
// kept as they came. After these, a chunk that only repeats the fields of the
// chunk before it replaces that chunk.
type heading struct {
	chunks []*llm.Chunk
	size   int  // of those behind the first keptWhole
	begun  bool // a choice has come
}

// add keeps a chunk. It returns false if there is too much to keep. A chunk
// with a token is the last to be added.
func (h *heading) add(c *llm.Chunk, token bool) bool {
	h.begun = h.begun || len(c.Choices) > 0
	n := len(h.chunks)
	if token || n < keptWhole {
		h.chunks = append(h.chunks, c)
		return true
	}
	if last := h.chunks[n-1]; repeats(c, last) {
		c.Usage = cmp.Or(c.Usage, last.Usage)
		h.chunks[n-1] = c
		return true
	}
	h.chunks = append(h.chunks, c)
	h.size += weight(c)
	return h.size <= maxHeading
}

// take returns the next chunk, or nil after the last.
func (h *heading) take() *llm.Chunk {
	if len(h.chunks) == 0 {
		return nil
	}
	c := h.chunks[0]
	h.chunks[0] = nil // it is the reader's now
	if h.chunks = h.chunks[1:]; len(h.chunks) == 0 {
		h.chunks = nil
	}
	return c
}

// repeats tells whether c, which has no token, can replace last without a loss:
// both have the same choices, and c has every field of last.
func repeats(c, last *llm.Chunk) bool {
	if len(c.Choices) != len(last.Choices) || !covers(c.Extra, last.Extra) {
		return false
	}
	for i := range c.Choices {
		a, b := &c.Choices[i], &last.Choices[i]
		if a.Index != b.Index || a.FinishReason != b.FinishReason || a.Logprobs != nil || b.Logprobs != nil ||
			!covers(a.Extra, b.Extra) || !covers(a.Delta.Extra, b.Delta.Extra) {
			return false
		}
	}
	for i := range c.Choices {
		if delta := &c.Choices[i].Delta; delta.Role == "" {
			delta.Role = last.Choices[i].Delta.Role
		}
	}
	return true
}

// covers tells whether fields has every field of old.
func covers(fields, old llm.Extra) bool {
	if len(fields) < len(old) {
		return false
	}
	for name := range old {
		if _, ok := fields[name]; !ok {
			return false
		}
	}
	return true
}

// field is about how many bytes of memory a field needs, beside its text.
const field = 128

// weight is about how many bytes of memory a chunk needs.
func weight(c *llm.Chunk) int {
	const chunk = 512
	n := chunk + weigh(c.Extra) + len(c.ID) + len(c.Model)
	if c.Usage != nil {
		n += field + weigh(c.Usage.Extra) + len(c.Usage.PromptTokensDetails) + len(c.Usage.CompletionTokensDetails)
	}
	for i := range c.Choices {
		choice := &c.Choices[i]
		n += chunk + len(choice.Logprobs) + weigh(choice.Extra) + weigh(choice.Delta.Extra) + len(choice.FinishReason) + len(choice.Delta.Role)
	}
	return n
}

func weigh(fields llm.Extra) (n int) {
	for name, value := range fields {
		n += field + len(name) + len(value)
	}
	return n
}
