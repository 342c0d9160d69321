package llmagg

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"regexp"
	"slices"
	"time"

	"github.com/llmagg/llmagg/core/client"
	"github.com/llmagg/llmagg/core/llm"
)

// Parsed is an answer as a Go value.
type Parsed[T any] struct {
	Value    T
	Response *Response
	// Attempts lists the attempts of all calls, also of those whose answers did
	// not fit.
	Attempts []Attempt
}

// Parse asks for an answer that fits T and returns it as a value. The JSON
// schema of T goes along: its fields with their json tags, `description:"…"`
// and `enum:"a,b"`. An answer that does not fit is asked for again with the
// reason; after two of a route the next route is asked. Options.Deadline and
// Options.MaxCost bound all of this together.
func Parse[T any](ctx context.Context, a *Aggregator, r *Request) (*Parsed[T], error) {
	if err := a.usable(ctx, r != nil, "a *Request"); err != nil {
		return nil, err
	}
	if err := r.Options.Check(); err != nil { // Deadline and MaxCost are taken out of them
		return nil, err
	}
	s := search{a: a, request: *r, into: func(data []byte) (any, error) {
		var v T
		return v, decode(data, &v)
	}}
	if err := s.describe(reflect.TypeFor[T]()); err != nil {
		return nil, err
	}
	value, response, err := s.run(ctx)
	if err != nil {
		return nil, err
	}
	v, _ := value.(T)
	return &Parsed[T]{Value: v, Response: response, Attempts: s.spent.attempts}, nil
}

// decode reads the one value that is in data.
func decode[T any](data []byte, v *T) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return fmt.Errorf("there is more text behind the JSON value")
	}
	return nil
}

// search is one Parse.
type search struct {
	a       *Aggregator
	request Request
	into    func([]byte) (any, error)
	wanted  string // the type, for messages
	wrapped bool   // the schema is {"value": …}, since vendors want an object
	lacks   func(object map[string]json.RawMessage) string
	spent   spent
}

// mostUnfit is how many answers of one route may not fit.
const mostUnfit = 2

var (
	notName = regexp.MustCompile(`\W+`)
	fence   = regexp.MustCompile("(?s)^\\s*```\\w*\\s*\\n(.*)\\n\\s*```\\s*$")
)

// describe puts the schema into the request.
func (s *search) describe(t reflect.Type) error {
	if s.request.ResponseFormat != nil {
		return llm.Errorf(llm.InvalidArgument, "Parse makes ResponseFormat from its type; leave it out of the request")
	}
	schema, strict, err := schemaOf(t)
	if err != nil {
		return err
	}
	if s.wrapped = schema["type"] != "object" || t.Kind() != reflect.Struct; s.wrapped {
		defs := schema["$defs"]
		delete(schema, "$defs")
		schema = map[string]any{"type": "object", "properties": map[string]any{"value": schema}, "required": []string{"value"}, "additionalProperties": false}
		if defs != nil {
			schema["$defs"] = defs
		}
	}
	text, err := json.Marshal(schema)
	if err != nil {
		return llm.Errorf(llm.InvalidArgument, "the schema of %v cannot be written: %v", t, err)
	}
	s.wanted = cmp.Or(t.Name(), t.String())
	name := cmp.Or(notName.ReplaceAllString(t.Name(), "_"), "answer")
	name = name[:min(len(name), 64)]
	s.request.ResponseFormat = &llm.ResponseFormat{Type: "json_schema", JSONSchema: &llm.JSONSchema{Name: name, Schema: text, Strict: &strict}}
	required, _ := schema["required"].([]string)
	s.lacks = func(object map[string]json.RawMessage) string {
		for _, name := range required {
			if _, there := object[name]; !there {
				return name
			}
		}
		return ""
	}
	s.spent = newSpent(&s.request.Options)
	return nil
}

// run asks until an answer fits: twice at one route, the second time with the
// reason, then at the next.
func (s *search) run(ctx context.Context) (any, *Response, error) {
	routes, err := s.a.core.Routes(s.request.Model)
	if err != nil {
		return nil, nil, err
	}
	for {
		response, err := s.ask(ctx, routes, nil, "")
		if err != nil {
			return nil, nil, err
		}
		var route string
		reason := ""
		for again := 1; ; again++ {
			value, unfit := s.read(response)
			if unfit == nil {
				return value, response, nil
			}
			route, reason = answeredBy(response), unfit.Error()
			s.mark(reason)
			if again == mostUnfit {
				break
			}
			one := slices.DeleteFunc(slices.Clone(routes), func(c *client.Client) bool { return c.Route() != route })
			next, err := s.ask(ctx, one, response, reason)
			if err != nil && (ctx.Err() != nil || s.spent.over() != nil) {
				return nil, nil, err
			}
			if err != nil {
				break // the next route may answer
			}
			response = next
		}
		routes = slices.DeleteFunc(slices.Clone(routes), func(c *client.Client) bool { return c.Route() == route })
		if route == "" || len(routes) == 0 {
			return nil, nil, &Error{Code: BadResponse, Message: "no answer fits " + s.wanted + ": " + reason, Body: response.Text(), Attempts: s.spent.attempts, CallID: response.CallID}
		}
	}
}

