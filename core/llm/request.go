package llm

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"sync"

	"github.com/llmagg/llmagg/core/internal/jsontext"
	"github.com/llmagg/llmagg/core/internal/shown"
)

// Request is a chat completion request (OpenAI API reference, "Create chat
// completion"). Pointer fields are left out when nil. The model may be empty:
// the route fills in its own.
type Request struct {
	Model               string             `json:"model,omitempty"`
	Messages            []Message          `json:"messages"`
	MaxTokens           *int               `json:"max_tokens,omitempty"` // tokens
	MaxCompletionTokens *int               `json:"max_completion_tokens,omitempty"`
	Temperature         *float64           `json:"temperature,omitempty"`
	TopP                *float64           `json:"top_p,omitempty"`
	N                   *int               `json:"n,omitempty"`
	Seed                *int64             `json:"seed,omitempty"`
	Stop                Stop               `json:"stop,omitempty"`
	PresencePenalty     *float64           `json:"presence_penalty,omitempty"`
	FrequencyPenalty    *float64           `json:"frequency_penalty,omitempty"`
	Logprobs            *bool              `json:"logprobs,omitempty"`
	TopLogprobs         *int               `json:"top_logprobs,omitempty"`
	LogitBias           map[string]float64 `json:"logit_bias,omitempty"`
	Tools               []Tool             `json:"tools,omitempty"`
	ToolChoice          json.RawMessage    `json:"tool_choice,omitempty"` // "auto", "none", "required" in quotes, or an object
	ParallelToolCalls   *bool              `json:"parallel_tool_calls,omitempty"`
	Functions           []Function         `json:"functions,omitempty"`     // the old form of Tools
	FunctionCall        json.RawMessage    `json:"function_call,omitempty"` // the old form of ToolChoice
	ResponseFormat      *ResponseFormat    `json:"response_format,omitempty"`
	ReasoningEffort     string             `json:"reasoning_effort,omitempty"`
	Stream              bool               `json:"stream,omitempty"`
	StreamOptions       *StreamOptions     `json:"stream_options,omitempty"`
	User                string             `json:"user,omitempty"`
	Metadata            map[string]string  `json:"metadata,omitempty"`
	// Extra is sent as it is, beside the fields above. A name that is probably
	// a misspelt field is refused; Options.ExtraBody takes any name.
	Extra Extra `json:"-"`
	// Options are for this library and never sent.
	Options CallOptions `json:"-"`
}

// Tool is something the model may call; Type is "function".
type Tool struct {
	Type     string    `json:"type"`
	Function *Function `json:"function,omitempty"`
	Extra    Extra     `json:"-"`
}

// Function describes a function. Parameters is a JSON schema.
type Function struct {
	Name        string          `json:"name"`
	Description string          `json:"description,omitempty"`
	Parameters  json.RawMessage `json:"parameters,omitempty"`
	Strict      *bool           `json:"strict,omitempty"`
}

// ResponseFormat is "text", "json_object" or "json_schema" with its schema, or
// a type that some servers know, whose fields are Extra.
type ResponseFormat struct {
	Type       string      `json:"type"`
	JSONSchema *JSONSchema `json:"json_schema,omitempty"`
	Extra      Extra       `json:"-"`
}

// JSONSchema names the schema that an answer must follow.
type JSONSchema struct {
	Name        string          `json:"name"`
	Description string          `json:"description,omitempty"`
	Schema      json.RawMessage `json:"schema,omitempty"`
	Strict      *bool           `json:"strict,omitempty"`
}

// StreamOptions are sent with streams only. A false IncludeUsage is a request
// for no usage.
type StreamOptions struct {
	IncludeUsage bool `json:"include_usage"`
}

// MarshalJSON writes the tool and its unknown fields.
func (t Tool) MarshalJSON() ([]byte, error) {
	type plain Tool
	return marshalWithExtra(plain(t), t.Extra)
}

// UnmarshalJSON reads the tool and keeps its unknown fields.
func (t *Tool) UnmarshalJSON(data []byte) error {
	type plain Tool
	extra, err := unmarshalWithExtra(data, (*plain)(t))
	t.Extra = extra
	return err
}

// MarshalJSON writes the request with its unknown fields.
func (r *Request) MarshalJSON() ([]byte, error) {
	data, _, err := r.encode()
	return data, err
}

// span is where something stands in a text.
type span struct{ from, to int }

