package client

import (
	"context"
	"io"

	"github.com/llmagg/llmagg/core/failure"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/wire"
)

// Backend is an application's own client, which performs single attempts; see
// [NewCustom]. It must be safe for concurrent use, return promptly when ctx
// ends, and leave retries, deadlines and breakers to the core. An error that is
// not an *llm.Error counts as UNAVAILABLE, its own context.DeadlineExceeded as
// TIMEOUT.
type Backend interface {
	// Chat performs one exchange and returns the whole answer.
	Chat(ctx context.Context, x *Exchange) (*llm.Response, error)
	// Stream starts a streamed answer and returns when its head has arrived.
	Stream(ctx context.Context, x *Exchange) (ChunkReader, error)
}

// ChunkReader is a streamed answer. One goroutine uses it.
type ChunkReader interface {
	// Next returns the next chunk, which the caller then owns; io.EOF once the
	// answer is complete (S2); any other error if it failed. It returns
	// promptly when the context of Stream ends.
	Next() (*llm.Chunk, error)
	// Close releases the answer, complete or not.
	Close() error
}

// Exchange is one attempt as its backend sees it. The backend fills in the
// facts for the list of attempts, on the goroutine that calls it.
type Exchange struct {
	Payload *llm.Payload
	// Provider and Name are the route's; Model is its upstream name.
	Provider, Name, Model string
	Usage                 bool // ask for usage in the stream, if the vendor can

	// Facts for the trail.
	Status  int   // HTTP status
	Bytes   int64 // of the answer's body, after decompression
	Skipped int   // malformed stream events that were skipped

	guard *guard // told by Alive; nil in an Exchange that the core did not make
}

// Alive tells the core that bytes have arrived: the clock of silence (D4)
// restarts.
func (x *Exchange) Alive() {
	if x.guard != nil {
		x.guard.alive()
	}
}

// If a backend panics below, the attempt has failed (INTERNAL): its slot is
// released, and a trial has its result.

var errNothing = &llm.Error{Code: llm.BadResponse, Message: "the backend returned neither an answer nor an error"}

func (a *attempt) chat() (*llm.Response, error) {
	r, err := a.askChat()
	for err != nil && a.pare(err) {
		r, err = a.askChat()
	}
	if err == nil && r == nil {
		err = errNothing
	}
	if err == nil && a.turn.client.Custom() {
		wire.OnlyReasons(r)
		if e := failure.OfCustom(r); e != nil {
			err = e
		} else {
			llm.WholeCalls(r)
		}
	}
	if err == nil {
		a.taken()
	}
	return r, err
}

// pare tells whether the attempt goes on with another request after err.
func (a *attempt) pare(err error) bool {
	upstream := a.upstream
	return upstream != nil && a.ctx.Err() == nil && upstream.Pare(&a.x, err, func() bool { return a.turn.client.retries.Allow().Taken() })
}

// taken notes that the server has begun to answer.
func (a *attempt) taken() {
	if upstream := a.upstream; upstream != nil {
		upstream.Taken(&a.x)
	}
}

func (a *attempt) askChat() (_ *llm.Response, err error) {
	if a.onLeash() {
		backend := a.turn.client.backend
		return guarded(a.guard, nil, func(x *Exchange) (*llm.Response, error) { return backend.Chat(a.ctx, x) })
	}
	defer a.rescue(&err)
	return a.upstream.Chat(a.ctx, &a.x)
}

func (a *attempt) stream() (ChunkReader, error) {
	r, err := a.askStream()
	if err == nil && r == nil {
		err = errNothing
	}
	return r, err
}

func (a *attempt) askStream() (_ ChunkReader, err error) {
	if a.onLeash() {
		backend := a.turn.client.backend
		late := func(r ChunkReader) { // it came when nobody waited any more
			if r != nil {
				a.quietly(r)
			}
		}
		return guarded(a.guard, late, func(x *Exchange) (ChunkReader, error) { return backend.Stream(a.ctx, x) })
	}
	defer a.rescue(&err)
	r, err := a.upstream.Stream(a.ctx, &a.x)
	if err != nil {
		return nil, err // never a reader that is nil in an interface that is not
	}
	return r, nil
}

func (a *attempt) next(r ChunkReader) (*llm.Chunk, error) {
	c, err := a.askNext(r)
	if err == nil && c == nil {
		err = errNothing
	}
	if !a.turn.client.Custom() {
		return c, err
	}
	// The normal return of an application's client is the end (S2); whether it
	// brought an answer is judged as with others (E1).
	if a.judge == nil {
		judge := wire.NewJudge(nil, a.turn.call.Payload.N)
		a.judge = &judge
	}
	var e *llm.Error
	switch {
	case err == nil:
		e = a.judge.Note(c)
	case err == io.EOF && a.judge.Phase() != wire.Waiting:
		e = a.judge.Failure()
	}
	if e != nil {
		err = e
	}
	return c, err
}

func (a *attempt) askNext(r ChunkReader) (_ *llm.Chunk, err error) {
	if a.onLeash() {
		return guarded(a.guard, nil, func(*Exchange) (*llm.Chunk, error) { return r.Next() })
	}
	defer a.rescue(&err)
	return r.Next()
}

// letGo closes a reader whose outcome is reported already.
func (a *attempt) letGo(r ChunkReader) {
	if l := a.guard; l != nil {
		l.close(r)
		return
	}
	a.quietly(r)
}

func (a *attempt) quietly(r ChunkReader) {
	var ignored error
	defer a.rescue(&ignored)
	_ = r.Close()
}

// onLeash tells whether the application wrote the client, and makes the
// attempt's guard then, through which the client is called.
func (a *attempt) onLeash() bool {
	if a.turn.client.Custom() && a.guard == nil {
		a.guard = newGuard(a)
	}
	return a.guard != nil
}

func rescued[T any](a *attempt, x *Exchange, f func(x *Exchange) (T, error)) (result T, err error) {
	defer a.rescue(&err)
	return f(x)
}

// rescue is deferred; it turns a panic into *err.
func (a *attempt) rescue(err *error) {
	if v := recover(); v != nil {
		a.turn.client.logPanic("backend", v)
		*err = llm.Errorf(llm.Internal, "the route's backend panicked: %v", v)
	}
}
