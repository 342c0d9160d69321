package client

import (
	"context"

	"github.com/llmagg/llmagg/core/llm"
)

// Backend performs single attempts. The HTTP wire formats are backends; an
// application's own client becomes one through [NewCustom]. It must be safe
// for concurrent use, return promptly when ctx ends, and leave retries,
// deadlines and breakers to the core. An error that is no *llm.Error counts as
// UNAVAILABLE, context.DeadlineExceeded of its own as TIMEOUT.
type Backend interface {
	// Chat performs one exchange and returns the whole answer.
	Chat(ctx context.Context, x *Exchange) (*llm.Response, error)
	// Stream begins a streamed answer and returns when its head is there.
	Stream(ctx context.Context, x *Exchange) (ChunkReader, error)
}

// ChunkReader is a streamed answer. One goroutine uses it.
type ChunkReader interface {
	// Next gives the next chunk, which is then the caller's; io.EOF once the
	// answer is complete (S2), any other error when it failed. It returns
	// promptly when the context of Stream ends.
	Next() (*llm.Chunk, error)
	// Close lets go of the answer, complete or not.
	Close() error
}

// Exchange is one attempt as its backend sees it. The backend fills in the
// facts, on the goroutine that calls it.
type Exchange struct {
	Payload *llm.Payload
	// Provider and Name are the route's; Model is its upstream name.
	Provider, Name, Model string
	Usage                 bool // ask for usage in the stream, if the vendor can

	// Facts for the trail.
	Status  int   // HTTP status
	Bytes   int64 // of the answer's body, after decompression
	Skipped int   // malformed stream events passed over

	asking asking // what a server that refuses the request is asked instead

	attempt *attempt // told by Alive; nil in an Exchange that the core did not make
	leash   *leash   // between the two, where the application wrote the backend
}

// Alive tells the core that bytes have arrived: the clock of silence (D4)
// starts anew.
func (x *Exchange) Alive() {
	switch {
	case x.leash != nil:
		x.leash.alive()
	case x.attempt != nil:
		x.attempt.alive()
	}
}
