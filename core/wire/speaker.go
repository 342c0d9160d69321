package wire

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/llmagg/llmagg/core/llm"
)

// Speaker translates the parts of a message into blocks of a format; [Turns]
// does what formats of blocks have in common. Errors are BAD_REQUEST, or
// UNSUPPORTED where the vendor lacks something.
type Speaker[B any] interface {
	// Text is a text, with the citations that were kept of it; nil for none.
	Text(text string, kept json.RawMessage) B
	// Block is a part that is no text; problem says what is wrong with it, ""
	// if nothing is.
	Block(p *llm.Part) (b B, problem string)
	// ToolUse is a call that an assistant's message makes; input is an object.
	ToolUse(id, name string, input json.RawMessage) B
	// FirstCall is how many of the blocks are the first call, which gets what was
	// kept of it; 0 if that has another id.
	FirstCall(calls []B, kept *llm.AnswerPart) int
	// Result adds the answer of a tool, which says blocks.
	Result(m *llm.Message, blocks []B, at At) error
	// Kept are the parts of an answer's message that go back to the vendor, and
	// KeptBlock is the block of one.
	Kept(m *llm.Message) []llm.AnswerPart
	KeptBlock(p llm.AnswerPart) B
	// Mark puts a mark for the cache, if extra has one, on the end of blocks.
	Mark(blocks []B, extra llm.Extra) []B
}

// Translate translates messages by s, as [Turns.Joined] gives them. It may
// change them.
func (t *Turns[B]) Translate(s Speaker[B], messages []llm.Message) (system []B, turns []Turn[B], err error) {
	for i := range messages {
		if i == len(messages)-1 {
			begun(&messages[i])
		}
		if err := t.message(s, &messages[i], At(i)); err != nil {
			return nil, nil, err
		}
	}
	system, turns = t.Joined()
	return system, turns, nil
}

// begun takes the white space off the end of an answer that the model shall go
// on with, since Claude refuses it there, unless something stands behind it.
func begun(m *llm.Message) {
	kept := m.AnswerParts()
	if n := len(kept); m.Role != llm.RoleAssistant || n > 0 && kept[n-1].Type != "text" {
		return
	}
	last := &m.Content
	if n := len(m.Parts); n > 0 {
		last = &m.Parts[n-1].Text
	}
	*last = strings.TrimRightFunc(*last, unicode.IsSpace)
}

func (t *Turns[B]) message(s Speaker[B], m *llm.Message, at At) error {
	t.Call.Unsaid(m)
	if m.Role == llm.RoleAssistant {
		return t.answer(s, m, at)
	}
	blocks, err := t.content(s, m, at)
	if err != nil {
		return err
	}
	blocks = s.Mark(blocks, m.Extra)
	switch m.Role {
	case llm.RoleSystem, llm.RoleDeveloper:
		t.instruct(blocks...)
	case llm.RoleTool, llm.RoleFunction:
		return s.Result(m, blocks, at)
	default:
		if len(blocks) == 0 {
			blocks = []B{s.Text("", nil)} // the server says what it thinks of it
		}
		t.Add("user", blocks...)
	}
	return nil
}

// answer translates an assistant's message: what was kept of it in its place,
// where its text and its calls are still those of the answer, else its thoughts
// first, then its text and its calls.
func (t *Turns[B]) answer(s Speaker[B], m *llm.Message, at At) error {
	kept, calls := s.Kept(m), t.calls(s, m)
	if blocks, ok := inOrder(s, kept, m, calls); ok && len(kept) > 0 {
		t.Add("assistant", s.Mark(blocks, m.Extra)...)
		return nil
	}
	var blocks []B
	for _, p := range kept {
		if IsThought(p) {
			blocks = append(blocks, s.KeptBlock(p))
		} else if IsBlock(p) {
			t.Leave(OmitParts + "[" + p.Type + "]")
		}
	}
	content, err := t.content(s, m, at)
	if err != nil {
		return err
	}
	if m.Refusal != "" {
		content = append(content, s.Text(m.Refusal, nil))
	}
	t.Add("assistant", s.Mark(append(append(blocks, content...), calls...), m.Extra)...)
	return nil
}

