// Package client is one route: one model at one provider. A [Client] makes
// attempts (HTTP exchanges) and keeps what the route needs between them:
// connections, the circuit breaker (core/breaker), the limits (core/limit), and the line of calls
// that wait for a place.
//
// A request comes down through these files:
//
//	client.go     Client: Chat and Stream called on a route directly; lifetime.go its end
//	call.go       Call: what all attempts of one call share (deadline, trail)
//	scope.go      Scope: how long a call lasts
//	turn.go       Turn: a call's stay on this route: place, breaker, attempts, retries
//	waits.go      what a call waited for, in the words of the trail
//	forced.go     a route that is not usable is forced, or somebody else's verdict awaited
//	attempt.go    one attempt: its deadlines, its outcome, its line in the trail
//	backend.go    Backend: what performs an attempt, HTTP or written by the application;
//	              backend_guard.go is where it is called, leash.go holds one that does not listen
//	http.go       the HTTP exchange: send.go the request, body.go a whole answer,
//	              transport.go the connections,
//	              proxy.go which proxy they use, tunnel.go and
//	              socks.go those through a tunnel
//	openai.go, gemini*.go  the wire formats; preset.go which vendor speaks which
//	events.go     a streamed HTTP answer, complete or not
//	failure.go    what is an answer and what is a failure: said.go and forms.go read
//	              what was said, reasons.go and codes.go know the vendors' words
//	classify.go, retryafter.go  what a failure means; oneline.go, page.go and
//	              mask.go, secrets.go, spelled.go make its texts fit to be shown
//	encoding.go   bodies in encodings that nobody asked for
//
// and goes up as a Response, or as chunks through opened.go (one route's
// stream) and stream.go (the caller's stream, which may begin again).
//
// Clauses in comments (D3, S2, …) are the lines of docs/promises.md.
package client
