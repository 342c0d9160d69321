package gemini

import (
	"cmp"
	"encoding/json"
	"math"
	"strings"

	"github.com/llmagg/llmagg/core/internal/jsontext"
	"github.com/llmagg/llmagg/core/internal/wordlist"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/wire"
)

// configOf is generationConfig, as far as OpenAI's fields reach.
type configOf struct {
	Temperature        *float64        `json:"temperature,omitempty"`
	TopP               *float64        `json:"topP,omitempty"`
	TopK               json.RawMessage `json:"topK,omitempty"`
	CandidateCount     *int            `json:"candidateCount,omitempty"`
	MaxOutputTokens    *int            `json:"maxOutputTokens,omitempty"`
	StopSequences      []string        `json:"stopSequences,omitempty"`
	Seed               *int64          `json:"seed,omitempty"`
	PresencePenalty    *float64        `json:"presencePenalty,omitempty"`
	FrequencyPenalty   *float64        `json:"frequencyPenalty,omitempty"`
	ResponseLogprobs   *bool           `json:"responseLogprobs,omitempty"`
	Logprobs           *int            `json:"logprobs,omitempty"`
	ResponseMIMEType   string          `json:"responseMimeType,omitempty"`
	ResponseJSONSchema json.RawMessage `json:"responseJsonSchema,omitempty"`
	ResponseModalities []string        `json:"responseModalities,omitempty"`
	Thinking           *thinkingConfig `json:"thinkingConfig,omitempty"`
}

type thinkingConfig struct {
	IncludeThoughts bool   `json:"includeThoughts,omitempty"`
	Budget          *int   `json:"thinkingBudget,omitempty"` // tokens
	Level           string `json:"thinkingLevel,omitempty"`
}

// generationConfig translates the sampling fields. What the caller put
// into a generationConfig of his own wins, field by field.
func generationConfig(req *llm.Request, call *wire.Call) (json.RawMessage, error) {
	c := configOf{
		Temperature: req.Temperature, TopP: req.TopP, TopK: ownField(req.Extra, "topK", "top_k"),
		CandidateCount: req.N, MaxOutputTokens: cmp.Or(req.MaxCompletionTokens, req.MaxTokens),
		StopSequences: wire.Stops(call, req, maxStops, true), Seed: req.Seed,
		PresencePenalty: req.PresencePenalty, FrequencyPenalty: req.FrequencyPenalty,
		ResponseLogprobs: req.Logprobs, Logprobs: req.TopLogprobs,
		Thinking: reasoning(req.Model, req.ReasoningEffort, call),
	}
	if c.Seed != nil { // 32 bits there
		seed := float64(*c.Seed)
		within := int64(*call.Clamp("seed", &seed, math.MinInt32, math.MaxInt32))
		c.Seed = &within
	}
	if raw := ownField(req.Extra, "modalities"); raw != nil && llm.JSON.Unmarshal(raw, &c.ResponseModalities) == nil {
		for i := range c.ResponseModalities {
			c.ResponseModalities[i] = strings.ToUpper(c.ResponseModalities[i])
		}
	}
	if f := req.ResponseFormat; isJSON(f) && !promptsJSON(req) {
		c.ResponseMIMEType = "application/json"
		if f.JSONSchema != nil {
			c.ResponseJSONSchema = schemaOf(f.JSONSchema.Schema)
		}
	}
	raw := llm.JSONOf(&c)
	if own := ownField(req.Extra, "generationConfig", "generation_config"); own != nil {
		return merged(raw, own)
	}
	if string(raw) == "{}" {
		return nil, nil
	}
	return raw, nil
}

func isJSON(f *llm.ResponseFormat) bool {
	return f != nil && (f.Type == "json_object" || f.Type == "json_schema")
}

// promptsJSON tells whether JSON has to be asked for in the instructions:
// Gemma has no JSON mode, and before the third generation there is none beside
// functions ("Function calling with a response mime type: 'application/json' is
// unsupported").
func promptsJSON(req *llm.Request) bool {
	switch {
	case !isJSON(req.ResponseFormat):
		return false
	case strings.Contains(req.Model, "gemma"):
		return true
	}
	return len(req.Tools)+len(req.Functions) > 0 && (takesBudget(req.Model) || strings.Contains(req.Model, "gemini-1"))
}

// merged lays the fields of own over those of ours. Gemini reads its
// fields in camelCase and in snake_case, but not one of them in both.
func merged(ours, own json.RawMessage) (json.RawMessage, error) {
	config, theirs := llm.Extra{}, llm.Extra{}
	if llm.JSON.Unmarshal(own, &theirs) != nil || llm.JSON.Unmarshal(ours, &config) != nil {
		return nil, llm.Errorf(llm.BadRequest, "generationConfig is not a JSON object")
	}
	for _, key := range jsontext.NamesOf(theirs) { // of two spellings the last one counts
		config[camelCase(key)] = theirs[key]
	}
	if config["responseSchema"] != nil && theirs["responseJsonSchema"] == nil { // mutually exclusive
		delete(config, "responseJsonSchema")
	}
	return llm.JSONOf(config), nil
}