// encode is MarshalJSON; it also says where the messages stand, if all of them
// are plain.
func (r *Request) encode() ([]byte, span, error) {
	w := jsontext.Writer{Buf: make([]byte, 0, r.size())}
	plain := r.write(&w)
	data, err := w.Done()
	return data, plain, err
}

// size is about how many bytes a request of texts takes.
func (r *Request) size() int {
	n := 128
	for i := range r.Messages {
		m := &r.Messages[i]
		n += 48 + len(m.Content) + len(m.Content)/16 + len(m.Name) + len(m.ToolCallID) // a few escapes
	}
	return n
}

// write is what the tags of the struct say, in their order. By hand, since
// every call does it.
func (r *Request) write(w *jsontext.Writer) (plain span) {
	o := w.Object()
	o.StrUnlessEmpty("model", r.Model)
	if o.Field("messages"); r.Messages == nil {
		w.Null()
	} else {
		from := len(w.Buf)
		jsontext.WriteList(w, r.Messages, (*Message).write)
		if arePlain(r.Messages) {
			plain = span{from, len(w.Buf)}
		}
	}
	WriteOptional(&o, "max_tokens", r.MaxTokens != nil, r.MaxTokens)
	WriteOptional(&o, "max_completion_tokens", r.MaxCompletionTokens != nil, r.MaxCompletionTokens)
	WriteOptional(&o, "temperature", r.Temperature != nil, r.Temperature)
	WriteOptional(&o, "top_p", r.TopP != nil, r.TopP)
	WriteOptional(&o, "n", r.N != nil, r.N)
	WriteOptional(&o, "seed", r.Seed != nil, r.Seed)
	WriteOptional(&o, "stop", len(r.Stop) > 0, []string(r.Stop))
	WriteOptional(&o, "presence_penalty", r.PresencePenalty != nil, r.PresencePenalty)
	WriteOptional(&o, "frequency_penalty", r.FrequencyPenalty != nil, r.FrequencyPenalty)
	WriteOptional(&o, "logprobs", r.Logprobs != nil, r.Logprobs)
	WriteOptional(&o, "top_logprobs", r.TopLogprobs != nil, r.TopLogprobs)
	WriteOptional(&o, "logit_bias", len(r.LogitBias) > 0, r.LogitBias)
	WriteOptional(&o, "tools", len(r.Tools) > 0, r.Tools)
	WriteOptional(&o, "tool_choice", len(r.ToolChoice) > 0, r.ToolChoice)
	WriteOptional(&o, "parallel_tool_calls", r.ParallelToolCalls != nil, r.ParallelToolCalls)
	WriteOptional(&o, "functions", len(r.Functions) > 0, r.Functions)
	WriteOptional(&o, "function_call", len(r.FunctionCall) > 0, r.FunctionCall)
	WriteOptional(&o, "response_format", r.ResponseFormat != nil, r.ResponseFormat)
	o.StrUnlessEmpty("reasoning_effort", r.ReasoningEffort)
	if r.Stream {
		o.Field("stream").Bool(true)
	}
	WriteOptional(&o, "stream_options", r.StreamOptions != nil, r.StreamOptions)
	o.StrUnlessEmpty("user", r.User)
	WriteOptional(&o, "metadata", len(r.Metadata) > 0, r.Metadata)
	o.Extra(r.Extra)
	o.End()
	return plain
}

// UnmarshalJSON reads a request. "stop" may be a string or an array; unknown
// fields go to Extra. It validates only what would be lost: tools and formats
// in other shapes. The rest is for [OwnRequest].
func (r *Request) UnmarshalJSON(data []byte) error {
	if string(bytes.TrimSpace(data)) == "null" {
		return nil
	}
	fields, err := jsontext.FieldsOf(data)
	if err != nil {
		return err
	}
	again, err := shapesOf(data, fields.List, true)
	if err != nil {
		return err
	}
	return r.take(data, fields.List, again)
}

// take sets the fields of r from those of a JSON object; again has other values
// for some. It is called for each
// attempt in another format than OpenAI's, so the messages, which are most of a
// request, are read by the walker.
func (r *Request) take(data []byte, fields []jsontext.Field, again Extra) error {
	r.Extra = nil
	for _, f := range fields {
		value := data[f.Start:f.End]
		if written := again[f.Key]; written != nil {
			value = written
		}
		if f.Key == "messages" {
			if err := r.takeMessages(value); err != nil {
				return err
			}
			continue
		}
		if to := r.field(f.Key); to == nil {
			r.Extra.Put(f.Key, bytes.Clone(value))
		} else if err := JSON.Unmarshal(value, to); err != nil {
			return fmt.Errorf("field %q: %w", f.Key, err)
		}
		if f.Key == "stream_options" && memberOf(value, "include_usage") == nil {
			r.StreamOptions = nil // says nothing of usage
		}
	}
	return nil
}

