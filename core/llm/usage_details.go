package llm

import "encoding/json"

// Tokens is a usage in numbers, whoever sent it. A number that the provider did
// not send is nil: unknown, not zero.
type Tokens struct {
	Input     *int // with what caches gave and took
	Cached    *int // of Input, read from a cache
	Written   *int // of Input, written to a cache
	Written5m *int // of Written, for five minutes
	Written1h *int // of Written, for an hour
	Output    *int // with Reasoning
	Reasoning *int // of Output
	// The tokens of audio among Input and Output.
	InputAudio, OutputAudio *int
}

// InputDetails are a usage's prompt_tokens_details, OutputDetails its
// completion_tokens_details: OpenAI's names, and cache_write_5m_tokens and
// cache_write_1h_tokens for the caches that vendors charge apart.
type InputDetails struct {
	Cached    *int `json:"cached_tokens,omitempty"`
	Written   *int `json:"cache_write_tokens,omitempty"`
	Written5m *int `json:"cache_write_5m_tokens,omitempty"`
	Written1h *int `json:"cache_write_1h_tokens,omitempty"`
	Audio     *int `json:"audio_tokens,omitempty"`
}

// OutputDetails: see [InputDetails].
type OutputDetails struct {
	Reasoning *int `json:"reasoning_tokens,omitempty"`
	Audio     *int `json:"audio_tokens,omitempty"`
}

// JSON is the details as a usage holds them, nil where nothing is known.
func (d InputDetails) JSON() json.RawMessage {
	if d == (InputDetails{}) {
		return nil
	}
	return JSONOf(d)
}

// JSON is the details as a usage holds them, nil where nothing is known.
func (d OutputDetails) JSON() json.RawMessage {
	if d == (OutputDetails{}) {
		return nil
	}
	return JSONOf(d)
}

// NewUsage is the usage of an answer whose numbers are read by other names: nil
// is unknown. What rest holds beside them stays under its names. The result is
// nil where all are zeros and nothing is beside them.
func NewUsage(input, output *int, in InputDetails, out OutputDetails, rest Extra) *Usage {
	u := &Usage{PromptTokensDetails: in.JSON(), CompletionTokensDetails: out.JSON(), Extra: rest}
	var known counts
	if input != nil {
		u.PromptTokens, known = *input, promptCount
	}
	if output != nil {
		u.CompletionTokens = *output
		known |= completionCount
	}
	if u.settle(known) != noCount && u.missing == allCounts && !rest.says() {
		return nil
	}
	return u
}

// Tokens reads the numbers of a usage; of nil none is known.
func (u *Usage) Tokens() Tokens {
	var t Tokens
	if u == nil {
		return t
	}
	prompt, completion, _ := u.Counts()
	if prompt {
		t.Input = &u.PromptTokens
	}
	if completion {
		t.Output = &u.CompletionTokens
	}
	in, out := countsIn(u.PromptTokensDetails), countsIn(u.CompletionTokensDetails)
	t.Cached, t.Written, t.InputAudio = in["cached_tokens"], in["cache_write_tokens"], in["audio_tokens"]
	t.Written5m, t.Written1h = in["cache_write_5m_tokens"], in["cache_write_1h_tokens"]
	t.Reasoning, t.OutputAudio = out["reasoning_tokens"], out["audio_tokens"]
	return t
}

// countsIn are the numbers of tokens in an object.
func countsIn(object json.RawMessage) map[string]*int {
	if len(object) == 0 || object[0] != '{' {
		return nil
	}
	counts := map[string]*int{}
	r := newReader(object)
	for more := r.Object(); more; more = r.NextField() {
		name := string(r.Key)
		if n, ok := r.Count(); ok {
			counts[name] = &n
		}
	}
	return counts
}

// detailNames are what vendors of OpenAI's format call details that they do not
// put where OpenAI has them: DeepSeek, Moonshot, and gateways in front of
// Anthropic.
var detailNames = []struct{ from, to string }{
	{"prompt_cache_hit_tokens", "cached_tokens"}, {"cached_tokens", "cached_tokens"},
	{"cache_read_input_tokens", "cached_tokens"}, {"cache_creation_input_tokens", "cache_write_tokens"},
	{"cachedInputTokens", "cached_tokens"}, {"cachedContentTokenCount", "cached_tokens"}, {"cacheReadInputTokens", "cached_tokens"},
	{"cacheWriteInputTokens", "cache_write_tokens"}, {"cacheReadInputTokenCount", "cached_tokens"}, {"cache_n", "cached_tokens"},
}

// fillDetails puts what such a vendor says into prompt_tokens_details too,
// where that lacks it, and takes input_tokens_details and
// output_tokens_details, the names of OpenAI's Responses API, for the usual
// ones.
func (u *Usage) fillDetails() {
	if u.PromptTokensDetails == nil {
		u.PromptTokensDetails = objectIn(u.Extra["input_tokens_details"])
	}
	if u.CompletionTokensDetails == nil {
		u.CompletionTokensDetails = objectIn(u.Extra["output_tokens_details"])
	}
	for _, name := range detailNames {
		n, told := u.counted(name.from)
		if told && countsIn(u.PromptTokensDetails)[name.to] == nil {
			u.PromptTokensDetails = withField(u.PromptTokensDetails, name.to, n)
		}
	}
}

func objectIn(raw json.RawMessage) json.RawMessage {
	if len(raw) == 0 || raw[0] != '{' {
		return nil
	}
	return raw
}

// withField is an object with one number more.
func withField(object json.RawMessage, name string, n int) json.RawMessage {
	fields := Extra{}
	if len(object) > 0 && JSON.Unmarshal(object, &fields) != nil {
		return object
	}
	fields[name] = JSONOf(n)
	return JSONOf(fields)
}

// After is u as a usage that came after before in the same stream: what u does
// not know, or has as 0, is what before told. Servers tell the prompt's tokens
// with the first chunk only, or end a stream with zeros. The result may be one
// of the two.
func (u *Usage) After(before *Usage) *Usage {
	if u == nil {
		return before
	}
	if before == nil || u.missing == noCount && u.PromptTokens > 0 && u.CompletionTokens > 0 {
		return u
	}
	joined, filled := *u, false
	fill := func(to *int, from int, what counts) {
		if *to == 0 && from > 0 {
			*to, filled = from, true
			joined.missing &^= what
		}
	}
	fill(&joined.PromptTokens, before.PromptTokens, promptCount)
	fill(&joined.CompletionTokens, before.CompletionTokens, completionCount)
	sum := joined.PromptTokens + joined.CompletionTokens
	switch both := joined.missing&(promptCount|completionCount) == 0; {
	case filled && both:
		joined.TotalTokens = max(joined.TotalTokens, sum)
		joined.missing &^= totalCount
	case !filled:
		fill(&joined.TotalTokens, before.TotalTokens, totalCount)
	}
	if !filled {
		return u
	}
	if joined.PromptTokensDetails == nil {
		joined.PromptTokensDetails = before.PromptTokensDetails
	}
	if joined.CompletionTokensDetails == nil {
		joined.CompletionTokensDetails = before.CompletionTokensDetails
	}
	if joined.Extra == nil {
		joined.Extra = before.Extra
	}
	return &joined
}
