package contract

import (
	"strings"
	"time"
)

// Command is what a door is told. Every command gets exactly one terminal
// event. The verbs:
//
//	provide    a provider that the door answers itself, for the session of this number, which is opened later. Args: provider,
//	           does (words joined by commas); First is its configuration
//	open       a session: First is the configuration, Second the aggregator's options
//	close      the session; its calls end with CLOSED
//	chat       a call: First is the request, Second the call's options. Args: route,
//	           raw (First may be no JSON object), blocking
//	stream     the same, streamed. Args also: leave_after, pause_after, pause_s
//	embed      a call for vectors: First is the request, Second the call's options. The result is {"embeddings", "model", "usage",
//	           "attempts"}. Args: blocking
//	rerank     a call for a ranking, likewise. The result is {"results", "model", "usage", "meta", "attempts"}
//	health, report, models
//	asked      what the provider Args["route"] was asked: {"calls", "at_once" (at most), "cancelled"}
//	observe    begins to observe; "observed" ends that and gives the observations as a list
//	misuse     uses a handle that is none; Args: what ("null", "freed", "foreign", "kind")
//	fork       uses what a forked child has of its parent
//	setenv     sets the variable Args["name"] of the door's environment to Args["value"]; unsets it without a value
//	budget     gives the budget Args["what"], by default that of the process, the limit First; "null" removes it
//	cancel     the call whose ID is in Args["of"]
//	available  Args: route, on ("1" or "0")
type Command struct {
	ID            uint64
	Verb          string
	Session       uint64
	Args          map[string]string // no spaces in names and values
	First, Second []byte
}

func (c *Command) route() (provider, model string, direct bool) {
	return strings.Cut(c.Args["route"], "/")
}

// Event is what a door tells about a command. Kind is "chunk", "restart", or
// terminal: "done" with the result, "error" with the error, "left" for a
// stream whose loop was left. Data is JSON.
type Event struct {
	Kind string
	Data []byte
	At   time.Time // when the judge heard of it
}

func (e *Event) terminal() bool { return e.Kind != "chunk" && e.Kind != "restart" }

// Door makes calls.
type Door interface {
	Name() string
	// Do carries a command out and tells on what happens, from any goroutine,
	// the terminal event last. It does not wait for it.
	Do(c Command, on func(Event))
	// Stop ends the door. The error says what it left behind.
	Stop() error
}