func camelCase(name string) string {
	words := strings.Split(name, "_")
	for i, w := range words[1:] {
		if w != "" {
			words[i+1] = strings.ToUpper(w[:1]) + w[1:]
		}
	}
	return strings.Join(words, "")
}

// maxStops is how many stopSequences there may be, and
// maxCandidates is the most that candidateCount may be (API reference,
// "GenerationConfig").
const (
	maxCandidates = 8
	maxStops      = 5
)

// refuse says what would change the answer's shape and cannot be had. The
// modalities are passed on for the API to judge.
func refuse(req *llm.Request) error {
	if req.N != nil && *req.N > maxCandidates {
		return wire.Unsupported("\"n\" is %d; Gemini gives at most %d answers", *req.N, maxCandidates)
	}
	if ownField(req.Extra, "audio") != nil {
		return wire.Refuse(req, "Gemini", wire.Spoken)
	}
	return nil
}

// readFields are fields that requests may have beside those of chat
// completions and those of topLevel.
var readFields = []string{"topK", "top_k", "modalities", "generationConfig", "generation_config", "toolConfig", "tool_config", "audio"}

// ownField returns the first of the named fields that is there and not null.
func ownField(extra llm.Extra, names ...string) json.RawMessage {
	for _, name := range names {
		if raw := extra[name]; wire.IsThere(raw) {
			return raw
		}
	}
	return nil
}

// topLevel are the fields of generateContent that have no counterpart in
// OpenAI's shape, in camelCase and, where requests may use it, in snake_case;
// requests may carry them as they are. (Google's Go SDK, models.go, writes the
// same beside generationConfig. "store" and "service_tier" are missing here,
// since OpenAI has fields of those names with another meaning.)
var topLevel = [][]string{
	{"cachedContent", "cached_content"},
	{"continuationToken", "continuation_token"},
	{"labels"},
	{"safetySettings", "safety_settings"},
	{"serviceTier"},
}

// reasoning translates reasoning_effort. Efforts that it does not know
// leave the decision to the model. Thoughts are asked for with it, so that
// they arrive as reasoning_content.
//
// Without an effort the 2.5 Flash family, which thinks by itself and counts its
// thoughts against max_tokens, is told not to: a budget of 50 tokens would
// often be spent before the first word. A thinkingConfig of the caller's
// replaces this as it does any other field. Pro cannot stop thinking, and the
// members that draw or speak do not think.
//
// Gemini 2.5 takes a budget in tokens: none 0, minimal and low 1024, medium
// 8192, high and above 24576, which is the table of Google's OpenAI-compatible
// endpoint (https://ai.google.dev/gemini-api/docs/openai#thinking). Its Pro
// cannot stop thinking: 128 is its least budget
// (https://ai.google.dev/gemini-api/docs/thinking#set-budget). Later
// generations take a level; below LOW there is one that many of them refuse,
// so LOW is the least here. Models that do not think refuse either and are
// spared it.
func reasoning(model, effort string, call *wire.Call) *thinkingConfig {
	if !thinks(model) {
		if effort != "" && effort != "none" {
			call.Adapt("reasoning_effort", wire.LeftOut)
		}
		return nil
	}
	budget, level := 0, ""
	if effort == "" {
		if strings.Contains(model, "gemini-2.5-flash") && !strings.Contains(model, "-tts") && !strings.Contains(model, "-audio") {
			return &thinkingConfig{Budget: &budget}
		}
		return nil
	}
	switch effort {
	case "none":
		level = "LOW"
		if strings.Contains(model, "pro") {
			budget = 128
		}
	case "minimal", "low":
		budget, level = 1024, "LOW"
	case "medium":
		budget, level = 8192, "MEDIUM"
	case "high", "xhigh", "max":
		budget, level = 24576, "HIGH"
	default:
		call.Adapt("reasoning_effort", wire.LeftOut)
		return nil
	}
	switch {
	case effort == "minimal":
		call.Adapt("reasoning_effort", "minimal to low")
	case effort == "xhigh", effort == "max":
		call.Adapt("reasoning_effort", effort+" to high")
	case effort == "none" && !takesBudget(model):
		call.Adapt("reasoning_effort", "none to low")
	case budget == 128:
		call.Adapt("reasoning_effort", "none to 128 tokens")
	}
	t := &thinkingConfig{IncludeThoughts: effort != "none"}
	if takesBudget(model) {
		t.Budget = &budget
	} else {
		t.Level = level
	}
	return t
}

func thinks(model string) bool {
	return !wordlist.AnyIn(model, []string{"gemma", "gemini-1", "gemini-2.0", "gemini-2.5-flash-image"})
}

func takesBudget(model string) bool { return strings.Contains(model, "gemini-2.") }

// needsSignatures tells whether a model refuses its own function calls
// in a conversation without a thought signature: all from Gemini 3 on.
func needsSignatures(model string) bool {
	return strings.Contains(model, "gemini") && thinks(model) && !takesBudget(model)
}