// ask makes one call; unfit is the answer before it, and why it does not fit.
func (s *search) ask(ctx context.Context, routes []*client.Client, unfit *Response, reason string) (*Response, error) {
	r := s.request
	r.Messages = slices.Clone(r.Messages)
	if unfit != nil {
		r.Messages = append(r.Messages, Assistant(unfit.Text()),
			User("The answer does not fit: "+reason+". Answer again, with JSON only that fits the schema."))
	}
	if len(routes) == 0 {
		return nil, llm.Errorf(BadResponse, "the answer does not say which route gave it")
	}
	ctx = context.WithValue(ctx, routesKey{}, routes)
	response, err := s.spent.call(ctx, s.a, &r)
	if err != nil || response.Cache == "" {
		return response, err
	}
	if _, unfit := s.read(response); unfit == nil {
		return response, nil
	}
	r.Options.Cache = llm.CacheRefresh // a kept answer is no use to this call, as where Accepts refuses it
	return s.spent.call(ctx, s.a, &r)
}

// read is the value in an answer, or why there is none.
func (s *search) read(r *Response) (any, error) {
	if len(r.Choices) > 0 && r.Choices[0].Message.Refusal != "" {
		return nil, fmt.Errorf("the model refused: %s", r.Choices[0].Message.Refusal)
	}
	text := []byte(r.Text())
	if inner := fence.FindSubmatch(text); inner != nil {
		text = inner[1]
	}
	value, err := s.decode(text)
	if err != nil && len(r.Choices) > 0 && r.Choices[0].FinishReason == "length" {
		return nil, fmt.Errorf("the answer was cut off at its limit of tokens; answer more briefly")
	}
	return value, err
}

func (s *search) decode(text []byte) (any, error) {
	var object map[string]json.RawMessage
	isObject := json.Unmarshal(text, &object) == nil
	switch {
	case s.wrapped && isObject && len(object) == 1 && object["value"] != nil:
		text = object["value"]
	case !s.wrapped && isObject:
		if name := s.lacks(object); name != "" {
			return nil, fmt.Errorf("the required field %q is missing", name)
		}
	}
	return s.into(text)
}

// mark tells in the list of attempts that the last answer did not fit.
func (s *search) mark(reason string) {
	if n := len(s.spent.attempts); n > 0 {
		last := &s.spent.attempts[n-1]
		last.Code, last.Message = BadResponse, "the answer does not fit "+s.wanted+": "+reason
	}
}

// answeredBy is the route that gave an answer, "" if it lists no attempts.
func answeredBy(r *Response) string {
	for i := range slices.Backward(r.Attempts) {
		if r.Attempts[i].Code == llm.OK {
			return r.Attempts[i].Route()
		}
	}
	return ""
}

// spent is what several calls share: one deadline, one bound of the cost, and
// the list of their attempts. One goroutine uses it.
type spent struct {
	until    time.Time // the zero time without a deadline
	most     *MaxCost
	cost     float64
	unknown  bool // with most: an answer whose cost nobody knows
	attempts []Attempt
}

// newSpent takes the deadline and the bound of the cost out of the options.
func newSpent(o *CallOptions) spent {
	s := spent{most: o.MaxCost}
	if o.Deadline > 0 {
		s.until = time.Now().Add(o.Deadline)
	}
	o.MaxCost, o.Deadline = nil, 0
	return s
}

// over is the error of a call that may not begin any more, nil before.
func (s *spent) over() *Error {
	switch {
	case !s.until.IsZero() && !time.Now().Before(s.until):
		return &Error{Code: Timeout, Message: "the deadline of all calls together passed", Attempts: s.attempts}
	case s.unknown:
		return &Error{Code: InvalidArgument, Message: "max_cost cannot be kept: the cost of an answer is not known; " + llm.AdviceOnPrices, Attempts: s.attempts}
	case s.most != nil && s.cost >= s.most.Amount:
		return &Error{Code: Quota, Message: fmt.Sprintf("the calls have cost %.6g, and their max_cost is %.6g", s.cost, s.most.Amount), Attempts: s.attempts}
	}
	return nil
}

// call makes one of the calls.
func (s *spent) call(ctx context.Context, a *Aggregator, r *Request) (*Response, error) {
	if e := s.over(); e != nil {
		return nil, e
	}
	if !s.until.IsZero() {
		r.Options.Deadline = max(time.Until(s.until), 1)
	}
	if s.most != nil {
		r.Options.MaxCost = &MaxCost{Amount: s.most.Amount - s.cost, Hard: s.most.Hard}
	}
	response, err := a.chat(ctx, r)
	if err != nil {
		e := llm.AsError(err)
		s.add(e.Attempts)
		return nil, e.With(slices.Clone(s.attempts), "")
	}
	s.add(response.Attempts)
	s.unknown = s.most != nil && response.Cost == nil
	return response, nil
}

func (s *spent) add(attempts []Attempt) {
	s.attempts = append(s.attempts, attempts...)
	for i := range attempts {
		if c := attempts[i].Cost; c != nil {
			s.cost += c.Amount
		}
	}
}
