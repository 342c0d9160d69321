package wire

import (
	"encoding/json"
	"slices"

	"github.com/llmagg/llmagg/core/llm"
)

// OmitParts names the parts of another vendor's answer, which only that vendor
// can read (llm.AnswerPart).
const OmitParts = "messages." + llm.PartsField

// Kept collects the parts of an answer, in their order: its texts and calls,
// and the blocks that chat completions have no place for, such as thoughts with
// their signatures, citations, the work of the server's own tools. They stand
// in the message's "parts" and go back when the message does, since a model
// needs its thoughts to go on after a call. One goroutine uses it.
type Kept struct {
	Owner  string // "vendor/model"
	parts  []llm.AnswerPart
	opaque bool // a part holds more than the message itself does
}

// Add takes a part that the message has anyway: a text, a thought or a call.
func (k *Kept) Add(p llm.AnswerPart) { k.parts = append(k.parts, p) }

// Keep takes a part; raw is what only its owner can read.
func (k *Kept) Keep(p llm.AnswerPart, raw json.RawMessage) {
	if len(raw) == 0 {
		k.Add(p)
		return
	}
	p.Owner, p.Raw = k.Owner, raw
	k.opaque = true
	k.Add(p)
}

// Say adds n bytes to a text or a thought. A piece with raw, which only its
// owner can read, is a part of its own.
func (k *Kept) Say(kind string, n int, raw json.RawMessage) {
	if n == 0 && len(raw) == 0 {
		return
	}
	if last := len(k.parts) - 1; len(raw) == 0 && last >= 0 && k.parts[last].Type == kind && len(k.parts[last].Raw) == 0 {
		k.parts[last].Bytes += n
		return
	}
	k.Keep(llm.AnswerPart{Type: kind, Bytes: n}, raw)
}

// Media takes an image or the like, which the message has elsewhere and which
// only its owner takes back.
func (k *Kept) Media(p llm.AnswerPart, raw json.RawMessage) {
	p.Owner, p.Raw = k.Owner, raw
	k.opaque = true
	k.Add(p)
}

// Field is the message's field of parts; nil if OpenAI's shape has a place for
// all of them.
func (k *Kept) Field() json.RawMessage {
	if !k.opaque {
		return nil
	}
	return llm.JSONOf(k.parts)
}

// Extra is [Kept.Field] as the fields of a message; nil for none.
func (k *Kept) Extra() llm.Extra {
	raw := k.Field()
	if raw == nil {
		return nil
	}
	return llm.Extra{llm.PartsField: raw}
}

// Own returns the parts of a message that the named vendor made, nil if it made
// none. Parts of another vendor are left out, which is noted.
func (c *Call) Own(m *llm.Message, vendor string) []llm.AnswerPart {
	parts := m.AnswerParts()
	switch llm.OwnerOf(parts) {
	case vendor:
		return parts
	case "":
		c.strange(m, vendor)
		return nil
	}
	c.Leave(OmitParts)
	return nil
}

// OmitThoughts names the thoughts of an answer, for servers that refuse them.
const OmitThoughts = OmitParts + "[thinking]"

// Signed returns the parts that [Call.Own] returns, for an owner whose thoughts
// have signatures. Thoughts of others are left out, and so are the owner's own
// if the server refuses them.
func Signed(c *Call, m *llm.Message, owner string) []llm.AnswerPart {
	kept := c.Own(m, owner)
	if m.ReasoningContent != "" && !slices.ContainsFunc(kept, IsThought) {
		c.Leave("messages.reasoning_content")
	}
	return c.Without(OmitThoughts, kept, IsThought)
}

// HasKept tells whether a part that the owner made is in the history of a call.
func HasKept(c *Call, owner string, is func(llm.AnswerPart) bool) bool {
	r, err := c.Payload.Request()
	return err == nil && slices.ContainsFunc(r.Messages, func(m llm.Message) bool {
		parts := m.AnswerParts()
		return llm.OwnerOf(parts) == owner && slices.ContainsFunc(parts, is)
	})
}

// NoParts notes that the parts of a message are left out, for a format without
// parts.
func (c *Call) NoParts(m *llm.Message) { c.Own(m, "nobody") }

// strange notes thoughts of an answer that came without parts, in fields of
// other servers of chat completions, which no other format sends back. Google's
// signatures are in "extra_content", which Gemini reads.
func (c *Call) strange(m *llm.Message, vendor string) {
	if IsThere(m.Extra["reasoning_details"]) {
		c.Leave("messages.reasoning_details")
	}
	if vendor == "gemini" {
		return
	}
	if IsThere(m.Extra["extra_content"]) {
		c.Leave("messages.extra_content")
	}
	for i := range m.ToolCalls {
		if IsThere(m.ToolCalls[i].Extra["extra_content"]) {
			c.Leave("messages.tool_calls.extra_content")
		}
	}
}
