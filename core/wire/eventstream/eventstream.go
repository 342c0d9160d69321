// Package eventstream decodes text/event-stream by the rules of WHATWG's HTML
// standard (https://html.spec.whatwg.org/multipage/server-sent-events.html,
// section "Parsing an event stream"), with two deviations:
//
//   - An event at the clean end of the stream counts even where its blank line
//     is missing. Browsers drop it; several model servers end that way.
//   - Bytes that are not UTF-8 are delivered as they came instead of as U+FFFD:
//     whoever parses the data decides.
package eventstream

import (
	"errors"
	"math"
	"time"
)

// Defaults of [Limits].
const (
	// DefaultEventBytes bounds one event: 16 MiB.
	DefaultEventBytes int64 = 16 << 20
	// DefaultStreamBytes bounds a whole stream: 256 MiB.
	DefaultStreamBytes int64 = 256 << 20
)

var (
	// ErrEventTooLarge says that an event, or one line of the stream, passed
	// Limits.EventBytes.
	ErrEventTooLarge = errors.New("eventstream: event too large")
	// ErrStreamTooLarge says that the stream passed Limits.StreamBytes. The
	// events within the limit were delivered before it.
	ErrStreamTooLarge = errors.New("eventstream: stream too large")
)

// Limits bound what a decoder takes from its reader. Values of zero or less
// mean the defaults.
type Limits struct {
	// EventBytes bounds, in bytes, the data collected for one event together
	// with the line being read (a comment as well). The decoder's buffer never
	// grows beyond it by more than 2 KiB. Default: DefaultEventBytes.
	EventBytes int64
	// StreamBytes bounds all bytes of the stream, comments and line ends
	// included. Default: DefaultStreamBytes.
	StreamBytes int64
}

// WithDefaults are the limits that hold.
func (l Limits) WithDefaults() Limits {
	if l.EventBytes <= 0 {
		l.EventBytes = DefaultEventBytes
	}
	if l.StreamBytes <= 0 {
		l.StreamBytes = DefaultStreamBytes
	}
	// Room for the sums made with them: "no limit" is written as the largest
	// number.
	l.EventBytes = min(l.EventBytes, math.MaxInt64/2)
	l.StreamBytes = min(l.StreamBytes, math.MaxInt64/2)
	return l
}

// Event is one event of a stream.
type Event struct {
	// Type is the value of the event's last `event` field; empty where there
	// was none (a browser would call it "message").
	Type string
	// Data holds the values of the `data` fields, joined by "\n"; never nil. It
	// points into the decoder's buffer: the caller may change it in place, but
	// it is valid only until the next call of Next or Reset.
	Data []byte
	// ID is the last event id of the stream so far; nil before the first. Valid
	// as long as Data; not to be changed.
	ID []byte
	// Retry is the reconnection time that the stream named last; 0 if it named
	// none.
	Retry time.Duration
}
