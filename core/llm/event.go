package llm

import (
	"math"
	"time"

	"github.com/llmagg/llmagg/core/internal/jsontext"
)

// EventKind says what an [Event] is.
type EventKind int

// The kinds of stream events.
const (
	EventChunk   EventKind = iota + 1 // Chunk is set
	EventRestart                      // Restart is set; discard the chunks received before
	EventDone                         // Response is set: the whole answer; the last event
)

// Event is one event of a stream.
type Event struct {
	Kind     EventKind
	Chunk    *Chunk
	Restart  *Restart
	Response *Response
}

// Restart says that From failed and the answer begins again on To.
type Restart struct {
	From, To string // "provider/model"
	Reason   *Error
}

// MarshalJSON writes {"from", "to", "reason"}.
func (r *Restart) MarshalJSON() ([]byte, error) {
	return jsontext.Encode(nil, func(w *jsontext.Writer) {
		o := w.Object()
		o.Str("from", r.From)
		o.Str("to", r.To)
		if r.Reason != nil {
			r.Reason.write(o.Field("reason"))
		}
		o.End()
	})
}

// RouteReport is the state of one route.
type RouteReport struct {
	Provider, Model string
	Available       bool          // the application's switch
	Usable          bool          // a call would be admitted now
	Circuit         string        // "closed", "open" or "half_open"
	BlockedFor      time.Duration // until a wait, a wrong key or a spent quota ends
	ReopensIn       time.Duration // until the breaker admits a probe
	InFlight        int
	Waiting         int
	Limit           int         // attempts that may be in flight now
	RateUsed        float64     // share of the rate that was used lately, 0 to 1; the larger of requests and tokens
	Binding         string      // what callers wait for: "rpm", "tpm" or BindingConcurrency; "" if nothing
	Keys            []KeyReport // of a route with several
	LastError       *Error
	LastErrorAt     time.Time
	LastSuccess     time.Time
	Latency         time.Duration // of recent successful attempts, smoothed
	Totals          *Totals       // since the first report
	PricesOf        string        // the date of the table that has the route's prices; "" if the configuration has them, or nobody
}

// KeyReport is the state of one of several keys of a route.
type KeyReport struct {
	_       [0]func()     // is never compared: that would be code
	Key     string        // its last four characters at most, as in a trail
	Retired bool          // it was refused, or its quota is spent
	ReadyIn time.Duration // until it is used again, or tried again if it is retired
}

// BindingConcurrency says that max_concurrent_calls is what a route's callers
// wait for.
const BindingConcurrency = "max_concurrent_calls"

// MarshalJSON writes the report; times are seconds, moments are seconds since
// the Unix epoch and left out when there was none.
func (r RouteReport) MarshalJSON() ([]byte, error) {
	return jsontext.Encode(nil, func(w *jsontext.Writer) {
		o := w.Object()
		o.Str("provider", r.Provider)
		o.Str("model", r.Model)
		o.Field("available").Bool(r.Available)
		o.Field("usable").Bool(r.Usable)
		o.Str("circuit", r.Circuit)
		o.Field("blocked_for").Float(milliseconds(r.BlockedFor))
		o.Field("reopens_in").Float(milliseconds(r.ReopensIn))
		o.Field("in_flight").Int(r.InFlight)
		o.Field("waiting").Int(r.Waiting)
		o.Field("limit").Int(r.Limit)
		o.Field("rate_used").Float(math.Round(r.RateUsed*1e4) / 1e4)
		o.StrUnlessEmpty("binding", r.Binding)
		if r.Keys != nil {
			keys := o.Field("keys")
			keys.BeginArray()
			for i := range r.Keys {
				if i > 0 {
					keys.Comma()
				}
				k := keys.Object()
				k.Str("key", r.Keys[i].Key)
				k.Field("retired").Bool(r.Keys[i].Retired)
				k.Field("ready_in").Float(milliseconds(r.Keys[i].ReadyIn))
				k.End()
			}
			keys.EndArray()
		}
		if r.LastError != nil {
			r.LastError.write(o.Field("last_error"))
			o.Field("last_error_at").Float(float64(r.LastErrorAt.UnixMicro()) / 1e6)
		}
		if !r.LastSuccess.IsZero() {
			o.Field("last_success").Float(float64(r.LastSuccess.UnixMicro()) / 1e6)
		}
		o.Field("latency").Float(r.Latency.Round(10 * time.Microsecond).Seconds())
		WriteOptional(&o, "totals", r.Totals != nil, r.Totals)
		o.StrUnlessEmpty("prices_of", r.PricesOf)
		o.End()
	})
}

// milliseconds are seconds rounded up to whole milliseconds, so that whoever
// waits for them does not come too early.
func milliseconds(d time.Duration) float64 {
	return (d + time.Millisecond - 1).Truncate(time.Millisecond).Seconds()
}
