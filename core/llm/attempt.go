package llm

import (
	"fmt"
	"strings"
	"time"
)

// Attempt is one HTTP exchange on one route. A response and an error list all
// attempts of their call.
type Attempt struct {
	Provider, Model string // the route; Model is the name it was configured under
	Start           time.Time
	Duration        time.Duration
	FirstToken      time.Duration // after Start; 0 if none came
	Wait            time.Duration // how long the call waited before this attempt
	// WaitedFor says what Wait was spent on: "backoff", "retry-after",
	// "concurrency limit", "half-open trial", or several, joined by ", ".
	WaitedFor     string
	Code          Code   // OK when it answered
	Status        int    // HTTP status, 0 if none
	Message       string // the failure in one line
	Bytes         int64  // size of the answer after decompression
	SkippedEvents int    // malformed stream events that were skipped
	Usage         *Usage
	// LeftOut names the fields that the request omitted because the server
	// refuses them, such as "stream_options".
	LeftOut []string
	Stream  bool
	Forced  bool // a probe on a route whose breaker was open
	Hedge   bool // started because another route was slow
}

// Route is "provider/model".
func (a *Attempt) Route() string { return a.Provider + "/" + a.Model }

// String is the attempt in one line: the route, the outcome, the duration, the
// wait before it.
func (a *Attempt) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s", a.Route(), a.Code)
	if a.Status != 0 {
		fmt.Fprintf(&b, " (HTTP %d)", a.Status)
	}
	fmt.Fprintf(&b, " after %s", short(a.Duration))
	if a.FirstToken > 0 {
		fmt.Fprintf(&b, ", first token at %s", short(a.FirstToken))
	}
	if a.Wait > 0 {
		fmt.Fprintf(&b, ", waited %s before", short(a.Wait))
		if a.WaitedFor != "" {
			b.WriteString(" (" + a.WaitedFor + ")")
		}
	}
	if len(a.LeftOut) > 0 {
		b.WriteString(", without " + strings.Join(a.LeftOut, ", "))
	}
	if a.Forced {
		b.WriteString(", last-resort probe")
	}
	if a.Hedge {
		b.WriteString(", hedge")
	}
	if a.Message != "" {
		b.WriteString(": " + a.Message)
	}
	return b.String()
}

func short(d time.Duration) string {
	switch {
	case d >= time.Second:
		return d.Round(10 * time.Millisecond).String()
	case d >= time.Millisecond:
		return d.Round(100 * time.Microsecond).String()
	}
	return d.Round(time.Microsecond).String()
}

// MarshalJSON writes the attempt; times are seconds, start is seconds since
// the Unix epoch.
func (a Attempt) MarshalJSON() ([]byte, error) { return encode(nil, a.write) }

func (a *Attempt) write(w *writer) {
	o := w.object()
	o.str("route", a.Route())
	o.str("provider", a.Provider)
	o.str("model", a.Model)
	o.field("start").float(float64(a.Start.UnixMicro()) / 1e6)
	o.field("duration").float(a.Duration.Seconds())
	if a.FirstToken > 0 {
		o.field("first_token").float(a.FirstToken.Seconds())
	}
	o.str("outcome", a.Code.String())
	o.field("code").int(int(a.Code))
	if a.Status != 0 {
		o.field("status").int(a.Status)
	}
	o.strUnlessEmpty("message", a.Message)
	o.field("wait").float(a.Wait.Seconds())
	o.strUnlessEmpty("waited_for", a.WaitedFor)
	o.field("bytes").int64(a.Bytes)
	if a.SkippedEvents > 0 {
		o.field("skipped_events").int(a.SkippedEvents)
	}
	if a.Usage != nil {
		a.Usage.write(o.field("usage"))
	}
	if len(a.LeftOut) > 0 {
		w := o.field("left_out")
		w.beginArray()
		for i, name := range a.LeftOut {
			if i > 0 {
				w.comma()
			}
			w.text(name)
		}
		w.endArray()
	}
	for _, flag := range []struct {
		name string
		on   bool
	}{{"stream", a.Stream}, {"forced", a.Forced}, {"hedge", a.Hedge}} {
		if flag.on {
			o.field(flag.name).bool(true)
		}
	}
	o.end()
}

func writeAttempts(w *writer, attempts []Attempt) {
	w.beginArray()
	for i := range attempts {
		if i > 0 {
			w.comma()
		}
		attempts[i].write(w)
	}
	w.endArray()
}
