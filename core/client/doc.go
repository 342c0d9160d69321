// Package client is one route: one model at one provider. A [Client] makes
// attempts (HTTP exchanges) and keeps what the route needs between them:
// connections, the circuit breaker (core/breaker) and the limits (core/limit),
// among them the queue of calls that wait for a place.
//
// A request comes down through these files:
//
//	client.go     Client: Chat and Stream called on a route directly; lifetime.go its end,
//	              report.go and health.go what is told of it, check_config.go a client that
//	              is made only to judge its configuration
//	call.go       Call: what all attempts of one call share (deadline, trail)
//	scope.go      Scope: how long a call lasts
//	turn.go       Turn: a call's stay on this route: place, breaker, attempts, retries
//	waits.go      what a call waited for, in the words of the trail
//	forced.go     a route that is not usable is forced, or another call's trial awaited
//	attempt.go    one attempt: its deadlines (timers: core/internal/alarm), its outcome, its line in
//	              the trail
//	backend.go    Backend: a client that the application wrote;
//	              backend_guard.go is where it is called, leash.go holds one that does not listen,
//	              rescue.go takes its panics
//	http.go       the HTTP exchange, in the format (core/wire) of the route's vendor
//	              (core/vendor): send.go the request, pared.go what it leaves out where a
//	              server refuses it, body.go a whole answer; the connections are those of
//	              core/transport
//	form.go       in which form an answer comes
//	events.go     a streamed HTTP answer; end.go whether it is complete, odd.go events that
//	              are no chunks
//	secrets.go    what no text may show; core/failure says what is an answer and what
//	              is a failure, what it means, and makes its texts fit to be shown
//	encoding.go   bodies in encodings that nobody asked for
//
// and goes up as a Response, or as chunks through opened.go (one route's
// stream; heading.go what came before its first token) and stream.go (the
// caller's stream, which may begin again). inject_on.go and inject_off.go are
// for the tests of the C ABI.
//
// Clauses in comments (D3, S2, …) are the lines of docs/promises.md.
package client
