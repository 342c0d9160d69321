package bedrock

import (
	"encoding/json"
	"slices"
	"strconv"

	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/wire"
)

// This file keeps the blocks of an answer that chat completions have no place
// for: thoughts with their signatures, redacted thoughts, citations. They stand
// in the message's "extra_content", as Anthropic's do, in their order, each
// byte for byte:
//
//	{"bedrock": {"content": [{"reasoningContent": {…}}, {"text_bytes": 12}, {"call": "tooluse_1"}]}}
//
// A text or a call that the message has anyway is named only. The list goes
// back when the message does, since a model needs its thoughts to go on after a
// call.

// omitThoughts names the thoughts of an answer, where a server refuses them.
const omitThoughts = "messages.extra_content.bedrock"

// keptContent is "extra_content".
type keptContent struct {
	Bedrock struct {
		Content []json.RawMessage `json:"content"`
	} `json:"bedrock"`
}

// keptBlock is what one entry says of itself.
type keptBlock struct {
	Bytes     int             `json:"text_bytes"` // of a text, which stands in the message's content
	Call      string          `json:"call"`       // the id of a call, which stands in the message's tool_calls
	Citations json.RawMessage `json:"citations"`  // of a text
	Reasoning json.RawMessage `json:"reasoningContent"`

	raw json.RawMessage
}

func isThought(b keptBlock) bool { return wire.IsThere(b.Reasoning) }

// keptBlocks reads what came with an answer of Bedrock's; nil if nothing did.
func keptBlocks(m *llm.Message) []keptBlock {
	var kept keptContent
	raw := m.Extra["extra_content"]
	if m.Role != llm.RoleAssistant || len(raw) == 0 || llm.JSON.Unmarshal(raw, &kept) != nil {
		return nil
	}
	blocks := make([]keptBlock, 0, len(kept.Bedrock.Content))
	for _, raw := range kept.Bedrock.Content {
		b := keptBlock{raw: raw}
		if llm.JSON.Unmarshal(raw, &b) == nil {
			blocks = append(blocks, b)
		}
	}
	return blocks
}

// answer translates an assistant's message: what was kept of it in its place,
// where its text and its calls are still those of the answer, else its thoughts
// first, then its text and its calls.
func (t *conversation) answer(m *llm.Message, at string) error {
	kept := keptBlocks(m)
	if slices.Contains(t.call.Omit, omitThoughts) && slices.ContainsFunc(kept, isThought) {
		kept = slices.DeleteFunc(kept, isThought)
		t.leave(omitThoughts)
	}
	calls := t.calls(m)
	if blocks, ok := inOrder(kept, m, calls); ok && len(kept) > 0 {
		t.add("assistant", blocks...)
		return nil
	}
	var blocks []block
	for _, b := range kept {
		if isThought(b) {
			blocks = append(blocks, block{Raw: b.raw})
		} else if b.Bytes == 0 && b.Call == "" {
			t.leave(omitThoughts)
		}
	}
	content, err := t.content(m, at+".content")
	if err != nil {
		return err
	}
	if m.Refusal != "" {
		content = append(content, textBlock(m.Refusal))
	}
	if m.ReasoningContent != "" && len(kept) == 0 {
		t.leave("messages.reasoning_content") // another vendor's thoughts have no signature
	}
	t.add("assistant", append(append(blocks, t.mark(content, m.Extra)...), calls...)...)
	return nil
}

// inOrder puts what was kept, the text and the calls of a message together;
// false where they do not fit each other: the caller has changed the message.
func inOrder(kept []keptBlock, m *llm.Message, calls []block) (blocks []block, ok bool) {
	text := m.PlainText()
	for _, b := range kept {
		switch {
		case b.Bytes > 0:
			if b.Bytes > len(text) {
				return nil, false
			}
			said := textBlock(text[:b.Bytes])
			if wire.IsThere(b.Citations) {
				said = cited(text[:b.Bytes], b.Citations)
			}
			blocks = append(blocks, said)
			text = text[b.Bytes:]
		case b.Call != "":
			if len(calls) == 0 || calls[0].ToolUse == nil || calls[0].ToolUse.ToolUseID != plainID(b.Call) {
				return nil, false
			}
			blocks = append(blocks, calls[0])
			calls = calls[1:]
		default:
			blocks = append(blocks, block{Raw: b.raw})
		}
	}
	return blocks, text == "" && len(calls) == 0 && m.Refusal == ""
}

// cited is a text with its citations.
func cited(text string, citations json.RawMessage) block {
	var b struct {
		Content struct {
			Content   []block         `json:"content"`
			Citations json.RawMessage `json:"citations"`
		} `json:"citationsContent"`
	}
	b.Content.Content, b.Content.Citations = []block{textBlock(text)}, citations
	raw, err := llm.JSON.Marshal(&b)
	if err != nil { // texts and JSON can always be written
		return textBlock(text)
	}
	return block{Raw: raw}
}

// calls translates the calls that an assistant's message made.
func (t *conversation) calls(m *llm.Message) (blocks []block) {
	t.callIDs = nil
	put := func(id, name string, input json.RawMessage, extra llm.Extra) {
		if input == nil {
			input = json.RawMessage("{}")
		}
		if !slices.Contains(t.called, name) {
			t.called = append(t.called, name)
		}
		blocks = t.mark(append(blocks, block{ToolUse: &toolUse{ToolUseID: id, Name: name, Input: input}}), extra)
	}
	for i := range m.ToolCalls {
		c := &m.ToolCalls[i]
		if c.Custom != nil {
			put(plainID(c.ID), c.Custom.Name, wire.Wrapped("input", c.Custom.Input), c.Extra)
			continue
		}
		put(plainID(c.ID), c.Function.Name, wire.Arguments(c.Function.Arguments), c.Extra)
	}
	if f := m.FunctionCall; f != nil && len(blocks) == 0 {
		id := "call_" + strconv.Itoa(len(t.messages)) // the old form has none
		t.callIDs = []string{id}
		put(id, f.Name, wire.Arguments(f.Arguments), nil)
	}
	return blocks
}
