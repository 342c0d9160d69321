package llm

import (
	"encoding/json"
	"math"
	"strconv"
	"time"
)

// OnInterrupt says what happens when a stream breaks off after its first token.
type OnInterrupt string

// The two answers of docs/promises.md, S7 and S8; "" is the default of the call:
// error for streams, restart where the call accumulates for its caller.
const (
	InterruptError   OnInterrupt = "error"
	InterruptRestart OnInterrupt = "restart"
)

// CallOptions belong to one call. The zero value is the default of each.
type CallOptions struct {
	// MaxRetries is the number of attempts on a route; 0 means as configured,
	// 1 means one.
	MaxRetries int
	// Deadline bounds the whole call, all attempts, waits and routes; 0 means none.
	Deadline time.Duration
	// Timeout replaces the route's configured timeout; 0 means as configured.
	Timeout time.Duration
	// OnInterrupt is for streams, see [OnInterrupt].
	OnInterrupt OnInterrupt
	// HedgeAfter, for streams, joins a second route to one that has sent no token by then;
	// 0 means never.
	HedgeAfter time.Duration
	// StopOnBadRequest ends the call at BAD_REQUEST instead of trying the next route.
	StopOnBadRequest bool
	// FailoverOnContentFilter goes on to the next route after CONTENT_FILTER.
	FailoverOnContentFilter bool
	// Headers are added to the call's HTTP requests and replace equal ones.
	Headers map[string]string
	// HeadersOnly makes Headers the whole set: neither the key nor the
	// configured headers are sent beside them. For callers that write the
	// headers of a request themselves.
	HeadersOnly bool
	// Bare makes a call on one client exactly one attempt: no place in line,
	// no breaker, no retry. For callers that are themselves inside a call.
	Bare bool
	// IncludeUsage asks for usage in streams where the vendor supports it.
	IncludeUsage bool
	// Window is how many chunks a stream of the C ABI runs ahead of its
	// reader; 0 means the default of 64, a negative number no bound.
	Window int
}

var callOptionNames = []string{"max_retries", "deadline", "timeout", "on_interrupt", "hedge_after",
	"failover_bad_request", "failover_content_filter", "headers", "headers_only", "bare", "include_usage", "window"}

// ParseCallOptions reads options from JSON text; empty text and null give the
// defaults. Times are seconds. Unknown names and wrong types are
// INVALID_ARGUMENT.
func ParseCallOptions(data []byte) (CallOptions, error) {
	var o CallOptions
	if len(data) == 0 || string(data) == "null" {
		return o, nil
	}
	fields, err := fieldsOf(data)
	if err != nil {
		return o, Errorf(InvalidArgument, "the call options are not valid JSON: %v", err)
	}
	for _, f := range fields {
		v := data[f.start:f.end]
		if v[0] == 'n' {
			continue
		}
		if err := o.set(f.key, v); err != nil {
			return o, err
		}
	}
	return o, nil
}

func (o *CallOptions) set(key string, v []byte) (err error) {
	switch key {
	case "max_retries":
		o.MaxRetries, err = intOption(key, v, 0)
		o.MaxRetries = max(o.MaxRetries, 1) // R1: 0 and 1 mean one
	case "window":
		if o.Window, err = intOption(key, v, 0); err == nil && o.Window == 0 {
			o.Window = -1
		}
	case "deadline":
		o.Deadline, err = secondsOption(key, v)
	case "timeout":
		o.Timeout, err = secondsOption(key, v)
	case "hedge_after":
		o.HedgeAfter, err = secondsOption(key, v)
	case "on_interrupt":
		err = decodeOption(key, v, &o.OnInterrupt)
		if err == nil && o.OnInterrupt != InterruptError && o.OnInterrupt != InterruptRestart {
			err = Errorf(InvalidArgument, "option \"on_interrupt\" is %s; expected \"error\" or \"restart\"", cut(v))
		}
	case "failover_bad_request":
		var on bool
		err = decodeOption(key, v, &on)
		o.StopOnBadRequest = !on
	case "failover_content_filter":
		err = decodeOption(key, v, &o.FailoverOnContentFilter)
	case "headers":
		if JSON.Unmarshal(v, &o.Headers) != nil {
			return Errorf(InvalidArgument, "option \"headers\" has the wrong type; expected {name: text}") // the values may be keys: not repeated
		}
		err = checkHeaders(o.Headers)
	case "headers_only":
		err = decodeOption(key, v, &o.HeadersOnly)
	case "bare":
		err = decodeOption(key, v, &o.Bare)
	case "include_usage":
		err = decodeOption(key, v, &o.IncludeUsage)
	default:
		err = Errorf(InvalidArgument, "unknown call option %q%s", key, suggest(key, callOptionNames))
	}
	return err
}

// check holds options that were set in Go to the bounds of ParseCallOptions.
func (o *CallOptions) check() error {
	for _, d := range []struct {
		name  string
		value time.Duration
	}{{"deadline", o.Deadline}, {"timeout", o.Timeout}, {"hedge_after", o.HedgeAfter}} {
		if d.value < 0 {
			return Errorf(InvalidArgument, "option %s is %v; expected more than 0, or 0 for the default", d.name, d.value)
		}
	}
	if o.MaxRetries < 0 {
		return Errorf(InvalidArgument, "option max_retries is %d; expected at least 0", o.MaxRetries)
	}
	switch o.OnInterrupt {
	case "", InterruptError, InterruptRestart:
		return checkHeaders(o.Headers)
	}
	return Errorf(InvalidArgument, "option on_interrupt is %q; expected \"error\" or \"restart\"", string(o.OnInterrupt))
}

func decodeOption(key string, v json.RawMessage, to any) error {
	if err := JSON.Unmarshal(v, to); err != nil {
		return Errorf(InvalidArgument, "option %q is %s, which has the wrong type", key, cut(v))
	}
	return nil
}

func intOption(key string, v []byte, least int) (int, error) {
	n, err := strconv.Atoi(string(v))
	if err != nil || n < least {
		return 0, Errorf(InvalidArgument, "%q is %s; expected an integer, at least %d", key, cut(v), least)
	}
	return n, nil
}

// secondsOption reads a time in seconds: positive, finite, at most 10 years.
func secondsOption(key string, v []byte) (time.Duration, error) {
	s, err := strconv.ParseFloat(string(v), 64)
	if err != nil || !(s > 0) || s > 10*365*86400 || math.IsInf(s, 0) {
		return 0, Errorf(InvalidArgument, "%q is %s; expected seconds, a number greater than 0", key, cut(v))
	}
	return max(time.Duration(s*float64(time.Second)), 1), nil
}
