package gemini

import (
	"bytes"
	"encoding/json"

	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/wire"
)

// usageMetadata is usageMetadata. Counts are read as floats, so that 3.0 is
// one.
type usageMetadata struct {
	Prompt            float64    `json:"promptTokenCount"`
	Candidates        float64    `json:"candidatesTokenCount"`
	Thoughts          *float64   `json:"thoughtsTokenCount"`
	Cached            *float64   `json:"cachedContentTokenCount"`
	ToolPrompt        float64    `json:"toolUsePromptTokenCount"`
	Total             float64    `json:"totalTokenCount"`
	PromptDetails     []modality `json:"promptTokensDetails"`
	CandidatesDetails []modality `json:"candidatesTokensDetails"`
}

type modality struct {
	Modality string  `json:"modality"`
	Tokens   float64 `json:"tokenCount"`
}

// readUsage translates usageMetadata; nil if there is none that can be
// read. Thoughts count as completion tokens, as OpenAI counts reasoning, and
// what tools brought in as prompt tokens.
func readUsage(raw json.RawMessage) *llm.Usage {
	raw = unsnakeUsage(raw)
	var u usageMetadata
	if raw == nil || llm.JSON.Unmarshal(raw, &u) != nil || !bytes.Contains(raw, []byte(`TokenCount"`)) {
		return nil // a count of 0 may be left out, but not all of them
	}
	r := &llm.Usage{
		PromptTokens:     int(u.Prompt + u.ToolPrompt),
		CompletionTokens: int(u.Candidates + wire.OrZero(u.Thoughts)),
		TotalTokens:      int(u.Total),
	}
	if r.TotalTokens == 0 {
		r.TotalTokens = r.PromptTokens + r.CompletionTokens
	}
	r.PromptTokensDetails = llm.InputDetails{Cached: wire.Count(u.Cached), Audio: audioTokens(u.PromptDetails)}.JSON()
	r.CompletionTokensDetails = llm.OutputDetails{Reasoning: wire.Count(u.Thoughts), Audio: audioTokens(u.CandidatesDetails)}.JSON()
	r.Extra = usageExtra(raw)
	return r
}

// usageExtra keeps the counts that OpenAI's shape has no place for.
func usageExtra(raw json.RawMessage) llm.Extra {
	var fields llm.Extra
	if llm.JSON.Unmarshal(raw, &fields) != nil {
		return nil
	}
	for _, told := range []string{"promptTokenCount", "candidatesTokenCount", "thoughtsTokenCount",
		"cachedContentTokenCount", "totalTokenCount", "toolUsePromptTokenCount"} {
		delete(fields, told)
	}
	if len(fields) == 0 {
		return nil
	}
	return fields
}

// audioTokens are the tokens of audio, nil where the answer names none.
func audioTokens(details []modality) *int {
	for _, d := range details {
		if d.Modality == "AUDIO" {
			return wire.Count(&d.Tokens)
		}
	}
	return nil
}

type tokenDetail struct {
	Token   string  `json:"token"`
	Logprob float64 `json:"logProbability"`
}

// openaiToken is a token of OpenAI's logprobs, openaiChosen one that was
// chosen, with its alternatives.
type openaiToken struct {
	Token   string  `json:"token"`
	Logprob float64 `json:"logprob"`
	Bytes   []int   `json:"bytes"`
}

type openaiChosen struct {
	openaiToken
	TopLogprobs []openaiToken `json:"top_logprobs"`
}

// logprobsOf translates a logprobsResult; nil if there is none that can be
// read.
func logprobsOf(raw json.RawMessage) json.RawMessage {
	if raw == nil {
		return nil
	}
	var result struct {
		Chosen []tokenDetail `json:"chosenCandidates"`
		Top    []struct {
			Candidates []tokenDetail `json:"candidates"`
		} `json:"topCandidates"`
	}
	if llm.JSON.Unmarshal(raw, &result) != nil || len(result.Chosen) == 0 {
		return nil
	}
	tokens := make([]openaiChosen, len(result.Chosen))
	for i, chosen := range result.Chosen {
		tokens[i] = openaiChosen{chosen.openai(), []openaiToken{}}
		if i >= len(result.Top) {
			continue
		}
		for _, t := range result.Top[i].Candidates {
			tokens[i].TopLogprobs = append(tokens[i].TopLogprobs, t.openai())
		}
	}
	return rawOf(map[string][]openaiChosen{"content": tokens}, nil)
}

func (t tokenDetail) openai() openaiToken {
	bytes := make([]int, len(t.Token))
	for i := range len(t.Token) {
		bytes[i] = int(t.Token[i])
	}
	return openaiToken{Token: t.Token, Logprob: t.Logprob, Bytes: bytes}
}
