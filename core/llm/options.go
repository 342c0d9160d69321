package llm

import (
	"cmp"
	"time"
)

// OnInterrupt says what happens when a stream breaks off after its first token.
type OnInterrupt string

// The values of [OnInterrupt]: S7 and S8 in docs/promises.md. "" means the
// call's default: error for streams, restart for calls that accumulate a stream
// for their caller.
const (
	InterruptError   OnInterrupt = "error"
	InterruptRestart OnInterrupt = "restart"
)

// OnUnsupported says what happens where a vendor cannot do what a request asks
// for.
type OnUnsupported string

// The values of [OnUnsupported]: T6 in docs/promises.md. "" means as the route
// is configured, which by default is adapt.
const (
	UnsupportedAdapt OnUnsupported = "adapt"
	UnsupportedError OnUnsupported = "error"
)

var (
	interruptWords   = []string{string(InterruptError), string(InterruptRestart)}
	unsupportedWords = []string{string(UnsupportedAdapt), string(UnsupportedError)}
)

// Check refuses any other value; what names it in the message.
func (u OnUnsupported) Check(what string) error {
	return checkWord(what, string(u), unsupportedWords)
}

// CallOptions are the options of one call. The zero value of each field is its
// default.
type CallOptions struct {
	// MaxRetries is the number of attempts on a route; 0 means as configured,
	// 1 means one.
	MaxRetries int
	// Deadline bounds the whole call, all attempts, waits and routes; 0 means
	// none.
	Deadline time.Duration
	// Timeout replaces the route's configured timeout; 0 means as configured.
	Timeout time.Duration
	// OnInterrupt is for streams, see [OnInterrupt].
	OnInterrupt OnInterrupt
	// HedgeAfter, for streams, also asks a second route if the first has sent
	// no token after this time; 0 means never.
	HedgeAfter time.Duration
	// Unsupported is for parameters that a route's vendor cannot do, see
	// [OnUnsupported].
	Unsupported OnUnsupported
	// Rules say which failures go to the next route and which are retried.
	Rules *Rules
	// Accept makes answers that cannot be used failed attempts (BAD_RESPONSE):
	// "nonempty" those without anything but thoughts, and streams that end
	// without a token.
	Accept string
	// Accepts, if set, looks at each answer: an error makes it a failed attempt
	// (BAD_RESPONSE, with the error's text), and the call goes on. A stream is
	// looked at when it is complete: if it is refused it is interrupted. It runs
	// in a goroutine of the call, and must not change or keep the response.
	Accepts func(*Response) error
	// MaxCost bounds what the call may cost; nil means no bound.
	MaxCost *MaxCost
	// Budgets bound what all calls that have them cost together.
	Budgets []*Budget
	// BudgetNames are the names of budgets in options that were read from text;
	// see [Budgets.Resolve].
	BudgetNames []string
	// Strategy is the order in which an aggregator asks the routes, see
	// [Strategy].
	Strategy Strategy
	// Session names calls that belong together: every strategy but order sends
	// them to the same route, as long as it is usable, so that the vendor's cache
	// of their common prompt pays. Equal names choose equal routes in every
	// process.
	Session string
	// Cache says what a call wants of the cache of its aggregator, see
	// [CacheMode].
	Cache CacheMode
	// CacheName is the name of a cache in options that were read from text.
	CacheName string
	// CacheLimits, in an aggregator's options that were read from text, give it a
	// cache.
	CacheLimits *CacheLimits
	// Routing orders explicit routes; aggregators have their own.
	Routing *Routing
	// Headers are added to the call's HTTP requests and replace equal ones.
	Headers map[string]string
	// ExtraBody holds server-specific request fields; they replace fields of
	// the same name in the request.
	ExtraBody Extra
	// StopOnBadRequest ends the call at BAD_REQUEST instead of trying the next
	// route.
	StopOnBadRequest bool
	// FailoverOnContentFilter tries the next route after CONTENT_FILTER.
	FailoverOnContentFilter bool
	// Bare makes a call on one client exactly one attempt, without concurrency
	// limit, breaker or retry, for callers that are themselves inside a call.
	Bare bool
	// IncludeUsage asks for usage in streams where the vendor supports it. The
	// streams of aggregators ask too, unless Decided has [DecideUsage] or the
	// request's own stream_options say false.
	IncludeUsage bool
	// Bulk marks a call as one of many: as long as such calls are under way on
	// a route without a max_concurrent_calls of its own, that is "auto". Calls
	// of package bulk are.
	Bulk bool
	// Decided are the bools of these options that count even where they are
	// false. Others that are false leave the choice to the aggregator's own
	// options and to the defaults.
	Decided Decisions
	// HeadersOnly sends Headers only, without the key and the configured
	// headers, for callers that write the headers of a request themselves.
	HeadersOnly bool
	// Window is how many chunks a stream of the C ABI runs ahead of its
	// reader; 0 means the default of 64, a negative number no bound.
	Window int
}

// Decisions are bools of [CallOptions] that a caller has set, see
// [CallOptions].Decided. Options that are read from text have them.
type Decisions = uint8

// The bools that an aggregator has a say in.
const (
	DecideBadRequest    Decisions = 1 << iota // StopOnBadRequest
	DecideContentFilter                       // FailoverOnContentFilter
	DecideUsage                               // IncludeUsage
	DecideBulk                                // Bulk
)

// Check holds options that were set in Go to the bounds of [ParseCallOptions].
// The error is INVALID_ARGUMENT.
func (o *CallOptions) Check() error {
	for i, d := range [...]time.Duration{o.Deadline, o.Timeout, o.HedgeAfter} {
		if d < 0 {
			name := [...]string{"deadline", "timeout", "hedge_after"}[i]
			return Errorf(InvalidArgument, "option %q is %v; expected more than 0, or 0 for the default", name, d)
		}
	}
	if o.MaxRetries < 0 {
		return Errorf(InvalidArgument, "option \"max_retries\" is %d; expected at least 0", o.MaxRetries)
	}
	if err := cmp.Or(checkWord("option \"on_interrupt\"", string(o.OnInterrupt), interruptWords), o.Unsupported.Check("option \"unsupported\""), o.Rules.check(), o.MaxCost.check(), o.checkBudgets()); err != nil {
		return err
	}
	if o.CacheLimits != nil {
		return Errorf(InvalidArgument, "CallOptions.CacheLimits is set, which is for options that are read from text; in Go the aggregator has a cache (WithCache, or Cache of its options)")
	}
	return cmp.Or(checkWord("option \"accept\"", o.Accept, acceptWords), o.Strategy.Check(), o.Cache.Check(), ofOption("extra_body", checkExtraBody(o.ExtraBody)),
		ofOption("headers", CheckHeaders(o.Headers)))
}
