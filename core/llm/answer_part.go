package llm

import (
	"encoding/json"
	"strings"
)

// PartsField is the field of an answer's message that holds its parts.
const PartsField = "parts"

// AnswerPart is one piece of an answer, as "parts" of its message has them, in
// their order, where OpenAI's shape alone would lose something: the order of
// texts and calls, or what only the vendor that made it can read. A text, a
// thought or a call that the message has anyway is only named.
//
//	[{"type": "thinking", "owner": "anthropic/claude-opus-4-1", "raw": {"type": "thinking", …, "signature": "…"}},
//	 {"type": "text", "bytes": 12}, {"type": "tool_call", "id": "toolu_1"}]
//
// The list goes back to its owner with the message and to nobody else.
type AnswerPart struct {
	// Type is "text", "thinking", "redacted_thinking", "tool_call", "image",
	// "audio", "refusal", or "other" for what this package does not know.
	Type string `json:"type"`
	// Bytes is the length of a text in the message's content, or of a thought
	// in its reasoning_content.
	Bytes int `json:"bytes,omitempty"`
	// ID is that of a call.
	ID string `json:"id,omitempty"`
	// Owner is who can read Raw: "vendor/model".
	Owner string `json:"owner,omitempty"`
	// Raw is what the vendor said that OpenAI's shape has no place for, byte
	// for byte.
	Raw json.RawMessage `json:"raw,omitempty"`
}

// AnswerParts reads the parts of an answer's message; nil if it has none.
func (m *Message) AnswerParts() (parts []AnswerPart) {
	raw := m.Extra[PartsField]
	if m.Role != RoleAssistant && m.Role != "" || len(raw) == 0 || JSON.Unmarshal(raw, &parts) != nil {
		return nil
	}
	return parts
}

// OwnerOf is the vendor that can read the parts, "" if they have no owner.
func OwnerOf(parts []AnswerPart) string {
	for i := range parts {
		if vendor, _, _ := strings.Cut(parts[i].Owner, "/"); vendor != "" {
			return vendor
		}
	}
	return ""
}
