package llm

import (
	"encoding/json"

	"github.com/llmagg/llmagg/core/internal/jsontext"
)

// Usage counts tokens. A usage that a provider did not send is a nil *Usage:
// unknown, not zero. If a usage is incomplete, Counts tells which numbers are
// known. The details are passed through as the provider sent them.
type Usage struct {
	PromptTokens            int
	CompletionTokens        int
	TotalTokens             int
	PromptTokensDetails     json.RawMessage
	CompletionTokensDetails json.RawMessage
	Extra                   Extra

	missing counts // what the provider left out and the others do not tell
}

// counts is a set of Usage's three numbers.
type counts uint8

const (
	promptCount counts = 1 << iota
	completionCount
	totalCount
	noCount   counts = 0
	allCounts        = promptCount | completionCount | totalCount
)

// Counts tells which of the three numbers are known; unknown numbers are 0.
func (u *Usage) Counts() (prompt, completion, total bool) {
	if u == nil {
		return false, false, false
	}
	return u.missing&promptCount == 0, u.missing&completionCount == 0, u.missing&totalCount == 0
}

// Clone copies a usage; nil stays nil.
func (u *Usage) Clone() *Usage {
	if u == nil {
		return nil
	}
	copied := *u
	return &copied
}

// MarshalJSON writes the usage, null for a number that is not known.
func (u Usage) MarshalJSON() ([]byte, error) { return jsontext.Encode(nil, u.write) }

// UnmarshalJSON reads a usage leniently.
func (u *Usage) UnmarshalJSON(data []byte) error {
	r := newReader(data)
	u.read(&r)
	return r.End()
}

func (u *Usage) write(w *jsontext.Writer) {
	o := w.Object()
	count := func(name string, n int, of counts) {
		switch {
		case u.missing&of == 0:
			o.Field(name).Int(n)
		case !w.Gathered:
			o.Field(name).Null()
		}
	}
	count("prompt_tokens", u.PromptTokens, promptCount)
	count("completion_tokens", u.CompletionTokens, completionCount)
	count("total_tokens", u.TotalTokens, totalCount)
	o.Raw("prompt_tokens_details", u.PromptTokensDetails)
	o.Raw("completion_tokens_details", u.CompletionTokensDetails)
	o.Rest(u.Extra)
	o.End()
}

// ReadUsage reads a usage leniently; nil where it says nothing.
func ReadUsage(data []byte) *Usage {
	r := newReader(data)
	if u := r.usage(); r.End() == nil {
		return u
	}
	return nil
}

// read reads a usage and tells whether it says anything: null, an empty object
// and one of nulls or of zeros do not.
func (u *Usage) read(r *reader) (says bool) {
	var known counts
	count := func(to *int, what counts) {
		if n, ok := r.Count(); ok {
			*to = n
			known |= what
		}
	}
	for more := r.Object(); more; more = r.NextField() {
		switch string(r.Key) {
		case "prompt_tokens":
			count(&u.PromptTokens, promptCount)
		case "completion_tokens":
			count(&u.CompletionTokens, completionCount)
		case "total_tokens":
			count(&u.TotalTokens, totalCount)
		case "prompt_tokens_details":
			u.PromptTokensDetails = r.Raw()
		case "completion_tokens_details":
			u.CompletionTokensDetails = r.Raw()
		default:
			r.extra(&u.Extra)
		}
	}
	known = u.settle(known)
	return u.missing != allCounts || u.Extra.says() || known == noCount && (u.PromptTokensDetails != nil || u.CompletionTokensDetails != nil)
}

// settle looks at the fields by other names, and notes what is known. It
// returns what was told: a server that tells zeros only does not count.
func (u *Usage) settle(known counts) counts {
	if len(u.Extra) > 0 {
		known |= u.otherNames(known)
		u.fillDetails()
	}
	u.missing = allCounts &^ u.derive(known)
	if u.PromptTokens == 0 && u.CompletionTokens == 0 && u.TotalTokens == 0 {
		u.missing = allCounts
	}
	return known
}

// derive works out what the others tell, and returns what is known then.
func (u *Usage) derive(known counts) counts {
	switch known {
	case promptCount | completionCount:
		u.TotalTokens = u.PromptTokens + u.CompletionTokens
	case promptCount | totalCount:
		u.CompletionTokens = max(u.TotalTokens-u.PromptTokens, 0)
	case completionCount | totalCount:
		u.PromptTokens = max(u.TotalTokens-u.CompletionTokens, 0)
	case allCounts:
		if u.TotalTokens == 0 {
			u.TotalTokens = u.PromptTokens + u.CompletionTokens
		} else if more := u.TotalTokens - u.PromptTokens - u.CompletionTokens; more > 0 {
			if n := countsIn(u.CompletionTokensDetails)["reasoning_tokens"]; n != nil && *n == more {
				u.CompletionTokens += more // xAI's has the text alone
			}
		}
	default:
		return known
	}
	return allCounts
}

