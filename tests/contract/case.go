package contract

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/llmagg/llmagg/core/faultwall"
)

// Case is one scenario. README.md describes each field.
type Case struct {
	Name    string   `json:"name"`
	Title   string   `json:"title"`
	Clauses []string `json:"clauses"`
	// Script and OtherScript are those of the wall and of a second wall, which
	// stands for a foreign host.
	Script      json.RawMessage `json:"script"`
	OtherScript json.RawMessage `json:"other_script"`
	// Routes with Defaults, or Config, say what the session is opened with;
	// Options are the aggregator's.
	Routes   []string                   `json:"routes"`
	Defaults map[string]json.RawMessage `json:"defaults"`
	Config   json.RawMessage            `json:"config"`
	Options  json.RawMessage            `json:"options"`
	// Environment are variables that the doors set before the session is opened
	// and unset at the end.
	Environment map[string]string `json:"environment"`
	// Custom are routes that the application answers itself, before the others.
	Custom []CustomRoute `json:"custom"`
	Steps  []Step        `json:"steps"`
	// Seen is what the walls must have seen when the session is closed.
	Seen *SeenPattern `json:"seen"`
	// Without names the doors in which the case cannot occur, and why.
	Without map[string]string `json:"without"`
}

// Step is one thing that happens. Exactly one of the fields that name an
// action is set.
type Step struct {
	// Actions through the door.
	Call      string          `json:"call,omitempty"`      // one of Verbs
	Open      json.RawMessage `json:"open,omitempty"`      // a configuration for a session of its own, closed at once
	Join      string          `json:"join,omitempty"`      // wait for a call made "as" this name
	Cancel    string          `json:"cancel,omitempty"`    // cancel it
	Close     bool            `json:"close,omitempty"`     // close the session
	Available *Switch         `json:"available,omitempty"` // the application's switch of a route

	// Actions of the judge.
	Wait       *SeenPattern    `json:"wait,omitempty"`        // until the wall has seen this
	WaitChunks *ChunkCount     `json:"wait_chunks,omitempty"` // until a call has given so many chunks
	SleepS     float64         `json:"sleep_s,omitempty"`
	Release    string          `json:"release,omitempty"` // a hold of the wall
	Script     json.RawMessage `json:"script,omitempty"`  // a new script
	Kill       bool            `json:"kill,omitempty"`    // the wall dies
	Revive     bool            `json:"revive,omitempty"`
	Peer       int             `json:"peer,omitempty"` // so many chats of another process with the case's configuration
	Seen       *SeenPattern    `json:"seen,omitempty"` // must hold now

	// What Call takes.
	Route       string          `json:"route,omitempty"`        // "provider/model": directly on that client; with "asked": its provider
	What        string          `json:"what,omitempty"`         // with "misuse": which handle
	Request     json.RawMessage `json:"request,omitempty"`      // default: one user message "hi"
	Texts       int             `json:"texts,omitempty"`        // with "embed": as many texts, "text 1" and so on
	RequestText *Text           `json:"request_text,omitempty"` // a request that is no JSON, or generated
	CallOptions json.RawMessage `json:"options,omitempty"`
	Blocking    bool            `json:"blocking,omitempty"`    // the blocking twin, where the door has one
	Count       int             `json:"count,omitempty"`       // calls in all; default 1
	Concurrency int             `json:"concurrency,omitempty"` // at a time; default: all of them
	StaggerS    float64         `json:"stagger_s,omitempty"`   // between the beginnings of two calls
	LeaveAfter  int             `json:"leave_after,omitempty"` // leave the loop over a stream after so many chunks
	PauseAfter  int             `json:"pause_after,omitempty"` // stop reading a stream after so many chunks
	PauseS      float64         `json:"pause_s,omitempty"`     // for so long
	As          string          `json:"as,omitempty"`          // do not wait for the call; name it
	Until       bool            `json:"until,omitempty"`       // call again until it comes to what is expected

	// What the call, or each of the calls, came to.
	Expect *Expectation `json:"expect,omitempty"`
	// Tally is a pattern for {code: how many calls ended so}.
	Tally Pattern `json:"tally,omitempty"`
	// Clock starts the case's clock with the step. BeforeS is what it may show
	// when the step is over, in seconds, for the case to prove anything.
	Clock   bool    `json:"clock,omitempty"`
	BeforeS float64 `json:"before_s,omitempty"`
	// Without names the doors that leave the step out, and why.
	Without map[string]string `json:"without,omitempty"`
}

// Switch turns a route on or off.
type Switch struct {
	Route string `json:"route"`
	On    bool   `json:"on"`
}