// content is what a message says, part by part, each with its mark for the
// cache. Blank texts are left out, since vendors of blocks refuse them.
func (t *Turns[B]) content(s Speaker[B], m *llm.Message, at At) (blocks []B, err error) {
	if m.Parts == nil && !IsBlank(m.Content) {
		return []B{s.Text(m.Content, nil)}, nil
	}
	for i := range m.Parts {
		p := &m.Parts[i]
		text := p.Text
		switch p.Type {
		case "refusal":
			text = p.Refusal
			fallthrough
		case "text", "":
			if !IsBlank(text) {
				blocks = s.Mark(append(blocks, s.Text(text, nil)), p.Extra)
			} else if IsThere(p.Extra["cache_control"]) {
				t.Leave("messages.content.cache_control")
			}
			continue
		}
		switch b, problem := s.Block(p); {
		case problem == "":
			blocks = s.Mark(append(blocks, b), p.Extra)
		case m.Role == llm.RoleAssistant: // another vendor's work, not what the caller says
			t.Leave("messages.content[" + p.Type + "]")
		default:
			return nil, PartError(p, fmt.Sprintf("%s.content[%d] %s", at, i, problem))
		}
	}
	return blocks, nil
}

// calls are the calls that an assistant's message makes, each with its mark.
func (t *Turns[B]) calls(s Speaker[B], m *llm.Message) (blocks []B) {
	for i := range m.ToolCalls {
		c := &m.ToolCalls[i]
		name, input := c.Function.Name, InputOf(c.Function.Arguments)
		if c.Custom != nil {
			name, input = c.Custom.Name, Wrapped("input", c.Custom.Input)
		}
		blocks = s.Mark(append(blocks, s.ToolUse(c.ID, name, input)), c.Extra)
	}
	f := m.FunctionCall
	if id := t.called(f != nil && len(blocks) == 0); id != "" {
		blocks = append(blocks, s.ToolUse(id, f.Name, InputOf(f.Arguments)))
	}
	return blocks
}

// inOrder puts what was kept, the text and the calls of a message together,
// with their marks for the cache; false where they do not fit each other: the
// caller has changed the message.
func inOrder[B any](s Speaker[B], kept []llm.AnswerPart, m *llm.Message, calls []B) (blocks []B, ok bool) {
	text := m.PlainText()
	whole := len(text)
	marks, ok := textMarks(m)
	if !ok {
		return nil, false
	}
	for i := range kept {
		p := &kept[i]
		switch {
		case p.Type == "text":
			if p.Bytes <= 0 || p.Bytes > len(text) {
				return nil, false
			}
			if !IsBlank(text[:p.Bytes]) {
				blocks = append(blocks, s.Text(text[:p.Bytes], p.Raw))
			}
			text = text[p.Bytes:]
			for len(marks) > 0 && marks[0].end <= whole-len(text) {
				blocks, marks = s.Mark(blocks, marks[0].extra), marks[1:]
			}
		case p.Type == "tool_call":
			n := s.FirstCall(calls, p)
			if n == 0 {
				return nil, false
			}
			blocks, calls = append(blocks, calls[:n]...), calls[n:]
		case IsBlock(*p):
			blocks = append(blocks, s.KeptBlock(*p))
		}
	}
	return blocks, text == "" && len(calls) == 0 && m.Refusal == ""
}

// Without leaves out the parts that the server refuses, which the request omits
// by this name.
func (c *Call) Without(name string, kept []llm.AnswerPart, is func(llm.AnswerPart) bool) []llm.AnswerPart {
	if !slices.Contains(c.Omit, name) || !slices.ContainsFunc(kept, is) {
		return kept
	}
	c.Leave(name)
	return slices.DeleteFunc(kept, is)
}
