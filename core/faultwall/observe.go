package faultwall

import "context"

// Seen is a snapshot of what the wall saw so far: the requests with their
// times, headers and bodies, how many were in flight together, and whether and
// when clients went away. Each connection is read all the time, so a disconnect
// is seen at once.
//
// A request counts as in flight until just before the write that lets a client
// regard the answer as complete (the last byte of a body, the finish reason of
// a stream's last choice), so that a client which keeps a limit is never blamed
// for being faster than the wall's own book-keeping.
func (w *Wall) Seen() Seen {
	seen := w.ledger.snapshot()
	seen.CACert = string(w.caPEM)
	return seen
}

// SeenJSON is Seen as JSON.
func (w *Wall) SeenJSON() []byte { return toJSON(w.Seen()) }

// Wait blocks until condition returns true for what the wall saw, or until ctx
// ends, and then returns ctx's error. It calls condition at once and after each
// change, outside the wall's locks; condition must not change its argument.
func (w *Wall) Wait(ctx context.Context, condition func(Seen) bool) error {
	for {
		changed := w.ledger.subscribe()
		if condition(w.Seen()) {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
