package gemini

import (
	"encoding/json"
	"slices"

	"github.com/llmagg/llmagg/core/llm"
)

// This file sends an answer back as it came: its parts in their order, each
// with its signature, and those that OpenAI's shape does not know
// (llm.AnswerPart).

// owner is the vendor of what is kept.
const owner = "gemini"

// signed is what a part has beside what OpenAI's shape has a place for.
type signed struct {
	Signature string `json:"thoughtSignature"`
}

func signatureRaw(signature string) json.RawMessage {
	if signature == "" {
		return nil
	}
	return llm.JSONOf(signed{signature})
}

func signatureIn(raw json.RawMessage) string {
	var s signed
	if len(raw) == 0 || llm.JSON.Unmarshal(raw, &s) != nil {
		return ""
	}
	return s.Signature
}

// leftThoughts names thoughts without a signature: Gemini takes none back.
const leftThoughts = "messages.reasoning_content"

// answer translates an assistant's message: as it came, where its text and its
// calls are still those of the answer, else its text, then its calls.
func (t *conversation) answer(m *llm.Message, parts []sentPart) {
	kept := t.call.Own(m, owner)
	calls := t.calls(m)
	if ordered, ok := inOrder(kept, m, calls); ok && len(kept) > 0 {
		if slices.ContainsFunc(kept, func(p llm.AnswerPart) bool { return p.Type == "thinking" && p.Bytes > 0 && len(p.Raw) == 0 }) {
			t.call.Leave(leftThoughts)
		}
		t.add("model", ordered...)
		return
	}
	signed := func(p llm.AnswerPart) bool { return p.Type == "thinking" && len(p.Raw) > 0 }
	for _, p := range kept {
		if p.Type == "other" || p.Type == "image" || signed(p) {
			t.call.Leave("messages." + llm.PartsField + "[" + p.Type + "]")
		}
	}
	if m.ReasoningContent != "" && signatureOf(m.Extra) == "" && !slices.ContainsFunc(kept, signed) {
		t.call.Leave(leftThoughts)
	}
	t.add("model", append(withSignature(parts, m), calls...)...)
}

// inOrder puts what was kept, the text and the calls of a message together;
// false where they do not fit each other: the caller has changed the message.
func inOrder(kept []llm.AnswerPart, m *llm.Message, calls []sentPart) (parts []sentPart, ok bool) {
	text, thoughts, images := m.PlainText(), m.ReasoningContent, imagesOf(m, kept)
	for i := range kept {
		p := &kept[i]
		var part sentPart
		switch {
		case p.Type == "text":
			if p.Bytes < 0 || p.Bytes > len(text) {
				return nil, false
			}
			part = textPart(text[:p.Bytes])
			text = text[p.Bytes:]
		case p.Type == "thinking":
			if p.Bytes < 0 || p.Bytes > len(thoughts) {
				return nil, false
			}
			part = textPart(thoughts[:p.Bytes])
			part.Thought = true
			if thoughts = thoughts[p.Bytes:]; len(p.Raw) == 0 {
				continue // it says nothing to Gemini
			}
		case p.Type == "tool_call":
			if len(calls) == 0 || len(calls) > len(m.ToolCalls) || m.ToolCalls[len(m.ToolCalls)-len(calls)].ID != p.ID {
				return nil, false
			}
			part, calls = calls[0], calls[1:]
		case p.Type == "image":
			if len(images) == 0 {
				return nil, false
			}
			part, images = images[0], images[1:]
		default:
			part.raw = p.Raw
		}
		if signature := signatureIn(p.Raw); signature != "" && part.raw == nil {
			part.ThoughtSignature = signature
		}
		parts = append(parts, part)
	}
	return parts, text == "" && len(calls) == 0 && m.Refusal == ""
}

// imagesOf are the images of an answer, as parts that are sent, if it has any.
func imagesOf(m *llm.Message, kept []llm.AnswerPart) (images []sentPart) {
	var list []llm.Part
	if raw := m.Extra["images"]; len(kept) == 0 || len(raw) == 0 || llm.JSON.Unmarshal(raw, &list) != nil {
		return nil
	}
	for i := range list {
		part, problem := mediaPart(&list[i])
		if problem != "" {
			return nil
		}
		images = append(images, part)
	}
	return images
}
