package bedrock

import (
	"cmp"
	"encoding/json"
	"strings"

	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/wire"
)

// settings writes everything of a body but its messages.
type settings struct {
	*conversation
	request *llm.Request
	body    *requestBody
	marked  bool // one of the tools has a mark for the cache
}

// lack notes a parameter that Bedrock lacks.
func (s *settings) lack(name string) { s.Call.Adapt(name, wire.LeftOut) }

func (s *settings) fill() error {
	if err := wire.Refuse(s.request, "Bedrock", wire.Choices|wire.Logprobs|wire.Spoken); err != nil {
		return err
	}
	if raw := s.request.Extra["outputConfig"]; wire.IsThere(raw) {
		s.body.OutputConfig = raw
	}
	if err := s.tools(); err != nil {
		return err
	}
	if err := s.format(); err != nil {
		return err
	}
	s.inference()
	s.body.Metadata = s.request.Metadata
	if err := s.additional(); err != nil {
		return err
	}
	s.tuning()
	return nil
}

// inference writes what every model takes.
func (s *settings) inference() {
	r := s.request
	if r.MaxTokens == nil && r.MaxCompletionTokens == nil && r.Temperature == nil && r.TopP == nil && len(r.Stop) == 0 {
		return
	}
	s.body.InferenceConfig = &inferenceConfig{
		MaxTokens:   cmp.Or(r.MaxCompletionTokens, r.MaxTokens),
		Temperature: s.Call.Clamp("temperature", r.Temperature, 0, 1), // OpenAI's range ends at 2
		TopP:        r.TopP, StopSequences: wire.Stops(s.Call, r, wire.AnyNumber, !isClaude(r.Model)),
	}
}

// additional writes what only some models take.
func (s *settings) additional() error {
	own := s.request.Extra["additionalModelRequestFields"]
	if wire.IsThere(own) && llm.JSON.Unmarshal(own, &s.body.Additional) != nil {
		return llm.Errorf(llm.BadRequest, "additionalModelRequestFields is not a JSON object")
	}
	if raw := s.request.Extra["top_k"]; wire.IsThere(raw) {
		switch {
		case isClaude(s.request.Model):
			s.add("top_k", "top_k", raw)
		case isNova(s.request.Model):
			s.add("top_k", "inferenceConfig", json.RawMessage(`{"topK":`+string(raw)+`}`))
		default:
			s.lack("top_k")
		}
	}
	return s.thinking()
}

func isClaude(model string) bool {
	return strings.Contains(model, "anthropic.") || strings.Contains(model, "claude")
}

func isNova(model string) bool { return strings.Contains(model, "amazon.nova") }

// add says a parameter by a field of the model's own, unless the caller has set
// that.
func (s *settings) add(parameter, name string, value json.RawMessage) {
	if wire.IsThere(s.body.Additional[name]) {
		s.lack(parameter)
		return
	}
	s.body.Additional.Put(name, value)
}

// output sets a field of outputConfig beside the caller's own.
func (s *settings) output(name string, value any) (err error) {
	s.body.OutputConfig, err = wire.With(s.body.OutputConfig, "outputConfig", name, value)
	return err
}

// thinking translates reasoning_effort, unless the request says itself how to
// think.
func (s *settings) thinking() error {
	r := s.request
	if own := r.Extra["thinking"]; wire.IsThere(own) {
		became, budget := wire.Thinking(s.Call, own)
		s.add("thinking", "thinking", became)
		s.Call.Lacks(r, "reasoning_effort")
		if thinks := wire.HasThoughts(s.body.Additional["thinking"]); thinks && s.callsWithoutThoughts() {
			s.lack("thinking")
			delete(s.body.Additional, "thinking")
		} else if thinks {
			s.room(budget)
			s.besideThoughts()
		}
		return nil
	}
	effort := r.ReasoningEffort
	_, known := wire.Budgets[effort]
	switch {
	case effort == "":
		return nil
	case wire.IsThere(s.body.Additional["thinking"]):
		s.lack("reasoning_effort")
		return nil
	case strings.Contains(r.Model, "openai.gpt-oss") && known:
		effort = wire.NearestEffort(s.Call, effort, "low", "medium", "high")
		s.add("reasoning_effort", "reasoning_effort", json.RawMessage(`"`+effort+`"`))
		return nil
	case effort == "none" && isClaude(r.Model) && !wire.ClaudeOf(r.Model).Adapts():
		return nil // it is the default
	}
	thinking, effort, budget := wire.ThoughtsFor(s.Call, effort, s.callsWithoutThoughts() || s.schemaForced())
	if thinking == nil {
		return nil
	}
	s.add("reasoning_effort", "thinking", thinking)
	s.room(budget)
	if wire.HasThoughts(thinking) {
		s.besideThoughts()
	}
	if effort == "" {
		return nil
	}
	return s.output("effort", effort)
}

// room makes room for a budget of thought, which counts against maxTokens.
func (s *settings) room(budget int) {
	if budget == 0 {
		return
	}
	if s.body.InferenceConfig == nil {
		s.body.InferenceConfig = &inferenceConfig{}
	}
	most := wire.RoomFor(s.Call, s.request, budget)
	s.body.InferenceConfig.MaxTokens = &most
}

// besideThoughts takes out what Claude refuses beside thoughts.
func (s *settings) besideThoughts() {
	if c := s.body.InferenceConfig; c != nil && c.Temperature != nil && *c.Temperature != 1 {
		s.lack("temperature")
		c.Temperature = nil
	}
	if c := s.body.InferenceConfig; c != nil && c.TopP != nil {
		s.lack("top_p")
		c.TopP = nil
	}
	if wire.IsThere(s.body.Additional["top_k"]) {
		s.lack("top_k")
		delete(s.body.Additional, "top_k")
	}
	if c := s.body.ToolConfig; c != nil && c.ToolChoice != nil && c.ToolChoice.Auto == nil {
		c.ToolChoice = &toolChoice{Auto: &struct{}{}}
		s.Call.Adapt("tool_choice", "required to auto")
	}
}

// schemaForced tells whether a tool gives the answer its shape.
func (s *settings) schemaForced() bool {
	f := s.request.ResponseFormat
	return f != nil && f.Type == "json_schema" && s.body.ToolConfig != nil && s.body.ToolConfig.ToolChoice != nil && s.body.ToolConfig.ToolChoice.Tool != nil
}

func (s *settings) callsWithoutThoughts() bool {
	return wire.IsUnthought(s.body.Messages, func(b block) bool { return b.ToolResult != nil }, func(b block) bool { return b.thought })
}

// readFields are the fields of the request that settings reads.
var readFields = []string{"top_k", "thinking", "outputConfig", "additionalModelRequestFields", "audio"}

// tuning notes what is left out of the parameters. OpenAI's service tiers are
// Converse's, too (API reference, "ServiceTier").
func (s *settings) tuning() {
	switch tier := s.request.Extra["service_tier"]; string(tier) {
	case `"default"`, `"flex"`, `"priority"`, `"reserved"`:
		if wire.IsThere(s.request.Extra["serviceTier"]) {
			break
		}
		s.request.Extra["serviceTier"] = llm.JSONOf(map[string]json.RawMessage{"type": tier})
		fallthrough
	case `"auto"`: // it is the default
		delete(s.request.Extra, "service_tier")
	}
	s.Call.Lacks(s.request, "seed", "presence_penalty", "frequency_penalty", "logit_bias", "top_logprobs", "user")
	s.Call.LacksOthers(s.request.Extra, ownFields, readFields)
}
