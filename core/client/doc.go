// Package client is one route, one model at one provider, and the calls on it.
// A [Client] keeps what the route needs between calls: connections, the circuit
// breaker, limits. A call makes attempts there during a turn (turn.go,
// attempt.go), each of them an exchange over HTTP (core/exchange) or the work
// of a [Backend] that the application wrote (backend.go, guard.go). An answer
// goes up as a Response, or as chunks through one route's stream (opened.go)
// and [Stream], the caller's, which may begin again. inject_on.go is for the
// tests of the C ABI. Clauses in comments (D3, S2, …) are lines of
// docs/promises.md.
package client
