// Package observe tells an application what happens while calls run: attempts,
// retries, failovers, changes of breakers and of health. Observers read from
// channels of a fixed size; a call never waits for them, and observations for
// which a channel has no room are counted.
//
// It imports llm only. Its main types are [Observation] and [Observers].
package observe

import (
	"time"

	"github.com/llmagg/llmagg/core/internal/jsontext"
	"github.com/llmagg/llmagg/core/llm"
)

// Observation is one event for observers (docs/promises.md, O2). Which fields
// are set depends on Kind.
type Observation struct {
	Kind     Kind
	Time     time.Time
	Call     uint64 // numbers the calls of a process; 0 where there is none
	Provider string
	Model    string
	To       string        // "provider/model" to which a failover, restart or hedge goes from the route above
	From     string        // a breaker's former state
	State    string        // a breaker's state, "up" and "down" of a health check, "hit" and "joined" of a kept answer
	Wait     time.Duration // before a retry
	Attempt  *llm.Attempt  // of an ended attempt
	Code     llm.Code      // why
	Owner    string        // who can do something about it, as the error's Owner
	Message  string
}

// Because is v with a failure as its reason; nil is none.
func (v Observation) Because(e *llm.Error) Observation {
	if e != nil {
		v.Code, v.Owner, v.Message = e.Code, e.Owner(), e.Message
	}
	return v
}

// Kind is the kind of an observation.
type Kind string

// The kinds of observations.
const (
	AttemptStarted Kind = "attempt_started"
	AttemptEnded   Kind = "attempt_ended"
	RetryScheduled Kind = "retry_scheduled"
	Failover       Kind = "failover"
	Restarted      Kind = "restart"
	Hedged         Kind = "hedge"
	Cached         Kind = "cached" // a cache answered a call whose first route is the one above
	BreakerChanged Kind = "breaker_changed"
	HealthChanged  Kind = "health_changed"
	FleetJoined    Kind = "fleet_joined" // the fleet's store is in reach; Message says which fleet
	FleetLost      Kind = "fleet_lost"   // it is out of reach; Message says why
	FleetHeard     Kind = "fleet_heard"  // another process told State of the route: opened, closed, wait, block; once of each, without a route, a kind that this version does not know
)

// MarshalJSON writes the observation; unset fields are left out, times are
// seconds.
func (v Observation) MarshalJSON() ([]byte, error) {
	return jsontext.Encode(nil, func(w *jsontext.Writer) {
		o := w.Object()
		o.Str("event", string(v.Kind))
		o.Field("time").Float(float64(v.Time.UnixMicro()) / 1e6)
		if v.Call != 0 {
			o.Field("call").Uint64(v.Call)
		}
		o.StrUnlessEmpty("provider", v.Provider)
		o.StrUnlessEmpty("model", v.Model)
		o.StrUnlessEmpty("to", v.To)
		o.StrUnlessEmpty("from", v.From)
		o.StrUnlessEmpty("state", v.State)
		if v.Wait > 0 {
			o.Field("wait").Float(v.Wait.Seconds())
		}
		if v.Code != llm.OK {
			o.Str("code", v.Code.String())
		}
		o.StrUnlessEmpty("error_owner", v.Owner)
		o.StrUnlessEmpty("message", v.Message)
		if v.Attempt != nil {
			attempt, err := v.Attempt.MarshalJSON()
			if err != nil {
				w.Fail(err)
			}
			o.Raw("attempt", attempt)
		}
		o.End()
	})
}