// CustomRoute is a route that the door answers itself. Does says how, one word
// (see Deeds) for each call; the last one holds for the rest. Each has a
// provider of its own.
type CustomRoute struct {
	Route  string                     `json:"route"`
	Does   []string                   `json:"does"`
	Config map[string]json.RawMessage `json:"config"` // added to Defaults
}

// Deeds are what a custom route can do, some of them with seconds behind a
// colon: "answer:0.1".
var Deeds = []string{"answer", "no_finish", "empty", "foreign", "api_error", "timeout", "rate_limit", "internal", "garbage", "break", "hang", "stall", "stubborn"}

func (c *CustomRoute) check() error {
	provider, model, ok := strings.Cut(c.Route, "/")
	if !ok || provider == "" || model == "" || len(c.Does) == 0 {
		return errors.New("custom: route (provider/model) and does are required")
	}
	for _, deed := range c.Does {
		kind, seconds, timed := strings.Cut(deed, ":")
		_, err := strconv.ParseFloat(seconds, 64)
		if !slices.Contains(Deeds, kind) || timed && err != nil {
			return fmt.Errorf("custom: %q is none of %v, with seconds behind a colon or without", deed, Deeds)
		}
	}
	return nil
}

// ChunkCount waits for chunks of a call.
type ChunkCount struct {
	Of    string `json:"of"`
	Least int    `json:"least"`
}

// Expectation holds patterns for the parts of an outcome; see outcome.go.
type Expectation struct {
	Code         Pattern `json:"code,omitempty"`
	Text         Pattern `json:"text,omitempty"`
	Model        Pattern `json:"model,omitempty"`
	FinishReason Pattern `json:"finish_reason,omitempty"`
	Reasoning    Pattern `json:"reasoning,omitempty"`
	Refusal      Pattern `json:"refusal,omitempty"`
	ToolCalls    Pattern `json:"tool_calls,omitempty"`
	Usage        Pattern `json:"usage,omitempty"`
	Response     Pattern `json:"response,omitempty"`
	Error        Pattern `json:"error,omitempty"`
	Trail        Pattern `json:"trail,omitempty"`
	Attempts     Pattern `json:"attempts,omitempty"`
	Events       Pattern `json:"events,omitempty"`
	Chunks       Pattern `json:"chunks,omitempty"`
	Streamed     Pattern `json:"streamed,omitempty"`
	Restarts     Pattern `json:"restarts,omitempty"`
	Result       Pattern `json:"result,omitempty"`
	InOrder      Pattern `json:"in_order,omitempty"`
	Time         Pattern `json:"time,omitempty"`
	FirstChunk   Pattern `json:"first_chunk,omitempty"`
}

// SeenPattern holds patterns for what the walls saw; see seen.go.
type SeenPattern struct {
	Requests        Pattern `json:"requests,omitempty"`
	InFlight        Pattern `json:"in_flight,omitempty"`
	MaxSimultaneous Pattern `json:"max_simultaneous,omitempty"`
	Gaps            Pattern `json:"gaps,omitempty"`
	Bodies          Pattern `json:"bodies,omitempty"`
	Headers         Pattern `json:"headers,omitempty"`
	Paths           Pattern `json:"paths,omitempty"`
	Prompts         Pattern `json:"prompts,omitempty"`
	Disconnects     Pattern `json:"disconnects,omitempty"`
	GoneAfter       Pattern `json:"gone_after,omitempty"`
	Connections     Pattern `json:"connections,omitempty"`
	Stale           Pattern `json:"stale,omitempty"`
	Health          Pattern `json:"health,omitempty"`
	BytesSent       Pattern `json:"bytes_sent,omitempty"`
	Other           Pattern `json:"other,omitempty"`
}

// Verbs are the values of Step.Call.
var Verbs = []string{"chat", "stream", "embed", "rerank", "health", "report", "fleet", "models", "asked", "observe", "observed", "misuse", "fork", "budget"}

// Doors are the names of all doors.
var Doors = []string{"go", "c", "python"}

// Load reads all cases of a folder, in the order of their names.
func Load(folder string) ([]*Case, error) {
	paths, err := filepath.Glob(filepath.Join(folder, "*.json"))
	if err != nil {
		return nil, err
	}
	var cases []*Case
	var problems []error
	budgets := map[string]string{} // the process's: the case of each
	for _, path := range paths {
		c, err := LoadFile(path)
		if err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", filepath.Base(path), err))
			continue
		}
		for _, step := range c.Steps {
			if step.Call != "budget" {
				continue
			}
			if of := cmp.Or(budgets[step.What], c.Name); of != c.Name {
				problems = append(problems, fmt.Errorf("%s: the budget %q is that of %s, which runs beside it; give it another name", filepath.Base(path), step.What, of))
			}
			budgets[step.What] = c.Name
		}
		cases = append(cases, c)
	}
	return cases, errors.Join(problems...)
}

