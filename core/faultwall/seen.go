package faultwall

import (
	"context"
	"encoding/json"
)

// Seen is what a wall saw until a moment. Times are seconds since its start, on
// the monotonic clock; 0 in an optional time means that it did not happen.
type Seen struct {
	// UptimeS is the moment of the snapshot.
	UptimeS float64 `json:"uptime_s"`
	// Totals over the wall's whole life.
	Totals SeenTotals `json:"totals"`
	// Models sums up chat requests by the model that they asked for.
	Models map[string]SeenModel `json:"models"`
	// Requests in the order of their arrival, the latest Options.MaxRequests.
	Requests []SeenRequest `json:"requests"`
	// Connections in the order of their arrival, the latest
	// Options.MaxRequests.
	Connections []SeenConnection `json:"connections"`
	// CACert is Wall.CACertPEM.
	CACert string `json:"ca_cert_pem,omitempty"`
}

// SeenTotals are sums over a wall's life.
type SeenTotals struct {
	// Requests that arrived, health checks and unknown paths included, stale
	// ones not.
	Requests int `json:"requests"`
	// InFlight is how many of them are being answered now.
	InFlight int `json:"in_flight"`
	// MaxSimultaneous is the most that ever were, health checks included.
	MaxSimultaneous int `json:"max_simultaneous"`
	// Health counts GET …/models.
	Health int `json:"health"`
	// Disconnects counts requests whose client left before the answer was
	// whole.
	Disconnects int `json:"disconnects"`
	// Stale counts requests thrown away by Step.CloseNext.
	Stale int `json:"stale"`
	// Malformed counts inputs that were not HTTP requests.
	Malformed int `json:"malformed"`
	// TLSFailures counts handshakes that failed.
	TLSFailures int `json:"tls_failures"`
	// ConnectionsOpened and ConnectionsOpen count TCP connections: all, and
	// now.
	ConnectionsOpened int `json:"connections_opened"`
	ConnectionsOpen   int `json:"connections_open"`
	// Dropped is how many requests are no longer in Seen.Requests.
	Dropped int `json:"dropped,omitempty"`
}

// SeenModel sums up the chat requests for one model.
type SeenModel struct {
	Requests        int `json:"requests"`
	InFlight        int `json:"in_flight"`
	MaxSimultaneous int `json:"max_simultaneous"`
	Disconnects     int `json:"disconnects"`
	Stale           int `json:"stale"`
}

// Values of SeenRequest.Kind.
const (
	KindChat   = "chat"   // a request to a model
	KindHealth = "health" // GET …/models
	KindOther  = "other"  // anything else: for a token, or answered with 404 or 405
)

// SeenRequest is one request and its answer.
type SeenRequest struct {
	// Number of the request, from 1.
	Number int    `json:"number"`
	Kind   string `json:"kind"`
	Model  string `json:"model,omitempty"`
	Method string `json:"method"`
	Path   string `json:"path"`
	Query  string `json:"query,omitempty"`
	// Proto is HTTP/1.1 or HTTP/2.0.
	Proto string `json:"proto"`
	// Host is the Host header.
	Host string `json:"host"`
	// Headers by lower-case name, repeated ones joined by ", ". Keys are as
	// received.
	Headers map[string]string `json:"headers"`
	// Body is the request's body if it is JSON and not longer than
	// Options.MaxBodyBytes.
	Body json.RawMessage `json:"body,omitempty"`
	// BodyText is the beginning of any other body.
	BodyText string `json:"body_text,omitempty"`
	// BodyBytes is the length of the whole body.
	BodyBytes int `json:"body_bytes"`
	// Stream: the request asked for a stream.
	Stream bool `json:"stream"`

	// Connection is the number of the TCP connection, from 1.
	Connection int `json:"connection"`
	// Reused: it was not the connection's first request.
	Reused bool `json:"reused"`
	// Simultaneous is how many requests for the model were in flight when this
	// one arrived, itself included.
	Simultaneous int `json:"simultaneous"`
	// Step is the index in the plan's steps; -1: no step was used.
	Step int `json:"step"`
	// Stale: it was thrown away by Step.CloseNext.
	Stale bool `json:"stale,omitempty"`

	// Start: the request had arrived with its whole body.
	Start float64 `json:"start"`
	// FirstByteAt: the first byte of the answer's head was sent.
	FirstByteAt float64 `json:"first_byte_at,omitempty"`
	// FirstBodyAt: the first byte of the answer's body was sent.
	FirstBodyAt float64 `json:"first_body_at,omitempty"`
	// End: the answer was whole, was cut, or the client had left.
	End float64 `json:"end,omitempty"`
	// Status sent; 0: none yet.
	Status int `json:"status,omitempty"`
	// Events and Bytes of the body that were sent.
	Events int   `json:"events,omitempty"`
	Bytes  int64 `json:"bytes,omitempty"`
	// Cut is how the wall broke the answer off: a value of Cut.How, "limit" (a
	// bound of Forever) or "killed" (Kill or Close).
	Cut string `json:"cut,omitempty"`
	// Disconnected: the client went away, at DisconnectedAt, before the answer
	// was whole.
	Disconnected   bool    `json:"disconnected"`
	DisconnectedAt float64 `json:"disconnected_at,omitempty"`
}

// SeenConnection is one TCP connection.
type SeenConnection struct {
	Number   int     `json:"number"`
	Opened   float64 `json:"opened"`
	Closed   float64 `json:"closed,omitempty"`
	Requests int     `json:"requests"`
}

// Of returns the chat requests for a model, stale ones included.
func (s Seen) Of(model string) []SeenRequest {
	var some []SeenRequest
	for _, r := range s.Requests {
		if r.Kind == KindChat && r.Model == model {
			some = append(some, r)
		}
	}
	return some
}

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
