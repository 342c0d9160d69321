package failure

import (
	"errors"
	"net/http"

	"github.com/llmagg/llmagg/core/llm"
)

// row says what a failure does to its call and to its route.
type row struct {
	retry   when   // the same route is asked again
	next    when   // an aggregator goes on to its next route
	breaker Effect // what the route's breaker makes of it
	waits   bool   // its Retry-After counts whatever its status is (R4)
	final   bool   // a stream that it breaks off ends with it as it is (S7)
	left    bool   // the caller left or the client was closed: it says nothing of the route
	unsent  bool   // no attempt was made, so an earlier failure says more
}

// table is the error table (E): each code of a failure and what it does. A code
// without a row, which no route fails with, ends the call.
var table = map[llm.Code]row{
	llm.InvalidArgument:   {breaker: NoEvidence},
	llm.Closed:            {breaker: NoEvidence, final: true, left: true},
	llm.Internal:          {next: always, breaker: Counts},
	llm.ProviderNotFound:  {next: always},
	llm.ModelNotFound:     {next: always},
	llm.Authentication:    {next: always, breaker: Blocks},
	llm.Quota:             {next: always, breaker: Blocks},
	llm.RateLimit:         {retry: toldOrAlone, next: always, breaker: Counts, waits: true},
	llm.BadRequest:        {next: unlessStopped, breaker: NoEvidence},
	llm.ContextLength:     {next: always, breaker: NoEvidence},
	llm.ContentFilter:     {next: ifAllowed, breaker: NoEvidence, final: true},
	llm.Timeout:           {retry: alone, next: always, breaker: Counts},
	llm.Unavailable:       {retry: always, next: always, breaker: Counts, waits: true},
	llm.BadResponse:       {retry: always, next: always, breaker: Counts},
	llm.StreamInterrupted: {retry: always, next: always, breaker: Counts},
	llm.CircuitOpen:       {next: always, unsent: true},
	llm.Overloaded:        {next: always, unsent: true},
	llm.Unsupported:       {next: always, breaker: NoEvidence},
	llm.Canceled:          {breaker: NoEvidence, final: true, left: true},
}

// when is a condition in the table.
type when int

const (
	never         when = iota
	always             //
	alone              // while no other route is usable
	toldOrAlone        // when the server said how long to wait, or alone
	unlessStopped      // unless [llm.CallOptions].StopOnBadRequest
	ifAllowed          // with [llm.CallOptions].FailoverOnContentFilter
)

// Effect is the effect of a failure on the route's breaker.
type Effect int

const (
	Uncounted  Effect = iota // it fails a half-open trial, but is not counted
	Counts                   // a failure of the route
	Blocks                   // the key or quota was refused: the route is blocked for a while
	NoEvidence               // caused by the caller or the request: no evidence about the route
)

// Retries tells whether the same route may be asked again after e; others says
// that another route is usable (R1, R2, R4). The call's own rules come first.
func Retries(e *llm.Error, others bool, o *llm.CallOptions) bool {
	if e.Status/100 == 3 || e.Status == http.StatusProxyAuthRequired || IsOverLimit(e) { // a redirect, a proxy that does not know who asks, an answer over a limit stays one
		return false
	}
	if e.Code.OfRoute() {
		if yes, says := o.Retry(e); says {
			return yes
		}
	}
	if e.ShouldRetry != nil {
		return *e.ShouldRetry
	}
	switch table[e.Code].retry {
	case always:
		return true
	case alone:
		return !others
	case toldOrAlone:
		return e.HasRetryAfter || !others
	}
	return false
}

// NextRoute tells whether an aggregator goes on to its next route after a
// failure (E3). The call's own rules come first.
func NextRoute(e *llm.Error, o *llm.CallOptions) bool {
	if e.Code.OfRoute() {
		if yes, says := o.Failover(e); says {
			return yes
		}
	}
	switch table[e.Code].next {
	case always:
		return true
	case unlessStopped:
		return !o.StopOnBadRequest
	case ifAllowed:
		return o.FailoverOnContentFilter
	}
	return false
}

// BreakerEffect is the effect on the breaker of a failure with this code.
func BreakerEffect(c llm.Code) Effect { return table[c].breaker }

// NamesWait tells whether e names a wait that counts (R4): if its status is 429
// or 5xx, or if its code means the same although the status does not, because
// the failure came inside a stream or a 200, through a gateway, or from a
// client that the application wrote.
func NamesWait(e *llm.Error) bool {
	switch {
	case !e.HasRetryAfter || e.Status == 408 || e.Status == 409:
		return false
	case e.Status == 429 || e.Status >= 500:
		return true
	}
	return table[e.Code].waits
}

// EndsStream tells whether a stream that e breaks off after its first token
// ends with e as it is, instead of STREAM_INTERRUPTED or a restart (S7, S8).
func EndsStream(e *llm.Error) bool { return table[e.Code].final || IsOverLimit(e) }

// CallerLeft tells whether the code says only that the caller left or that the
// client was closed.
func CallerLeft(c llm.Code) bool { return table[c].left }

// Unsent tells whether the code says that no attempt was made.
func Unsent(c llm.Code) bool { return table[c].unsent }

// errLimit is the cause of an error about a limit, which is not retried on its
// route (L1).
var errLimit = errors.New("a limit of the configuration")

// OverLimit makes the error of exceeding a limit (L1).
func OverLimit(format string, args ...any) *llm.Error {
	e := llm.Errorf(llm.BadResponse, format, args...)
	e.Cause = errLimit
	return e
}

// IsOverLimit tells whether an answer failed by exceeding a limit.
func IsOverLimit(err error) bool { return errors.Is(err, errLimit) }
