package llmagg

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/llmagg/llmagg/core/llm"
)

// Tool is a Go function that a model may call. Make it with [NewTool].
type Tool struct {
	name   string
	wire   llm.Tool
	call   func(ctx context.Context, arguments []byte) (string, error)
	failed error // why it cannot be described
}

var toolName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`) // as vendors take it

// NewTool makes a tool of a function. The fields of Args, a struct, are the
// arguments that the model sees, with their json tags, `description:"…"` and
// `enum:"a,b"`. A result that is no string goes to the model as JSON, an error
// as its text. Calls of one answer run at the same time. What is wrong with the
// tool is the error of [Aggregator.RunTools].
func NewTool[Args, Result any](name, description string, f func(ctx context.Context, args Args) (Result, error)) *Tool {
	t := &Tool{name: name}
	of := reflect.TypeFor[Args]()
	schema, strict, err := schemaOf(of)
	switch {
	case !toolName.MatchString(name):
		err = llm.Errorf(llm.InvalidArgument, "the tool %q has no name that a model can call; expected at most 64 letters, digits, _ or -", name)
	case f == nil:
		err = llm.Errorf(llm.InvalidArgument, "the function of the tool %q is nil", name)
	case err == nil && of.Kind() != reflect.Struct:
		err = llm.Errorf(llm.InvalidArgument, "the arguments of the tool %q are a %v; expected a struct", name, of)
	}
	if err != nil {
		t.failed = err
		return t
	}
	parameters, _ := json.Marshal(schema) // maps, lists and texts only
	properties, _ := schema["properties"].(map[string]any)
	t.wire = llm.Tool{Type: "function", Function: &llm.Function{Name: name, Description: description, Parameters: parameters}}
	if strict {
		t.wire.Function.Strict = &strict
	}
	t.call = func(ctx context.Context, arguments []byte) (string, error) {
		var args Args
		none := len(bytes.TrimSpace(arguments)) == 0 // the core writes {} where a finish reason says that the model was done
		if none && len(properties) > 0 {
			return "", errors.New("the arguments do not fit: there are none; the answer may have been cut off before them")
		}
		if err := decode(arguments, &args); err != nil && !none {
			return "", fmt.Errorf("the arguments do not fit: %w", err)
		}
		result, err := f(ctx, args)
		if err != nil {
			return "", err
		}
		if text, ok := any(result).(string); ok {
			return text, nil
		}
		text, err := json.Marshal(result)
		return string(text), err
	}
	return t
}

// RunOptions bound a run of tools.
type RunOptions struct {
	// MaxRounds is how many answers there may be; 0 means 10.
	MaxRounds int
	// MaxTotalTokens ends the run after the answer that reaches this sum; 0
	// means no bound.
	MaxTotalTokens int
}

// Stopped says why a run of tools ended.
type Stopped string

// The values of [Stopped].
const (
	StoppedByAnswer Stopped = "answer" // the model called no tool
	StoppedByRounds Stopped = "rounds" // MaxRounds
	StoppedByTokens Stopped = "tokens" // MaxTotalTokens
	StoppedByCost   Stopped = "cost"   // Options.MaxCost of the request
)

// ToolRun is how a run of tools ended.
type ToolRun struct {
	Response *Response // the last answer
	Messages []Message // the whole conversation, to go on with
	Attempts []Attempt // of all rounds
	Rounds   int
	Tokens   int     // of all rounds, as far as known
	Cost     float64 // likewise
	Stopped  Stopped
}

// Text is the text of the last answer.
func (r *ToolRun) Text() string { return r.Response.Text() }

// RunTools asks, and calls what the model asks for, until an answer calls no
// tool or a bound is reached; [ToolRun.Stopped] says which. Errors and panics
// of tools are told to the model, which may try something else. Deadline and
// MaxCost of the request's options hold for the whole run.
func (a *Aggregator) RunTools(ctx context.Context, r *Request, tools []*Tool, o RunOptions) (*ToolRun, error) {
	if err := a.usable(ctx, r != nil, "a *Request"); err != nil {
		return nil, err
	}
	if err := r.Options.Check(); err != nil { // Deadline and MaxCost are taken out of them
		return nil, err
	}
	known, err := knownTools(tools)
	if err != nil {
		return nil, err
	}
	o.MaxRounds = cmp.Or(o.MaxRounds, 10)
	if o.MaxRounds < 0 || o.MaxTotalTokens < 0 {
		return nil, llm.Errorf(llm.InvalidArgument, "MaxRounds is %d and MaxTotalTokens %d; expected 0 for the default, or more", o.MaxRounds, o.MaxTotalTokens)
	}
	asked := *r
	asked.Messages = slices.Clone(r.Messages)
	asked.Tools = slices.Clone(r.Tools)
	for _, t := range tools {
		asked.Tools = append(asked.Tools, t.wire)
	}
	s := newSpent(&asked.Options)
	if !s.until.IsZero() {
		var cancel context.CancelFunc
		ctx, cancel = llm.Within(ctx, time.Until(s.until), context.DeadlineExceeded)
		defer cancel()
	}
	run := &ToolRun{Stopped: StoppedByRounds}
	for run.Rounds < o.MaxRounds {
		calls, err := run.round(ctx, a, &asked, &s)
		if err != nil {
			return nil, err
		}
		if len(calls) == 0 {
			run.Stopped = StoppedByAnswer
			break
		}
		results, err := callTools(ctx, known, calls)
		if err != nil {
			return nil, llm.AsError(err).With(s.attempts, "")
		}
		asked.Messages = append(asked.Messages, results...)
		run.Messages = asked.Messages
		if o.MaxTotalTokens > 0 && run.Tokens >= o.MaxTotalTokens {
			run.Stopped = StoppedByTokens
			break
		}
		if s.most != nil && s.cost >= s.most.Amount {
			run.Stopped = StoppedByCost
			break
		}
	}
	return run, nil
}

// round makes one call, adds its answer to the messages, and returns the tools
// that the model calls.
func (run *ToolRun) round(ctx context.Context, a *Aggregator, asked *Request, s *spent) ([]ToolCall, error) {
	response, err := s.call(ctx, a, asked)
	if err != nil {
		return nil, err
	}
	run.Response, run.Attempts, run.Cost = response, s.attempts, s.cost
	run.Rounds++
	if response.Usage != nil {
		run.Tokens += response.Usage.TotalTokens
	}
	if len(response.Choices) == 0 {
		return nil, &Error{Code: BadResponse, Message: "the answer has no choices", Attempts: s.attempts, CallID: response.CallID}
	}
	answer := response.Choices[0].Message
	asked.Messages = append(asked.Messages, answer)
	run.Messages = asked.Messages
	if forces(asked.ToolChoice) {
		asked.ToolChoice = nil // else the run could not end
	}
	return answer.ToolCalls, nil
}

// forces tells whether a tool choice makes each answer call a tool.
func forces(choice json.RawMessage) bool {
	var word string
	if json.Unmarshal(choice, &word) == nil {
		return word == "required" || word == "any"
	}
	var object struct {
		Type    string
		Mode    string
		Allowed struct{ Mode string } `json:"allowed_tools"`
	}
	if json.Unmarshal(choice, &object) != nil {
		return false
	}
	return object.Type != "allowed_tools" || cmp.Or(object.Allowed.Mode, object.Mode) == "required"
}

func knownTools(tools []*Tool) (map[string]*Tool, error) {
	if len(tools) == 0 {
		return nil, llm.Errorf(llm.InvalidArgument, "RunTools needs at least one tool")
	}
	known := map[string]*Tool{}
	for _, t := range tools {
		if t == nil {
			return nil, llm.Errorf(llm.InvalidArgument, "a tool is nil; NewTool makes tools")
		}
		if t.call == nil && t.failed == nil {
			return nil, llm.Errorf(llm.InvalidArgument, "a tool was not made by NewTool")
		}
		if t.failed != nil {
			return nil, t.failed
		}
		if known[t.name] != nil {
			return nil, llm.Errorf(llm.InvalidArgument, "two tools have the name %q; the model could not tell them apart", t.name)
		}
		known[t.name] = t
	}
	return known, nil
}

// callTools gives a message for each call, in the order of the calls. The
// functions run at the same time. When ctx ends it does not wait for them.
func callTools(ctx context.Context, known map[string]*Tool, calls []ToolCall) ([]Message, error) {
	results := make([]Message, len(calls))
	var all sync.WaitGroup
	for i := range calls {
		all.Go(func() {
			results[i] = Message{Role: RoleTool, Content: resultOf(ctx, known, &calls[i]), ToolCallID: calls[i].ID}
		})
	}
	done := make(chan struct{})
	go func() { all.Wait(); close(done) }()
	select {
	case <-done:
		return results, nil
	case <-ctx.Done():
	}
	if context.Cause(ctx) == context.DeadlineExceeded {
		return nil, llm.Errorf(llm.Timeout, "the deadline passed while tools ran")
	}
	return nil, &Error{Code: Canceled, Message: "the caller cancelled the run while tools ran", Cause: context.Cause(ctx)}
}

// resultOf is what the model is told about one call.
func resultOf(ctx context.Context, known map[string]*Tool, c *ToolCall) (text string) {
	defer func() {
		if reason := recover(); reason != nil {
			text = fmt.Sprintf("error: the tool panicked: %v", reason)
		}
	}()
	t := known[c.Function.Name]
	if t == nil {
		names := make([]string, 0, len(known))
		for name := range known {
			names = append(names, name)
		}
		slices.Sort(names)
		return fmt.Sprintf("error: there is no tool %s; known are %s", c.Function.Name, strings.Join(names, ", "))
	}
	text, err := t.call(ctx, []byte(c.Function.Arguments))
	if err != nil {
		return "error: " + err.Error()
	}
	return text
}
