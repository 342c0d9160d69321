package fleet

import (
	"context"
	"time"

	"github.com/llmagg/llmagg/core/breaker"
	"github.com/llmagg/llmagg/core/rate"
)

// Store is what the processes of a fleet share. It is safe for concurrent use.
// Every method returns when its context ends; none is called by a call of the
// application.
type Store interface {
	// Tell appends changes to the fleet's stream.
	Tell(ctx context.Context, changes []Change) error
	// Listen waits, for about a second at most, for what was told after from,
	// and returns the place after it. From "" it returns what was told in the
	// last ten minutes.
	Listen(ctx context.Context, from string) (changes []Change, next string, err error)
	// Lease takes up to n units of a budget that all processes share. It adds
	// to, and returns, what the requests of all of them have asked for.
	Lease(ctx context.Context, b Budget, n int) (granted, asked int, err error)
	// Mark takes the mark of a route for a process, or says how long another
	// process has it. A process has its own mark already.
	Mark(ctx context.Context, route, process string, lasts time.Duration) (mine bool, left time.Duration, err error)
	// Unmark gives a mark back.
	Unmark(ctx context.Context, route string) error
	// Alive says that the process is alive, and counts those that said so
	// within the last few seconds.
	Alive(ctx context.Context, process string) (processes int, err error)
	// Close ends the connections.
	Close()
}

// Change is what a process tells of a route.
type Change struct {
	Route   string // see Member
	What    breaker.What
	For     time.Duration // how long it holds; what is left of that where it is heard
	Process string
	Age     time.Duration // since it was told, where it is heard
}

// Tokens is the name of a limit of tokens.
const Tokens = rate.Tokens

// Budget is a limit that the processes of a fleet share.
type Budget struct {
	Route     string
	Of        string // "rpm" or "tpm"
	PerSecond float64
	Burst     float64 // units that may be taken at once
	Asked     int     // tokens that requests asked for at most, since the last lease
}
