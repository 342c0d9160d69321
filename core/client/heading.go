package client

import "github.com/llmagg/llmagg/core/llm"

const (
	// keptWhole is how many chunks before the first token are kept one by one.
	keptWhole = 64
	// maxHeading bounds the memory for the others, in bytes, about: a server
	// may send chunks without a token for as long as it likes (L1).
	maxHeading = 4 << 20
)

// heading is the part of a stream up to its first token. The first chunks are
// kept as they came. After these, a chunk that only repeats the fields of the
// chunk before it replaces that chunk.
type heading struct {
	chunks []*llm.Chunk
	size   int  // of those behind the first keptWhole
	begun  bool // a choice has come
}

// add keeps a chunk. It returns false if there is too much to keep. A chunk
// with a token is the last to be added.
func (h *heading) add(c *llm.Chunk, token bool) bool {
	h.begun = h.begun || len(c.Choices) > 0
	n := len(h.chunks)
	if token || n < keptWhole {
		h.chunks = append(h.chunks, c)
		return true
	}
	if last := h.chunks[n-1]; repeats(c, last) {
		if c.Usage == nil {
			c.Usage = last.Usage
		}
		h.chunks[n-1] = c
		return true
	}
	h.chunks = append(h.chunks, c)
	h.size += weight(c)
	return h.size <= maxHeading
}

// take returns the next chunk, or nil after the last.
func (h *heading) take() *llm.Chunk {
	if len(h.chunks) == 0 {
		return nil
	}
	c := h.chunks[0]
	h.chunks[0] = nil // it is the reader's now
	if h.chunks = h.chunks[1:]; len(h.chunks) == 0 {
		h.chunks = nil
	}
	return c
}

// repeats tells whether c, which has no token, can replace last without a loss:
// both have the same choices, and c has every field of last.
func repeats(c, last *llm.Chunk) bool {
	if len(c.Choices) != len(last.Choices) || !covers(c.Extra, last.Extra) {
		return false
	}
	for i := range c.Choices {
		a, b := &c.Choices[i], &last.Choices[i]
		if a.Index != b.Index || a.FinishReason != b.FinishReason || a.Logprobs != nil || b.Logprobs != nil ||
			!covers(a.Extra, b.Extra) || !covers(a.Delta.Extra, b.Delta.Extra) {
			return false
		}
	}
	for i := range c.Choices {
		if delta := &c.Choices[i].Delta; delta.Role == "" {
			delta.Role = last.Choices[i].Delta.Role
		}
	}
	return true
}

// covers tells whether fields has every field of old.
func covers(fields, old llm.Extra) bool {
	if len(fields) < len(old) {
		return false
	}
	for name := range old {
		if _, ok := fields[name]; !ok {
			return false
		}
	}
	return true
}

// field is about how many bytes of memory a field needs, beside its text.
const field = 128

// weight is about how many bytes of memory a chunk needs.
func weight(c *llm.Chunk) int {
	const chunk = 512
	n := chunk + weigh(c.Extra) + len(c.ID) + len(c.Model)
	if c.Usage != nil {
		n += field + weigh(c.Usage.Extra) + len(c.Usage.PromptTokensDetails) + len(c.Usage.CompletionTokensDetails)
	}
	for i := range c.Choices {
		choice := &c.Choices[i]
		n += chunk + len(choice.Logprobs) + weigh(choice.Extra) + weigh(choice.Delta.Extra) + len(choice.FinishReason) + len(choice.Delta.Role)
	}
	return n
}

func weigh(fields llm.Extra) (n int) {
	for name, value := range fields {
		n += field + len(name) + len(value)
	}
	return n
}