// LoadFile reads one case and checks all that can be checked without running
// it.
func LoadFile(path string) (*Case, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	c := &Case{}
	if err := strict(text, c); err != nil {
		return nil, err
	}
	if base := strings.TrimSuffix(filepath.Base(path), ".json"); c.Name != base {
		return nil, fmt.Errorf("name is %q; expected the file's, %q", c.Name, base)
	}
	return c, c.check()
}

// strict decodes one JSON document in which every key must be known.
func strict(text []byte, to any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(to); err != nil {
		line := 1 + bytes.Count(text[:min(int(d.InputOffset()), len(text))], []byte("\n"))
		return fmt.Errorf("near line %d: %w", line, err)
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("something follows the case")
	}
	return nil
}

func (c *Case) check() error {
	if c.Title == "" || len(c.Clauses) == 0 || len(c.Steps) == 0 {
		return errors.New("title, clauses and steps are required")
	}
	for _, clause := range c.Clauses {
		if !slices.Contains(Clauses(), clause) {
			return fmt.Errorf("unknown clause %q", clause)
		}
	}
	if (c.Config != nil) && (c.Routes != nil || c.Defaults != nil) {
		return errors.New("config excludes routes and defaults")
	}
	if err := checkWithout(c.Without); err != nil {
		return err
	}
	for i := range c.Custom {
		if err := c.Custom[i].check(); err != nil {
			return err
		}
	}
	dummy := places{"base_url": "http://127.0.0.1:1/v1", "url": "http://127.0.0.1:1"}
	scripts := []json.RawMessage{c.Script, c.OtherScript}
	clock := false
	for i := range c.Steps {
		if clock = clock || c.Steps[i].Clock; c.Steps[i].BeforeS > 0 && !clock {
			return fmt.Errorf("steps[%d]: before_s without a step with clock", i)
		}
		if err := c.Steps[i].check(); err != nil {
			return fmt.Errorf("steps[%d]: %w", i, err)
		}
		scripts = append(scripts, c.Steps[i].Script)
	}
	for _, script := range scripts {
		if _, err := faultwall.ParseScript(dummy.fill(script)); err != nil {
			return err
		}
	}
	return nil
}

func checkWithout(without map[string]string) error {
	for door, why := range without {
		if !slices.Contains(Doors, door) || why == "" {
			return fmt.Errorf("without: %q must be one of %v, with the reason", door, Doors)
		}
	}
	return nil
}

// action names what the step does; "" if that is not exactly one thing.
func (s *Step) action() string {
	var actions []string
	for _, a := range []struct {
		name string
		set  bool
	}{{"call", s.Call != ""}, {"open", s.Open != nil}, {"join", s.Join != ""}, {"cancel", s.Cancel != ""},
		{"close", s.Close}, {"available", s.Available != nil}, {"wait", s.Wait != nil}, {"wait_chunks", s.WaitChunks != nil},
		{"sleep_s", s.SleepS > 0}, {"release", s.Release != ""}, {"script", s.Script != nil}, {"kill", s.Kill},
		{"revive", s.Revive}, {"peer", s.Peer > 0}, {"seen", s.Seen != nil}} {
		if a.set {
			actions = append(actions, a.name)
		}
	}
	if len(actions) != 1 {
		return ""
	}
	return actions[0]
}

func (s *Step) check() error {
	action := s.action()
	if action == "" {
		return errors.New("expected exactly one action (call, open, join, …)")
	}
	if action == "call" && !slices.Contains(Verbs, s.Call) {
		return fmt.Errorf("call %q is none of %v", s.Call, Verbs)
	}
	judged := action == "call" && s.As == "" || action == "open" || action == "join"
	if judged && s.Expect == nil && s.Tally == nil {
		return fmt.Errorf("%s without expect", action)
	}
	if !judged && (s.Expect != nil || s.Tally != nil) {
		return errors.New("expect belongs to a call that is waited for, to open and to join")
	}
	if s.As != "" && s.Count > 1 {
		return errors.New("count belongs to a call that is waited for: one call is named")
	}
	if s.Until && (s.As != "" || s.Count > 1 || s.Expect == nil) {
		return errors.New("until belongs to one call that is waited for, with expect")
	}
	if s.Request != nil && s.RequestText != nil {
		return errors.New("request excludes request_text")
	}
	return checkWithout(s.Without)
}
