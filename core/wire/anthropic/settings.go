package anthropic

import (
	"encoding/json"
	"slices"

	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/wire"
)

// settings writes everything of a body but its messages.
type settings struct {
	request *llm.Request
	body    *requestBody
	left    []string
}

func (s *settings) leave(name string) { s.left = append(s.left, name) }

func (s *settings) fill() error {
	r, b := s.request, s.body
	if err := s.refuse(); err != nil {
		return err
	}
	if err := s.tools(); err != nil {
		return err
	}
	if raw := r.Extra["output_config"]; isThere(raw) {
		b.OutputConfig = raw
	}
	if err := s.format(); err != nil {
		return err
	}
	b.Temperature, b.TopP, b.TopK, b.StopSequences = r.Temperature, r.TopP, r.Extra["top_k"], r.Stop
	if len(b.TopK) == 0 {
		b.TopK = r.Extra["topK"]
	}
	if t := r.Temperature; t != nil && *t > 1 { // OpenAI's range ends at 2
		one := 1.0
		b.Temperature = &one
		s.leave("temperature above 1")
	}
	switch {
	case r.MaxCompletionTokens != nil:
		b.MaxTokens = *r.MaxCompletionTokens
	case r.MaxTokens != nil:
		b.MaxTokens = *r.MaxTokens
	default:
		b.MaxTokens = wire.ClaudeOf(r.Model).AnswerTokens()
	}
	s.metadata()
	s.tuning()
	return s.thinking()
}

// refuse says what would change the answer's shape and cannot be had.
func (s *settings) refuse() error {
	r := s.request
	switch {
	case r.N != nil && *r.N > 1:
		return llm.Errorf(llm.BadRequest, "\"n\" is %d; Anthropic gives one answer", *r.N)
	case r.Logprobs != nil && *r.Logprobs:
		return llm.Errorf(llm.BadRequest, "\"logprobs\" is true; Anthropic gives none")
	case isThere(r.Extra["audio"]):
		return llm.Errorf(llm.BadRequest, "\"audio\" is set; Anthropic answers in text")
	}
	return nil
}

// tuning notes what is left out of the parameters.
func (s *settings) tuning() {
	r := s.request
	for _, f := range []struct {
		name string
		set  bool
	}{{"seed", r.Seed != nil}, {"presence_penalty", r.PresencePenalty != nil && *r.PresencePenalty != 0},
		{"frequency_penalty", r.FrequencyPenalty != nil && *r.FrequencyPenalty != 0}, {"logit_bias", len(r.LogitBias) > 0},
		{"top_logprobs", r.TopLogprobs != nil && *r.TopLogprobs > 0}} {
		if f.set {
			s.leave(f.name)
		}
	}
	names := make([]string, 0, len(r.Extra))
	for name := range r.Extra {
		if !slices.Contains(ownFields, name) && !slices.Contains(readFields, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	s.left = append(s.left, names...)
}

// readFields are the fields of the Messages API that settings reads.
var readFields = []string{"top_k", "topK", "thinking", "output_config", "audio"}

// metadata is the user's id: the API takes no other.
func (s *settings) metadata() {
	id := s.request.User
	if own := s.request.Metadata["user_id"]; own != "" {
		id = own
	}
	for name := range s.request.Metadata {
		if name != "user_id" {
			s.leave("metadata")
			break
		}
	}
	if id == "" {
		return
	}
	raw, err := llm.JSON.Marshal(map[string]string{"user_id": id})
	if err == nil { // strings can always be written
		s.body.Metadata = raw
	}
}

// output sets a field of output_config beside the caller's own.
func (s *settings) output(name string, value any) error {
	config := llm.Extra{}
	if len(s.body.OutputConfig) > 0 && llm.JSON.Unmarshal(s.body.OutputConfig, &config) != nil {
		return llm.Errorf(llm.BadRequest, "output_config is not a JSON object")
	}
	if isThere(config[name]) {
		return nil
	}
	raw, err := llm.JSON.Marshal(value)
	if err == nil {
		config[name] = raw
		s.body.OutputConfig, err = llm.JSON.Marshal(config)
	}
	if err != nil {
		return llm.Errorf(llm.BadRequest, "output_config cannot be written: %v", err)
	}
	return nil
}

// thinking translates reasoning_effort, unless the request says itself how to
// think, and takes out what the API refuses beside thoughts (API docs,
// "Extended thinking", feature compatibility).
func (s *settings) thinking() error {
	r, b, m := s.request, s.body, wire.ClaudeOf(s.request.Model)
	if own := r.Extra["thinking"]; isThere(own) {
		b.Thinking = own
		return nil
	}
	effort := r.ReasoningEffort
	budget, known := wire.Budgets[effort]
	switch {
	case effort == "":
		return nil
	case effort == "none":
		if m.Adapts() {
			b.Thinking = json.RawMessage(`{"type":"disabled"}`)
		}
		return nil
	case !m.Thinks() || !known:
		s.leave("reasoning_effort")
		return nil
	case s.callsWithoutThoughts():
		s.leave("reasoning_effort") // the API refuses to begin in the middle of a tool turn
		return nil
	case s.schemaForced():
		s.leave("reasoning_effort") // a forced tool is refused beside thoughts, and the schema is the answer's shape
		return nil
	}
	if m.Adapts() {
		b.Thinking = json.RawMessage(`{"type":"adaptive"}`)
		if effort == "minimal" {
			effort = "low"
		}
		if err := s.output("effort", effort); err != nil {
			return err
		}
	} else {
		raw, err := llm.JSON.Marshal(map[string]any{"type": "enabled", "budget_tokens": budget})
		if err != nil {
			return llm.Errorf(llm.BadRequest, "thinking cannot be written: %v", err)
		}
		b.Thinking = raw
		b.MaxTokens = max(b.MaxTokens, budget+wire.LeastAnswer)
	}
	s.besideThoughts()
	return nil
}

// besideThoughts takes out what the API refuses beside thoughts.
func (s *settings) besideThoughts() {
	b := s.body
	if b.Temperature != nil && *b.Temperature != 1 {
		s.leave("temperature")
	}
	if len(b.TopK) > 0 {
		s.leave("top_k")
	}
	b.Temperature, b.TopK = nil, nil
	if c := b.ToolChoice; c != nil && (c.Type == "any" || c.Type == "tool") {
		b.ToolChoice = &toolChoice{Type: "auto", DisableParallel: c.DisableParallel}
		s.leave("tool_choice")
	}
}

// schemaForced tells whether a tool gives the answer its shape.
func (s *settings) schemaForced() bool {
	f := s.request.ResponseFormat
	return f != nil && f.Type == "json_schema" && s.body.ToolChoice != nil && s.body.ToolChoice.Type == "tool"
}

// callsWithoutThoughts tells whether the conversation stands between a call and
// the answer to its result, and the call came without thoughts: another
// vendor's model made it, or one that did not think.
func (s *settings) callsWithoutThoughts() bool {
	n := len(s.body.Messages)
	if n < 2 || len(s.body.Messages[n-1].Content) == 0 || !s.body.Messages[n-1].Content[0].isResult() {
		return false
	}
	for _, b := range s.body.Messages[n-2].Content {
		if b.Type == "thinking" || b.Type == "redacted_thinking" {
			return false
		}
	}
	return true
}
