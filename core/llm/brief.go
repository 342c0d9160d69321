package llm

import (
	"bytes"
	"cmp"

	"github.com/llmagg/llmagg/core/internal/jsontext"
)

// Brief writes the chunks of one stream as [Chunk.AppendGathered] does. A chunk
// that differs from the one before in nothing but its text is written as that
// text, a JSON string. The zero value is ready; one goroutine uses it.
type Brief struct {
	said Chunk // the last chunk that was written whole, without its text
	role Role
	any  bool // said holds a chunk
}

// Append appends a chunk.
func (b *Brief) Append(dst []byte, c *Chunk) ([]byte, error) {
	if !c.isText() {
		b.any = false
		return c.AppendGathered(dst)
	}
	text := &c.Choices[0].Delta
	role := cmp.Or(text.Role, RoleAssistant)
	if b.any && role == b.role && c.ID == b.said.ID && c.Model == b.said.Model && c.Created == b.said.Created && c.Object == b.said.Object &&
		sameHead(c.Extra, b.said.Extra) {
		return jsontext.AppendText(dst, text.Content), nil
	}
	b.said, b.role, b.any = Chunk{ID: c.ID, Object: c.Object, Created: c.Created, Model: c.Model, Extra: c.Extra}, role, true
	return c.AppendGathered(dst)
}

// isText tells whether the chunk adds text to the first choice and does nothing
// else, and has no field that OpenAI's chunks do not have.
func (c *Chunk) isText() bool {
	if len(c.Choices) != 1 || c.Usage != nil {
		return false
	}
	for name, value := range c.Extra {
		if name != "system_fingerprint" && name != "service_tier" || value[0] != '"' && value[0] != 'n' {
			return false
		}
	}
	o := &c.Choices[0]
	m := &o.Delta
	return o.Index == 0 && o.FinishReason == "" && o.Logprobs == nil && o.Extra == nil && m.Parts == nil && m.ToolCalls == nil &&
		m.FunctionCall == nil && m.Audio == nil && m.Extra == nil && m.Name == "" && m.ToolCallID == "" && m.Refusal == "" && m.ReasoningContent == ""
}

// sameHead compares the fields that isText allows.
func sameHead(a, b Extra) bool {
	return len(a) == len(b) && bytes.Equal(a["system_fingerprint"], b["system_fingerprint"]) && bytes.Equal(a["service_tier"], b["service_tier"])
}
