package gemini

import (
	"cmp"
	"encoding/json"

	"github.com/llmagg/llmagg/core/internal/jsontext"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/wire"
)

// readUsage translates usageMetadata; nil if none of its counts can be read, or
// all are 0: a count of 0 may be left out, but not all of them. Thoughts count
// as completion tokens, as OpenAI counts reasoning, and what tools brought in
// as prompt tokens. The counts that OpenAI's shape has no place for are kept.
func readUsage(raw json.RawMessage) *llm.Usage {
	r := wire.AnswerReader(unsnakeUsage(raw))
	var prompt, tools, candidates, total int
	known := false
	count := func(to *int) {
		if n, ok := r.Count(); ok {
			*to, known = n, true
		}
	}
	var in llm.InputDetails
	var out llm.OutputDetails
	var rest llm.Extra
	for more := r.Object(); more; more = r.NextField() {
		r.Next()
		from := r.Pos
		switch string(r.Key) {
		case "promptTokenCount":
			count(&prompt)
		case "candidatesTokenCount":
			count(&candidates)
		case "thoughtsTokenCount":
			out.Reasoning = wire.Tokens(&r)
		case "cachedContentTokenCount":
			in.Cached = wire.Tokens(&r)
		case "toolUsePromptTokenCount":
			count(&tools)
		case "totalTokenCount":
			count(&total)
		default:
			name := string(r.Key)
			switch name {
			case "promptTokensDetails":
				in.Audio = audioTokens(&r)
			case "candidatesTokensDetails":
				out.Audio = audioTokens(&r)
			default:
				r.Skip()
			}
			if r.Err == nil {
				wire.Rest(&rest, name, r.Keep(r.Data[from:r.Pos]))
			}
		}
	}
	if !known && out.Reasoning == nil && in.Cached == nil {
		return otherUsage(raw)
	}
	u := &llm.Usage{PromptTokens: prompt + tools, CompletionTokens: candidates, TotalTokens: total,
		PromptTokensDetails: in.JSON(), CompletionTokensDetails: out.JSON(), Extra: rest}
	if out.Reasoning != nil {
		u.CompletionTokens += *out.Reasoning
	}
	u.TotalTokens = cmp.Or(u.TotalTokens, u.PromptTokens+u.CompletionTokens)
	if u.TotalTokens == 0 {
		return llm.NewUsage(&prompt, &candidates, llm.InputDetails{}, llm.OutputDetails{}, rest)
	}
	return u
}

// otherUsage is a usage under another format's names; nil for none.
func otherUsage(raw json.RawMessage) *llm.Usage {
	u := llm.ReadUsage(raw)
	if prompt, completion, total := u.Counts(); prompt || completion || total {
		return u
	}
	return nil
}

// audioTokens are the tokens of audio in the list of modalities that comes
// next, nil where it names none.
func audioTokens(r *jsontext.Reader) (tokens *int) {
	for more := r.Array(); more; more = r.NextItem() {
		modality, n := "", (*int)(nil)
		for more := r.Object(); more; more = r.NextField() {
			switch string(r.Key) {
			case "modality":
				modality = r.Text()
			case "tokenCount":
				n = wire.Tokens(r)
			}
		}
		if modality == "AUDIO" && tokens == nil {
			tokens = n
		}
	}
	return tokens
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
	return llm.JSONOf(map[string][]openaiChosen{"content": tokens})
}

func (t tokenDetail) openai() openaiToken {
	bytes := make([]int, len(t.Token))
	for i := range len(t.Token) {
		bytes[i] = int(t.Token[i])
	}
	return openaiToken{Token: t.Token, Logprob: t.Logprob, Bytes: bytes}
}
