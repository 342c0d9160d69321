package llm

import "errors"

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
