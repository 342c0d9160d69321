package wire

import (
	"bytes"
	"strconv"

	"github.com/llmagg/llmagg/core/llm"
)

// This file is what a format does with parameters that its vendor lacks (T6).
// What tunes an answer is left out or changed, and noted in [Call.Adapted];
// what gives the answer its shape makes Body fail with [Unsupported]. Nothing
// is dropped in silence.

// LeftOut is what became of a parameter that the vendor lacks.
const LeftOut = "left out"

// Six small functions are called, not inlined, as they are called in many
// places; that makes the library 18 KB smaller: Adapt, Unsupported, Kept.Add,
// Root.With, Call.Leave and openai's put.

// Adapt notes a parameter of the request that the vendor cannot do as it is,
// and what became of it: [LeftOut], or what stands in its place ("1.5 to 1",
// "forced tool"). It holds no text of the caller's but numbers and the words
// of an enumeration.
func (c *Call) Adapt(field, became string) {
	c.Adapted = append(c.Adapted, field+": "+became)
}

// Clamp gives the number within the bounds that the vendor sets, and notes
// where that is another; nil stays nil.
func (c *Call) Clamp(field string, n *float64, least, most float64) *float64 {
	if n == nil || *n >= least && *n <= most {
		return n
	}
	within := min(max(*n, least), most)
	c.Adapt(field, number(*n)+" to "+number(within))
	return &within
}

// Stops are the stop sequences of the request that the vendor takes: at most
// so many, and none of white space alone unless blanks says so. As the next
// functions of this kind, it is no method: that would be one of all types that
// embed the call, 4 KB of the library.
func Stops(c *Call, r *llm.Request, most int, blanks bool) []string {
	var kept []string
	for _, s := range r.Stop {
		if len(kept) < most && (blanks || !IsBlank(s)) {
			kept = append(kept, s)
		}
	}
	if len(kept) < len(r.Stop) {
		c.Adapt("stop", strconv.Itoa(len(r.Stop))+" sequences to "+strconv.Itoa(len(kept)))
	}
	return kept
}

// AnyNumber is a bound that no request reaches.
const AnyNumber = 1 << 30

func number(n float64) string { return strconv.FormatFloat(n, 'g', -1, 64) }

// Unsupported is the error of a request that asks for what gives the answer its
// shape, or holds what the vendor cannot read: the next route is asked.
func Unsupported(format string, args ...any) error {
	return llm.Errorf(llm.Unsupported, format, args...)
}

// Shape is a set of what gives an answer its shape.
type Shape uint8

// What a vendor may lack.
const (
	Choices  Shape = 1 << iota // "n" above 1
	Logprobs                   // "logprobs"
	Spoken                     // "audio", or "audio" among "modalities"
	Tools                      // "tools" and "functions"
	Schema                     // "response_format" with a schema
)

// Refuse is the UNSUPPORTED of a request that asks for what the vendor lacks;
// nil if it asks for nothing of it.
func Refuse(r *llm.Request, vendor string, lacks Shape) error {
	f := r.ResponseFormat
	switch {
	case lacks&Choices != 0 && r.N != nil && *r.N > 1:
		return Unsupported("\"n\" is %d; %s gives one answer", *r.N, vendor)
	case lacks&Logprobs != 0 && r.Logprobs != nil && *r.Logprobs:
		return Unsupported("\"logprobs\" is true; %s gives none", vendor)
	case lacks&Spoken != 0 && IsThere(r.Extra["audio"]):
		return Unsupported("\"audio\" is set; %s answers in text", vendor)
	case lacks&Spoken != 0 && bytes.Contains(r.Extra["modalities"], []byte(`"audio"`)):
		return Unsupported("\"modalities\" has \"audio\"; %s answers in text", vendor)
	case lacks&Tools != 0 && len(r.Tools)+len(r.Functions) > 0:
		return Unsupported("the request has tools; %s takes none", vendor)
	case lacks&Schema != 0 && f != nil && f.Type == "json_schema":
		return Unsupported("\"response_format\" has a schema; %s takes none", vendor)
	}
	return nil
}

// sets tells whether a request sets one of the parameters that tune an answer.
func sets(r *llm.Request, parameter string) bool {
	switch parameter {
	case "seed":
		return r.Seed != nil
	case "presence_penalty":
		return r.PresencePenalty != nil && *r.PresencePenalty != 0
	case "frequency_penalty":
		return r.FrequencyPenalty != nil && *r.FrequencyPenalty != 0
	case "logit_bias":
		return len(r.LogitBias) > 0
	case "top_logprobs":
		return r.TopLogprobs != nil && *r.TopLogprobs > 0
	case "stop":
		return len(r.Stop) > 0
	case "user":
		return r.User != ""
	case "metadata":
		return len(r.Metadata) > 0
	case "parallel_tool_calls":
		return r.ParallelToolCalls != nil && !*r.ParallelToolCalls
	case "reasoning_effort":
		return r.ReasoningEffort != ""
	}
	return false
}

// Lacks notes those of the named parameters that the request sets, as left out.
func (c *Call) Lacks(r *llm.Request, names ...string) {
	for _, name := range names {
		if sets(r, name) {
			c.Adapt(name, LeftOut)
		}
	}
}

// LacksOthers notes the further fields of a request, which chat completions
// lack, as left out, but for those that the format knows.
func (c *Call) LacksOthers(extra llm.Extra, known ...[]string) {
	for _, name := range OtherFields(extra, known...) {
		c.Adapt(name, LeftOut)
	}
}
