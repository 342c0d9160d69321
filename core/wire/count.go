package wire

import (
	"encoding/json"

	"github.com/llmagg/llmagg/core/internal/jsontext"
	"github.com/llmagg/llmagg/core/llm"
)

// Tokens reads a number of tokens; nil, unknown, where something else stands.
func Tokens(r *jsontext.Reader) *int {
	if n, ok := r.Count(); ok {
		return &n
	}
	return nil
}

// Counts are the numbers of tokens that an answer names, of a vendor whose
// input is without what the cache gave or took; each may be missing.
type Counts struct {
	Input, Output, Read, Written *int
	Written5m, Written1h         *int // of what was written
	Thinking                     *int // of the output
}

// Usage is the sum in OpenAI's shape, where prompt_tokens holds the cache's
// too; nil if neither input nor output is known. rest are the answer's fields
// that have no place there: they stay under the vendor's names.
func (c *Counts) Usage(rest llm.Extra) *llm.Usage {
	if c.Input == nil && c.Output == nil {
		u := llm.ReadUsage(llm.JSONOf(rest)) // gateways leave OpenAI's names
		if _, _, total := u.Counts(); total {
			return u
		}
		return nil
	}
	input := c.Input
	if input != nil {
		sum := *input
		for _, more := range []*int{c.Read, c.Written} {
			if more != nil {
				sum += *more
			}
		}
		input = &sum
	}
	return llm.NewUsage(input, c.Output, llm.InputDetails{Cached: c.Read, Written: c.Written, Written5m: c.Written5m, Written1h: c.Written1h},
		llm.OutputDetails{Reasoning: c.Thinking}, rest)
}

// Rest adds a field to those that are passed on, unless its value is nil.
func Rest(to *llm.Extra, name string, value json.RawMessage) {
	if len(value) > 0 {
		to.Put(name, value)
	}
}