// otherNames reads the numbers by the names of other formats, where the usual
// ones are missing.
func (u *Usage) otherNames(known counts) (found counts) {
	for i := range countNames {
		c := &countNames[i]
		if (known|found)&c.what != 0 || c.unlessTold && (known|found)&(promptCount|totalCount) == promptCount|totalCount {
			continue
		}
		n, ok := u.counted(c.name)
		if !ok {
			continue
		}
		more, _ := u.counted(c.more)
		switch found |= c.what; c.what {
		case promptCount:
			u.PromptTokens = n + more
		case completionCount:
			u.CompletionTokens = n + more
		default:
			u.TotalTokens = n
		}
	}
	return found
}

// countNames are what servers call the three numbers: OpenAI's Responses API,
// gateways built on the AI SDK or on Mistral's, Bedrock's Converse, HyperCLOVA,
// Gemini behind gateways, Bedrock's InvokeModel, Ollama, llama.cpp.
var countNames = [...]struct {
	name       string
	what       counts
	more       string // is added: this number does not hold it
	unlessTold bool   // the total less the prompt says more
}{
	{name: "input_tokens", what: promptCount}, {name: "output_tokens", what: completionCount},
	{name: "promptTokens", what: promptCount}, {name: "completionTokens", what: completionCount},
	{name: "inputTokens", what: promptCount, more: "cacheReadInputTokens"}, {name: "outputTokens", what: completionCount},
	{name: "promptTokenCount", what: promptCount}, {name: "inputTokenCount", what: promptCount, more: "cacheReadInputTokenCount"},
	{name: "outputTokenCount", what: completionCount},
	{name: "prompt_eval_count", what: promptCount}, {name: "eval_count", what: completionCount},
	{name: "prompt_n", what: promptCount, more: "cache_n"}, {name: "predicted_n", what: completionCount},
	{name: "totalTokens", what: totalCount}, {name: "totalTokenCount", what: totalCount},
	{name: "candidatesTokenCount", what: completionCount, more: "thoughtsTokenCount", unlessTold: true},
}

// counted is a number of tokens among the fields that this package does not
// know.
func (u *Usage) counted(name string) (n int, ok bool) {
	raw, there := u.Extra[name]
	if !there {
		return 0, false
	}
	r := newReader(raw)
	return r.Count()
}

// says tells whether any of the fields is more than null.
func (e Extra) says() bool {
	for _, v := range e {
		if string(v) != "null" {
			return true
		}
	}
	return false
}

// usage reads a usage; nil if something else stands there, or nothing is said.
func (r *reader) usage() *Usage {
	switch r.Next() {
	case '{':
	case '"': // JSON once more
		in, at := r.quoted()
		if r.Pos = at; r.Err == nil && in.Next() == '{' {
			if u := in.usage(); in.End() == nil {
				return u
			}
		}
		return nil
	case '[':
		var u *Usage
		for more := r.Array(); more; more = r.NextItem() {
			if next := r.usage(); next != nil {
				u = next
			}
		}
		return u
	default:
		r.Skip()
		return nil
	}
	u := r.usageRoom
	if r.usageRoom = nil; u == nil {
		u = &Usage{}
	}
	if !u.read(r) {
		return nil
	}
	if u.missing == allCounts {
		u.nested()
	}
	return u
}

// nested reads the numbers that Cohere has one level deeper.
func (u *Usage) nested() {
	for _, name := range [...]string{"tokens", "billed_units"} {
		if raw := u.Extra[name]; len(raw) > 0 && raw[0] == '{' {
			if in := ReadUsage(raw); in != nil && in.missing != allCounts {
				u.PromptTokens, u.CompletionTokens, u.TotalTokens, u.missing = in.PromptTokens, in.CompletionTokens, in.TotalTokens, in.missing
				return
			}
		}
	}
}

// usageFields are fields of an answer that may hold its usage: Groq's in the
// last chunk of a stream, Gemini's behind gateways, Bedrock's InvokeModel's,
// llama.cpp's. The first that tells counts.
var usageFields = []string{"x_groq", "usageMetadata", "usage_metadata", "amazon-bedrock-invocationMetrics", "timings"}

func holdsUsage(name []byte) bool {
	for _, field := range usageFields {
		if string(name) == field {
			return true
		}
	}
	return false
}

// elsewhere looks for the usage where some servers put it: in a field of its
// own, in a choice (Moonshot), or in its message or delta. The fields
// themselves stay where they are.
func elsewhere(top Extra, choices int, choice func(int) (of, inside Extra)) *Usage {
	for _, name := range usageFields {
		u := ReadUsage(top[name])
		if u == nil {
			continue
		}
		if inside, ok := u.Extra["usage"]; ok { // Groq's
			u = ReadUsage(inside)
		} else {
			u.Extra = nil // speeds and the like, which stand in the field itself
		}
		if u != nil && u.missing != allCounts {
			return u
		}
	}
	for i := range choices {
		of, inside := choice(i)
		for _, fields := range [...]Extra{of, inside} {
			if u := ReadUsage(fields["usage"]); u != nil {
				return u
			}
		}
	}
	return nil
}
