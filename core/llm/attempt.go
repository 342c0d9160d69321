package llm

import (
	"strconv"
	"strings"
	"time"

	"github.com/llmagg/llmagg/core/internal/jsontext"
)

// Attempt is one HTTP exchange on one route. A response and an error list all
// attempts of their call.
type Attempt struct {
	Provider, Model string // the route; Model is the name it was configured under
	// ServerAddress is the host that was asked, without the port; "" for a route
	// that the application answers.
	ServerAddress string
	ServerPort    int
	Start         time.Time
	Duration      time.Duration
	FirstToken    time.Duration // after Start; 0 if none came
	Wait          time.Duration // how long the call waited before this attempt
	// WaitedFor says what Wait was spent on: "backoff", "retry-after",
	// "concurrency limit", "rate", "half-open trial", or several, joined by ", ".
	WaitedFor     string
	Code          Code   // OK when it answered
	Status        int    // HTTP status, 0 if none
	Owner         string // of the failure, as the error says it; see ErrorOwner
	Message       string // the failure in one line
	Bytes         int64  // size of the answer after decompression
	SkippedEvents int    // malformed stream events that were skipped
	Usage         *Usage // may be the very one that the answer has
	Cost          *Cost  // nil if it is not known
	// LeftOut names the fields that the request omitted because the server
	// refuses them, such as "stream_options".
	LeftOut []string
	// Adapted says which parameters of the request the vendor cannot do and
	// what was done instead: "seed: left out", "temperature: 1.5 to 1".
	Adapted []string
	// Key is how the key ends that the attempt used, where the route has several:
	// its last four characters at most.
	Key    string
	Stream bool
	Forced bool // a probe on a route whose breaker was open
	Hedge  bool // started because another route was slow
	unsent bool // see Unsent
}

// Route is "provider/model".
func (a *Attempt) Route() string { return a.Provider + "/" + a.Model }

// String is the attempt in one line: the route, the outcome, the duration, the
// wait before it.
func (a *Attempt) String() string {
	text := a.Route() + ": " + a.Code.String()
	if a.Status != 0 {
		text += " (HTTP " + strconv.Itoa(a.Status) + ")"
	}
	text += " after " + Seconds(a.Duration).String()
	if a.FirstToken > 0 {
		text += ", first token at " + Seconds(a.FirstToken).String()
	}
	if a.Wait > 0 {
		text += ", waited " + Seconds(a.Wait).String() + " before"
		if a.WaitedFor != "" {
			text += " (" + a.WaitedFor + ")"
		}
	}
	if len(a.LeftOut) > 0 {
		text += ", without " + strings.Join(a.LeftOut, ", ")
	}
	if len(a.Adapted) > 0 {
		text += ", adapted " + strings.Join(a.Adapted, ", ")
	}
	if a.Key != "" {
		text += ", key " + a.Key
	}
	if a.Forced {
		text += ", last-resort probe"
	}
	if a.Hedge {
		text += ", hedge"
	}
	if a.Message != "" {
		text += ": " + a.Message
	}
	return text
}

// Seconds is a time as messages show it: "0.0012 s".
type Seconds time.Duration

// String rounds to a tenth of a millisecond.
func (s Seconds) String() string {
	return strconv.FormatFloat(time.Duration(s).Round(100*time.Microsecond).Seconds(), 'f', -1, 64) + " s"
}

// MarshalJSON writes the attempt; times are seconds, start is seconds since
// the Unix epoch.
func (a Attempt) MarshalJSON() ([]byte, error) { return jsontext.Encode(nil, a.write) }

func (a *Attempt) write(w *jsontext.Writer) {
	o := w.Object()
	o.Str("route", a.Route())
	o.Str("provider", a.Provider)
	o.Str("model", a.Model)
	if a.ServerAddress != "" {
		o.Str("server_address", a.ServerAddress)
		o.Field("server_port").Int(a.ServerPort)
	}
	o.Field("start").Float(float64(a.Start.UnixMicro()) / 1e6)
	o.Field("duration").Float(a.Duration.Seconds())
	if a.FirstToken > 0 {
		o.Field("first_token").Float(a.FirstToken.Seconds())
	}
	o.Str("outcome", a.Code.String())
	o.Field("code").Int(int(a.Code))
	o.StrUnlessEmpty("error_owner", a.ErrorOwner())
	if a.Status != 0 {
		o.Field("status").Int(a.Status)
	}
	o.StrUnlessEmpty("message", a.Message)
	o.Field("wait").Float(a.Wait.Seconds())
	o.StrUnlessEmpty("waited_for", a.WaitedFor)
	o.Field("bytes").Int64(a.Bytes)
	if a.SkippedEvents > 0 {
		o.Field("skipped_events").Int(a.SkippedEvents)
	}
	if a.Usage != nil {
		a.Usage.write(o.Field("usage"))
	}
	if a.Cost != nil {
		a.Cost.write(o.Field("cost"))
	}
	writeTexts(&o, "left_out", a.LeftOut)
	writeTexts(&o, "adapted", a.Adapted)
	o.StrUnlessEmpty("key", a.Key)
	for _, flag := range []struct {
		name string
		on   bool
	}{{"stream", a.Stream}, {"forced", a.Forced}, {"hedge", a.Hedge}} {
		if flag.on {
			o.Field(flag.name).Bool(true)
		}
	}
	o.End()
}

// writeTexts writes a list of texts, unless it is empty.
func writeTexts(o *jsontext.Object, name string, texts []string) {
	if len(texts) > 0 {
		jsontext.WriteList(o.Field(name), texts, func(text *string, w *jsontext.Writer) { w.Text(*text) })
	}
}

// writeCallID writes the number of a call; 0 is none.
func writeCallID(o *jsontext.Object, id uint64) {
	if id != 0 {
		o.Field("id_of_call").Uint64(id)
	}
}

func writeAttempts(w *jsontext.Writer, attempts []Attempt) {
	jsontext.WriteList(w, attempts, (*Attempt).write)
}
