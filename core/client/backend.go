package client

import (
	"context"

	"github.com/llmagg/llmagg/core/llm"
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
