// Package routing is what core/aggregator and core/client need of each other
// for one call, and no Go program. core/client implements [Route], [Turn] and
// [Opened]: a route, one call's attempts there, one route's stream.
// core/aggregator implements [Others] and [Opener], and says in a [Wanted] what
// a turn is made for. It imports core/internal/callstate, core/breaker,
// core/llm, core/observe and core/wire.
package routing

import (
	"github.com/llmagg/llmagg/core/breaker"
	"github.com/llmagg/llmagg/core/internal/callstate"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/observe"
	"github.com/llmagg/llmagg/core/rate"
	"github.com/llmagg/llmagg/core/wire"
)

// Route is one route, as the calls see it that have others. It is safe for
// concurrent use.
type Route interface {
	// Turn prepares call's attempts on this route, which has the given place
	// among the call's routes. others knows the other routes; nil means that
	// there are none.
	Turn(call *callstate.Call, others Others, place int) Turn
	// Breaker is the route's circuit breaker.
	Breaker() *breaker.Breaker
	// Rate is the route's limiter of requests and tokens a minute.
	Rate() *rate.Limiter
	// Tell completes an observation with the route and the time and sends it to
	// the observers.
	Tell(v observe.Observation)
	// Vectors is for a turn that asks for the vectors of texts, which e then
	// has. It stands apart, so that programs that ask for none do not carry
	// what makes them.
	Vectors(e *wire.Embedding) *Wanted
	// Ranks is the same for the ranking of documents.
	Ranks(r *wire.Ranking) *Wanted
}

// Turn makes one call's attempts on one route and counts them over the whole
// call (R1). One goroutine at a time uses it.
type Turn interface {
	// Ask makes attempts until one gives what is wanted or the call must leave
	// the route. The error is the last attempt's, or CIRCUIT_OPEN or OVERLOADED
	// if no attempt was made. lastResort is for a call without a usable route
	// (B4): the turn sends the last-resort probe, or waits for the result of
	// another call's probe, and proceeds normally once the route is usable.
	Ask(scope *callstate.Scope, w *Wanted, lastResort bool) *llm.Error
	// Again is Ask on the route that has just failed with reason, after the
	// wait before a retry. If the route may not be retried, it returns the
	// reason as STREAM_INTERRUPTED (S8).
	Again(scope *callstate.Scope, w *Wanted, reason *llm.Error) *llm.Error
	// Place is the route's place among the call's.
	Place() int
	// Hedge says whether the attempts to come are hedges (S9).
	Hedge(on bool)
	// LoseToHedge makes the attempt under way, which is about to be cancelled
	// since a hedge was faster, count as a timeout (S9).
	LoseToHedge()
	// Made is how many attempts the call has made on the route.
	Made() int
	// Spent reports whether the call has made all its attempts on the route
	// (R1).
	Spent() bool
	// Strict tells whether what the vendor cannot do ends the call (T6).
	Strict() bool
}

// Wanted says what a turn is made for, and holds its result.
type Wanted struct {
	Stream   bool // a stream, not a whole answer
	Response *llm.Response
	Opened   Opened // at its first token
	// Other asks for what is no chat; core/client gives it its attempt. See
	// Route.Vectors.
	Other func(attempt any) (*llm.Usage, error)
}

// Opened is one route's stream from its first token on. It keeps its slot on
// the route until it ends. One goroutine uses it.
type Opened interface {
	// Turn is the turn that opened the stream.
	Turn() Turn
	// Abandon ends an unfinished stream for the reason e and cuts its
	// connection.
	Abandon(e *llm.Error)
}

// Others knows the other routes of a call. Its methods may be called from
// several goroutines.
type Others interface {
	// OthersLeft tells whether the call has another usable route left, beside
	// the one at place.
	OthersLeft(place int) bool
	// EachOther calls f with the breaker of each route that the call has not
	// given up, but the one at place.
	EachOther(place int, f func(*breaker.Breaker))
}

// Opener opens the routes' streams for the stream that a caller reads.
type Opener interface {
	// Open opens a stream and returns it when its first token has arrived.
	Open(scope *callstate.Scope) (Opened, *llm.Error)
	// Reopen starts the answer over on another stream (S8). The argument failed is
	// the stream that broke off, and reason is its error. If Reopen returns an
	// error, the call ends.
	Reopen(scope *callstate.Scope, failed Opened, reason *llm.Error) (Opened, *llm.Error)
}

// StreamOptions describe the call that a stream belongs to.
type StreamOptions struct {
	Call  *callstate.Call
	Ended func() // called once, when the stream has ended or could not be opened; may be nil
	// Restart is the default of on_interrupt: true for calls that accumulate.
	Restart bool
	// Whole, if set, sees the whole answer of a stream that was complete, before
	// its reader does. It must not change or keep it.
	Whole func(*llm.Response)
}
