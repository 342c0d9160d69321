package responses

import (
	"cmp"
	"encoding/json"
	"slices"

	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/wire"
)

// settings writes everything of a body but its input.
type settings struct {
	*wire.Call
	request *llm.Request
	body    *requestBody
}

// The names of what the core adds, where a server refuses it.
const (
	omitStore   = "store"
	omitInclude = "include"
)

// leastTokens is the least max_output_tokens that OpenAI takes.
const leastTokens = 16

const (
	encrypted = "reasoning.encrypted_content"
	logprobs  = "message.output_text.logprobs"
)

func (s *settings) fill() error {
	r, b := s.request, s.body
	if err := wire.Refuse(r, "the Responses API", wire.Choices|wire.Spoken); err != nil {
		return err
	}
	if string(r.Extra["background"]) == "true" {
		return wire.Unsupported("\"background\" is true; llmagg waits for answers and asks for none that it would have to fetch later")
	}
	b.Temperature, b.TopP, b.ParallelToolCalls = r.Temperature, r.TopP, r.ParallelToolCalls
	b.Metadata, b.User = r.Metadata, r.User
	b.MaxOutputTokens = cmp.Or(r.MaxCompletionTokens, r.MaxTokens)
	if n := b.MaxOutputTokens; n != nil && *n > 0 && *n < leastTokens {
		least := float64(*n)
		atLeast := int(*s.Clamp("max_tokens", &least, leastTokens, leastTokens))
		b.MaxOutputTokens = &atLeast
	}
	err := s.tools()
	if err == nil {
		err = s.text()
	}
	if err == nil {
		err = s.reasoning()
	}
	if err == nil {
		err = s.kept()
	}
	if err != nil {
		return err
	}
	s.Lacks(r, "seed", "presence_penalty", "frequency_penalty", "logit_bias", "stop")
	for _, name := range lacking {
		if wire.IsThere(r.Extra[name]) {
			s.Adapt(name, wire.LeftOut)
		}
	}
	return nil
}

// lacking are fields of chat completions that the API lacks. All others that
// a request carries are sent as they are.
var lacking = []string{"input", "prediction", "web_search_options"}

// readFields are fields that settings writes, or leaves out.
var readFields = []string{"text", "reasoning", "include", "store", "verbosity", "reasoning_summary", "audio", "modalities", "stream_options"}

// kept sees that nothing is kept at the vendor unless the caller asks for it,
// and that thoughts come in a form that can be sent back nonetheless.
func (s *settings) kept() error {
	r, b := s.request, s.body
	if raw := r.Extra["include"]; wire.IsThere(raw) && llm.JSON.Unmarshal(raw, &b.Include) != nil {
		return llm.Errorf(llm.BadRequest, "include is not a list of texts")
	}
	if r.Logprobs != nil && *r.Logprobs && !slices.Contains(b.Include, logprobs) {
		b.Include = append(b.Include, logprobs)
	}
	b.TopLogprobs = cmp.Or(r.TopLogprobs, b.TopLogprobs)
	s.Added = false
	switch raw := r.Extra["store"]; {
	case wire.IsThere(raw):
		if llm.JSON.Unmarshal(raw, &b.Store) != nil {
			return llm.Errorf(llm.BadRequest, "store is neither true nor false")
		}
	case wire.IsThere(r.Extra["conversation"]): // it is kept anyway
	case slices.Contains(s.Omit, omitStore):
		s.Leave(omitStore)
	default:
		b.Store, s.Added = new(bool), true
	}
	if slices.Contains(b.Include, encrypted) || b.Store != nil && *b.Store {
		return nil
	}
	if slices.Contains(s.Omit, omitInclude) {
		s.Leave(omitInclude)
		return nil
	}
	b.Include, s.Added = append(b.Include, encrypted), true
	return nil
}

func (s *settings) reasoning() (err error) {
	r, b := s.request, s.body
	b.Reasoning = nil
	if raw := r.Extra["reasoning"]; wire.IsThere(raw) {
		b.Reasoning = raw
	}
	if r.ReasoningEffort != "" {
		if b.Reasoning, err = wire.With(b.Reasoning, "reasoning", "effort", r.ReasoningEffort); err != nil {
			return err
		}
	}
	if raw := r.Extra["reasoning_summary"]; wire.IsThere(raw) {
		b.Reasoning, err = wire.With(b.Reasoning, "reasoning", "summary", raw)
	}
	return err
}

// format is text.format.
type textFormat struct {
	Type        string          `json:"type"`
	Name        string          `json:"name,omitempty"`
	Description string          `json:"description,omitempty"`
	Schema      json.RawMessage `json:"schema,omitempty"`
	Strict      *bool           `json:"strict,omitempty"`
}

// text translates response_format and verbosity.
func (s *settings) text() (err error) {
	r, b := s.request, s.body
	if raw := r.Extra["text"]; wire.IsThere(raw) {
		b.Text = raw
	}
	if raw := r.Extra["verbosity"]; wire.IsThere(raw) {
		if b.Text, err = wire.With(b.Text, "text", "verbosity", raw); err != nil {
			return err
		}
	}
	j, asked, err := wire.FormatOf(r.ResponseFormat)
	if err != nil || !asked {
		return err
	}
	t := textFormat{Type: "json_object"}
	if j != nil {
		t = textFormat{Type: "json_schema", Name: cmp.Or(j.Name, "answer"), Description: j.Description, Schema: j.Schema, Strict: j.Strict} // the API wants a name
	}
	b.Text, err = wire.With(b.Text, "text", "format", t)
	return err
}
