package anthropic

import (
	"cmp"
	"encoding/json"

	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/wire"
)

// settings writes everything of a body but its messages.
type settings struct {
	*wire.Call
	request *llm.Request
	body    *requestBody
}

// leave notes a parameter that Anthropic lacks.
func (s *settings) leave(name string) { s.Adapt(name, wire.LeftOut) }

func (s *settings) fill() error {
	r, b := s.request, s.body
	if err := wire.Refuse(r, "Anthropic", wire.Choices|wire.Logprobs|wire.Spoken); err != nil {
		return err
	}
	if err := s.tools(); err != nil {
		return err
	}
	if raw := r.Extra["output_config"]; wire.IsThere(raw) {
		b.OutputConfig = raw
	}
	if err := s.format(); err != nil {
		return err
	}
	b.Temperature = s.Clamp("temperature", r.Temperature, 0, 1) // OpenAI's range ends at 2
	b.TopP, b.TopK, b.StopSequences = r.TopP, r.Extra["top_k"], wire.Stops(s.Call, r, wire.AnyNumber, false)
	if len(b.TopK) == 0 {
		b.TopK = r.Extra["topK"]
	}
	b.MaxTokens = wire.RoomFor(s.Call, r, 0)
	s.metadata()
	s.tier()
	s.Lacks(r, "seed", "presence_penalty", "frequency_penalty", "logit_bias", "top_logprobs")
	s.LacksOthers(r.Extra, ownFields, readFields)
	return s.thinking()
}

// tier says OpenAI's service tiers by the two words that the API has ("Service
// tiers").
func (s *settings) tier() {
	switch string(s.request.Extra["service_tier"]) {
	case "", "null", `"auto"`, `"standard_only"`:
	case `"default"`:
		s.request.Extra["service_tier"] = json.RawMessage(`"standard_only"`)
	default:
		s.leave("service_tier")
		delete(s.request.Extra, "service_tier")
	}
}

// readFields are the fields of the Messages API that settings reads.
var readFields = []string{"top_k", "topK", "thinking", "output_config", "audio"}

// metadata is the user's id: the API takes no other.
func (s *settings) metadata() {
	id := cmp.Or(s.request.Metadata["user_id"], s.request.User)
	for name := range s.request.Metadata {
		if name != "user_id" {
			s.leave("metadata")
			break
		}
	}
	if id == "" {
		return
	}
	s.body.Metadata = llm.JSONOf(map[string]string{"user_id": id})
}

// output sets a field of output_config beside the caller's own.
func (s *settings) output(name string, value any) (err error) {
	s.body.OutputConfig, err = wire.With(s.body.OutputConfig, "output_config", name, value)
	return err
}

// thinking translates reasoning_effort, unless the request says itself how to
// think, and takes out what the API refuses beside thoughts (API docs,
// "Extended thinking", feature compatibility).
func (s *settings) thinking() error {
	r, b := s.request, s.body
	if own := r.Extra["thinking"]; wire.IsThere(own) {
		own, budget := wire.Thinking(s.Call, own)
		s.Lacks(r, "reasoning_effort")
		if thinks := wire.HasThoughts(own); thinks && s.callsWithoutThoughts() {
			s.leave("thinking")
			return nil
		} else if thinks {
			s.besideThoughts()
		}
		if budget > 0 || r.MaxCompletionTokens == nil && r.MaxTokens == nil {
			b.MaxTokens = wire.RoomFor(s.Call, r, wire.ThoughtTokens(own))
		}
		b.Thinking = own
		return nil
	}
	if effort := r.ReasoningEffort; effort == "" || effort == "none" && !wire.ClaudeOf(r.Model).Adapts() {
		return nil
	}
	// The API refuses to begin in the middle of a tool turn, and a forced tool
	// beside thoughts; where that is the schema's, it is the answer's shape.
	thinking, effort, budget := wire.ThoughtsFor(s.Call, r.ReasoningEffort, s.callsWithoutThoughts() || s.schemaForced())
	b.Thinking = thinking
	if budget > 0 {
		b.MaxTokens = wire.RoomFor(s.Call, r, budget)
	}
	if wire.HasThoughts(thinking) {
		s.besideThoughts()
	}
	if effort == "" {
		return nil
	}
	return s.output("effort", effort)
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
	if b.TopP != nil {
		s.leave("top_p")
	}
	b.Temperature, b.TopK, b.TopP = nil, nil, nil
	if c := b.ToolChoice; c != nil && (c.Type == "any" || c.Type == "tool") {
		b.ToolChoice = &toolChoice{Type: "auto", DisableParallel: c.DisableParallel}
		s.Adapt("tool_choice", "required to auto")
	}
}

// schemaForced tells whether a tool gives the answer its shape.
func (s *settings) schemaForced() bool {
	f := s.request.ResponseFormat
	return f != nil && f.Type == "json_schema" && s.body.ToolChoice != nil && s.body.ToolChoice.Type == "tool"
}

func (s *settings) callsWithoutThoughts() bool {
	return wire.IsUnthought(s.body.Messages, block.isResult, block.isThought)
}
