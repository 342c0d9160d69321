package faultwall

import (
	"context"
	"encoding/json"
)

// Seen is what a wall saw until a moment. Times are seconds since its start, on
// the monotonic clock; 0 in an optional time means that it did not happen.
// SCRIPT.md says what the fields are ("What the wall saw").
type Seen struct {
	UptimeS     float64              `json:"uptime_s"`
	Totals      SeenTotals           `json:"totals"`
	Models      map[string]SeenModel `json:"models"`
	Requests    []SeenRequest        `json:"requests"`
	Connections []SeenConnection     `json:"connections"`
	CACert      string               `json:"ca_cert_pem,omitempty"`
}

// SeenTotals are sums over a wall's life.
type SeenTotals struct {
	Requests          int `json:"requests"`
	InFlight          int `json:"in_flight"`
	MaxSimultaneous   int `json:"max_simultaneous"`
	Health            int `json:"health"`
	Disconnects       int `json:"disconnects"`
	Stale             int `json:"stale"`
	Malformed         int `json:"malformed"`
	TLSFailures       int `json:"tls_failures"`
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
	Number    int               `json:"number"`
	Kind      string            `json:"kind"`
	Model     string            `json:"model,omitempty"`
	Method    string            `json:"method"`
	Path      string            `json:"path"`
	Query     string            `json:"query,omitempty"`
	Proto     string            `json:"proto"`
	Host      string            `json:"host"`
	Headers   map[string]string `json:"headers"`
	Body      json.RawMessage   `json:"body,omitempty"`
	BodyText  string            `json:"body_text,omitempty"`
	BodyBytes int               `json:"body_bytes"`
	Stream    bool              `json:"stream"`

	Connection   int  `json:"connection"`
	Reused       bool `json:"reused"`
	Simultaneous int  `json:"simultaneous"`
	Step         int  `json:"step"`
	Stale        bool `json:"stale,omitempty"`

	Start          float64 `json:"start"`
	FirstByteAt    float64 `json:"first_byte_at,omitempty"`
	FirstBodyAt    float64 `json:"first_body_at,omitempty"`
	End            float64 `json:"end,omitempty"`
	Status         int     `json:"status,omitempty"`
	Events         int     `json:"events,omitempty"`
	Bytes          int64   `json:"bytes,omitempty"`
	Cut            string  `json:"cut,omitempty"`
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
