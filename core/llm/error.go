package llm

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/llmagg/llmagg/core/internal/jsontext"
)

// Error is the type of every error of this library. Get it with errors.As or
// [AsError]. It does not change after it was returned.
type Error struct {
	Code    Code
	Message string // one readable line: what happened, what was expected
	// Provider and Model name the route, where there is one.
	Provider, Model string
	Status          int // the HTTP status, 0 if there was none
	// What the provider said about the failure.
	ProviderMessage, Type, ProviderCode, RequestID string
	// RetryAfter is the wait that the server asked for, if HasRetryAfter.
	RetryAfter    time.Duration
	HasRetryAfter bool
	// Custom says that a client of the application failed: the library used no
	// network.
	Custom bool
	// ShouldRetry is the server's x-should-retry header, nil without one.
	ShouldRetry *bool
	Body        string // the provider's original body, at most 64 KiB of it
	Partial     string // the text that had arrived before a stream broke off
	CallID      uint64 // the number of the call, as in observations; 0 without a call
	Attempts    []Attempt
	Cause       error
}

// Errorf makes an error of the given code. Called, not inlined: 26 KB less of
// the library.
//
//go:noinline
func Errorf(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// Error is the code, the route and the text, so that a log line is enough to
// understand an outage.
func (e *Error) Error() string {
	head := e.Code.String()
	switch {
	case e.Provider != "" && e.Model != "":
		head += " (" + e.Provider + "/" + e.Model + ")"
	case e.Provider != "":
		head += " (" + e.Provider + ")"
	}
	return e.lines(head + ": " + e.Message)
}

// Text is the error for people: the message, or the name of the code where it
// has none, and one line for each attempt. Its JSON has it, and Python's str()
// is the same.
func (e *Error) Text() string { return e.lines(cmp.Or(e.Message, e.Code.String())) }

func (e *Error) lines(first string) string {
	var b strings.Builder
	b.WriteString(first)
	for i := range e.Attempts {
		fmt.Fprintf(&b, "\n  %d. %s", i+1, e.Attempts[i].String())
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// Is makes errors.Is(err, &llm.Error{Code: llm.RateLimit}) compare codes.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Message == "" && t.Code == e.Code
}

// Timeout tells net.Error users that a deadline passed.
func (e *Error) Timeout() bool { return e.Code == Timeout }

// AsError returns the *Error in err, or wraps err as INTERNAL. The result for
// nil is nil.
func AsError(err error) *Error {
	if err == nil {
		return nil
	}
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return &Error{Code: Internal, Message: err.Error(), Cause: err}
}

// CodeOfError is the code of err: OK for nil, INTERNAL for a foreign error.
func CodeOfError(err error) Code {
	if err == nil {
		return OK
	}
	return AsError(err).Code
}

// With returns a copy with the list of attempts and the longest partial text.
func (e *Error) With(attempts []Attempt, partial string) *Error {
	c := *e
	c.Attempts = attempts
	if len(partial) > len(c.Partial) {
		c.Partial = partial
	}
	return &c
}

// MarshalJSON writes the error as the C ABI shows it; empty fields are left
// out, times are seconds.
func (e *Error) MarshalJSON() ([]byte, error) {
	return jsontext.Encode(nil, func(w *jsontext.Writer) { e.writeWith(w, e.Text()) })
}

// write writes an error that is part of something else: its text is left out.
func (e *Error) write(w *jsontext.Writer) { e.writeWith(w, "") }

func (e *Error) writeWith(w *jsontext.Writer, text string) {
	o := w.Object()
	o.Field("code").Int(int(e.Code))
	o.Str("name", e.Code.String())
	o.Str("message", e.Message)
	o.StrUnlessEmpty("text", text)
	o.StrUnlessEmpty("error_owner", e.Owner())
	o.StrUnlessEmpty("provider", e.Provider)
	o.StrUnlessEmpty("model", e.Model)
	if e.Status != 0 {
		o.Field("status").Int(e.Status)
	}
	o.StrUnlessEmpty("provider_message", e.ProviderMessage)
	o.StrUnlessEmpty("type", e.Type)
	o.StrUnlessEmpty("provider_code", e.ProviderCode)
	o.StrUnlessEmpty("request_id", e.RequestID)
	if e.HasRetryAfter {
		o.Field("retry_after").Float(e.RetryAfter.Seconds())
	}
	o.StrUnlessEmpty("body", e.Body)
	o.StrUnlessEmpty("partial", e.Partial)
	writeCallID(&o, e.CallID)
	if e.Attempts != nil {
		writeAttempts(o.Field("attempts"), e.Attempts)
	}
	var cause *Error
	if errors.As(e.Cause, &cause) {
		cause.write(o.Field("cause"))
	} else if e.Cause != nil {
		inner := o.Field("cause").Object()
		inner.Str("message", e.Cause.Error())
		inner.End()
	}
	o.End()
}

// UnmarshalJSON reads what MarshalJSON wrote; bindings report failures of
// clients written in other languages in this form. "code" may be left out when
// "name" is given.
func (e *Error) UnmarshalJSON(data []byte) error {
	r := newReader(data)
	if r.Next() != '{' {
		return errNoObject
	}
	named, numbered := false, false
	for more := r.Object(); more; more = r.NextField() {
		switch string(r.Key) {
		case "code":
			e.Code, numbered = Code(r.Integer()), true
		case "name":
			if c, ok := CodeOf(r.Text()); ok && !numbered {
				e.Code, named = c, true
			}
		default:
			e.readField(&r)
		}
	}
	if !slices.Contains(Codes(), e.Code) || e.Code == OK || !named && !numbered {
		e.Code = Unavailable
	}
	return r.End()
}

func (e *Error) readField(r *reader) {
	switch key := string(r.Key); key {
	case "status":
		e.Status = r.Integer()
	case "retry_after":
		if s := r.Number(); s >= 0 {
			e.RetryAfter, e.HasRetryAfter = time.Duration(s*float64(time.Second)), true
		}
	default:
		for _, f := range [...]struct {
			name string
			text *string
		}{
			{"message", &e.Message}, {"provider", &e.Provider}, {"model", &e.Model}, {"provider_message", &e.ProviderMessage}, {"type", &e.Type},
			{"provider_code", &e.ProviderCode}, {"request_id", &e.RequestID}, {"body", &e.Body}, {"partial", &e.Partial},
		} {
			if f.name == key {
				*f.text = r.Text()
			}
		}
	}
}

var (
	_ error          = (*Error)(nil)
	_ json.Marshaler = (*Error)(nil)
)
