package llm

import (
	"errors"
	"strconv"
)

// Code says what kind of failure an [Error] is. The numbers are the status
// codes of the C ABI; they are never renumbered.
type Code int

// The codes, in the order of the error table in core/failure, which says what
// each code means for the call and its route.
const (
	OK                Code = 0
	InvalidArgument   Code = -1  // the caller's input, JSON or configuration
	InvalidHandle     Code = -2  // C ABI: stale, foreign or NULL handle
	Closed            Code = -3  // the object is closed, or was closed while the call ran
	Internal          Code = -4  // a recovered panic
	Forked            Code = -5  // native state of the parent used in a forked child
	NotInitialized    Code = -6  // the aggregator has no routes
	ProviderNotFound  Code = -10 // look-up
	ModelNotFound     Code = -11 // look-up, or an upstream 404
	Authentication    Code = -20 // 401, 403 about the key
	Quota             Code = -21 // 402, 429 insufficient_quota
	RateLimit         Code = -22 // any other 429
	BadRequest        Code = -23 // any other 4xx
	ContextLength     Code = -24 // the prompt does not fit the model
	ContentFilter     Code = -25 // refused by moderation
	Timeout           Code = -26 // a deadline passed
	Unavailable       Code = -27 // network, 5xx, 4xx that pass (408, 499)
	BadResponse       Code = -28 // not JSON, no choices, over a limit
	StreamInterrupted Code = -29 // a stream broke off
	CircuitOpen       Code = -30 // the route is not usable
	Overloaded        Code = -31 // the route stayed at its concurrency limit, or its rate has no room
	AllFailed         Code = -32 // all routes failed
	Unsupported       Code = -33 // the vendor cannot do what the request asks for
	Canceled          Code = -40 // the caller cancelled
)

// codes are all codes, from the highest number to the lowest.
var codes = [...]struct {
	code Code
	name string
}{
	{OK, "OK"}, {InvalidArgument, "INVALID_ARGUMENT"}, {InvalidHandle, "INVALID_HANDLE"}, {Closed, "CLOSED"},
	{Internal, "INTERNAL"}, {Forked, "FORKED"}, {NotInitialized, "NOT_INITIALIZED"},
	{ProviderNotFound, "PROVIDER_NOT_FOUND"}, {ModelNotFound, "MODEL_NOT_FOUND"}, {Authentication, "AUTHENTICATION"},
	{Quota, "QUOTA"}, {RateLimit, "RATE_LIMIT"}, {BadRequest, "BAD_REQUEST"}, {ContextLength, "CONTEXT_LENGTH"},
	{ContentFilter, "CONTENT_FILTER"}, {Timeout, "TIMEOUT"}, {Unavailable, "UNAVAILABLE"}, {BadResponse, "BAD_RESPONSE"},
	{StreamInterrupted, "STREAM_INTERRUPTED"}, {CircuitOpen, "CIRCUIT_OPEN"}, {Overloaded, "OVERLOADED"},
	{AllFailed, "ALL_FAILED"}, {Unsupported, "UNSUPPORTED"}, {Canceled, "CANCELED"},
}

// String returns the code's name as in the C header, without LLMAGG_E_, such as
// "RATE_LIMIT"; a number for an unknown code.
func (c Code) String() string {
	for i := range codes {
		if codes[i].code == c {
			return codes[i].name
		}
	}
	return strconv.Itoa(int(c))
}

// Codes lists every code, OK included, from the highest number to the lowest.
func Codes() []Code {
	all := make([]Code, len(codes))
	for i := range codes {
		all[i] = codes[i].code
	}
	return all
}

// CodeOf finds a code by its name ("RATE_LIMIT").
func CodeOf(name string) (Code, bool) {
	for i := range codes {
		if codes[i].name == name {
			return codes[i].code, true
		}
	}
	return 0, false
}

// OfRoute tells whether a route failed so: neither the caller's input nor its
// leaving, nor a door that was closed. Only such failures are subject to
// [Rules].
func (c Code) OfRoute() bool {
	return c == Internal || c <= ProviderNotFound && c >= StreamInterrupted || c == Unsupported
}

// The owners of failures: who can do something about them.
const (
	OwnerCaller   = "caller"   // this process: the application, its configuration or the library
	OwnerPolicy   = "policy"   // a limit or rule: a rate, a quota, moderation, a breaker, a budget
	OwnerProvider = "provider" // the server: it failed, was silent, or its answer is none
	OwnerNetwork  = "network"  // the way to the server: no connection, or one that broke
)

// proxyAuth is the status of a proxy that does not know who asks.
const proxyAuth = 407

// owner is the owner of a failure with this code and this HTTP status; "" for a
// success, and for ALL_FAILED, which has that of its last failure.
func (c Code) owner(status int) string {
	switch c {
	case OK, AllFailed:
		return ""
	case RateLimit, Quota, ContentFilter, CircuitOpen, Overloaded:
		return OwnerPolicy
	case Timeout, BadResponse:
		return OwnerProvider
	case StreamInterrupted:
		return OwnerNetwork
	case Unavailable:
		if status >= 400 && status != proxyAuth {
			return OwnerProvider
		}
		return OwnerNetwork
	}
	return OwnerCaller
}

// Owner tells who can do something about the failure: [OwnerCaller] and its
// like.
func (e *Error) Owner() string {
	var cause *Error
	if e.Custom && e.Code.owner(e.Status) == OwnerNetwork {
		return OwnerProvider
	}
	switch e.Code {
	case AllFailed:
		if errors.As(e.Cause, &cause) && cause.Code != AllFailed {
			return cause.Owner()
		}
		for i := len(e.Attempts) - 1; i >= 0; i-- {
			if owner := e.Attempts[i].ErrorOwner(); owner != "" {
				return owner
			}
		}
		return OwnerProvider
	case StreamInterrupted:
		if errors.As(e.Cause, &cause) {
			return cause.Owner()
		}
		fallthrough
	case Unavailable:
		if e.Status != proxyAuth && (e.ProviderMessage != "" || e.Type != "" || e.ProviderCode != "") { // the server itself says so, whatever the status
			return OwnerProvider
		}
	}
	return e.Code.owner(e.Status)
}

// ErrorOwner tells who can do something about the attempt's failure:
// [OwnerCaller] and its like; "" if it answered.
func (a *Attempt) ErrorOwner() string {
	if a.Owner != "" {
		return a.Owner
	}
	return a.Code.owner(a.Status)
}