func (r *Request) takeMessages(list []byte) error {
	if r.Messages = nil; isNull(list) {
		return nil
	}
	in := newReader(list)
	r.Messages = make([]Message, 0, min(bytes.Count(list, []byte(`"role"`)), 1024))
	for more := in.Array(); more; more = in.NextItem() {
		r.Messages = append(r.Messages, Message{})
		r.Messages[len(r.Messages)-1].read(&in)
	}
	return in.End()
}

// allPlaces are the maps that placesOf has made, by the type.
var allPlaces sync.Map

// placesOf gives the places of a struct's fields by their names in JSON. They
// are looked for once, when a value of the type is first read.
func placesOf(t reflect.Type) map[string]int {
	if known, ok := allPlaces.Load(t); ok {
		return known.(map[string]int)
	}
	places := map[string]int{}
	for i, f := range reflect.VisibleFields(t) {
		if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name != "-" {
			places[name] = i
		}
	}
	allPlaces.Store(t, places)
	return places
}

// field points to the field that has this name in JSON; nil where there is
// none.
func (r *Request) field(name string) any {
	v := reflect.ValueOf(r).Elem()
	place, known := placesOf(v.Type())[name]
	if !known {
		return nil
	}
	return v.Field(place).Addr().Interface()
}

// Stop is one or more sequences at which the answer ends. It is read from a
// string or an array.
type Stop []string

// UnmarshalJSON reads a string or an array of strings.
func (s *Stop) UnmarshalJSON(data []byte) error {
	if data[0] == '"' {
		*s = Stop{""}
		return JSON.Unmarshal(data, &(*s)[0])
	}
	return JSON.Unmarshal(data, (*[]string)(s))
}

// Payload encodes the request once, checks it and returns what the attempts
// of a call send. The error is INVALID_ARGUMENT.
func (r *Request) Payload() (*Payload, error) {
	if r == nil {
		return nil, Errorf(InvalidArgument, "the request is nil; pass a *llm.Request with messages")
	}
	if err := r.Options.Check(); err != nil {
		return nil, err
	}
	data, plain, err := r.encode()
	if err != nil {
		return nil, r.explain(err)
	}
	if (r.ToolChoice != nil || r.FunctionCall != nil || r.Tools != nil || r.ResponseFormat != nil) && bytes.Contains(data, []byte("null")) { // as which raw JSON is written that is none
		if err := r.checkRaw(); err != nil {
			return nil, err
		}
	}
	return ownRequest(data, plain, r.Options)
}

// checkRaw refuses raw values that are not JSON.
func (r *Request) checkRaw() error {
	check := func(value json.RawMessage, name string, at ...any) error {
		if len(value) == 0 || json.Valid(value) {
			return nil
		}
		return Errorf(InvalidArgument, "request field %q is %s, which is not JSON; a text stands in quotes", fmt.Sprintf(name, at...), shown.Text(string(value)))
	}
	err := check(r.FunctionCall, "function_call")
	if f := r.ResponseFormat; err == nil && f != nil && f.JSONSchema != nil {
		err = check(f.JSONSchema.Schema, "response_format.json_schema.schema")
	}
	if err == nil {
		err = check(r.ToolChoice, "tool_choice")
	}
	for i, t := range r.Tools {
		if err == nil && t.Function != nil {
			err = check(t.Function.Parameters, "tools[%d].function.parameters", i)
		}
	}
	return err
}

func (r *Request) explain(err error) error {
	for _, f := range []struct {
		name  string
		value *float64
	}{{"temperature", r.Temperature}, {"top_p", r.TopP}, {"presence_penalty", r.PresencePenalty}, {"frequency_penalty", r.FrequencyPenalty}} {
		if f.value != nil && (*f.value != *f.value || *f.value-*f.value != 0) {
			return Errorf(InvalidArgument, "request field %q is %v; expected a finite number", f.name, *f.value)
		}
	}
	return Errorf(InvalidArgument, "the request cannot be written as JSON: %v", err)
}
