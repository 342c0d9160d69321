package wire

import (
	"slices"

	"github.com/llmagg/llmagg/core/internal/jsontext"
	"github.com/llmagg/llmagg/core/llm"
)

// Count is a number of tokens that an answer names; nil stays nil, unknown.
func Count(n *float64) *int {
	if n == nil {
		return nil
	}
	count := int(*n)
	return &count
}

// OrZero is a number to add up; 0 where the answer names none.
func OrZero(n *float64) float64 {
	if n == nil {
		return 0
	}
	return *n
}

// Counts are the numbers of tokens that an answer names, of a vendor whose
// input is without what the cache gave or took; each may be missing.
type Counts struct {
	Input, Output, Read, Written *float64
	Written5m, Written1h         *float64 // of what was written
	Thinking                     *float64 // of the output
}

// Usage is the sum in OpenAI's shape, where prompt_tokens holds the cache's
// too; nil if neither input nor output is known. What of the answer's fields
// has no place there stays under the vendor's name; read names the others.
func (c *Counts) Usage(fields llm.Extra, read ...string) *llm.Usage {
	if c.Input == nil && c.Output == nil {
		return nil
	}
	raw, err := jsontext.Encode(make([]byte, 0, 512), func(w *jsontext.Writer) {
		o := w.Object()
		if c.Input != nil {
			o.Field("prompt_tokens").Int(int(*c.Input + OrZero(c.Read) + OrZero(c.Written)))
		}
		if c.Output != nil {
			o.Field("completion_tokens").Int(int(*c.Output))
		}
		in := llm.InputDetails{Cached: Count(c.Read), Written: Count(c.Written), Written5m: Count(c.Written5m), Written1h: Count(c.Written1h)}
		o.Raw("prompt_tokens_details", in.JSON())
		o.Raw("completion_tokens_details", llm.OutputDetails{Reasoning: Count(c.Thinking)}.JSON())
		for name, value := range fields {
			if !slices.Contains(read, name) {
				o.Foreign(name, value)
			}
		}
		o.End()
	})
	sum := &llm.Usage{}
	if err != nil || sum.UnmarshalJSON(raw) != nil {
		return nil
	}
	return sum
}
