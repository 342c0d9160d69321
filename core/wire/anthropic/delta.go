package anthropic

import (
	"encoding/json"
	"strings"

	"github.com/llmagg/llmagg/core/failure"
	"github.com/llmagg/llmagg/core/internal/shown"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/wire"
)

// This file reads the deltas of a block.

// add reads a delta.
func (s *stream) add(index int, raw json.RawMessage) (*llm.Message, error) {
	d, err := readBlock(raw, "text_delta")
	if err != nil {
		return nil, llm.Errorf(llm.BadResponse, "a delta of content[%d] cannot be read: %v", index, err)
	}
	var last *llm.Message
	if !s.TurnTo(index) {
		if b := &s.Block; d.Type == "input_json_delta" && s.Index == index && b.Type == "tool_use" && b.arguments {
			return s.argue(d.PartialJSON), nil // the end came before the last pieces
		}
		if last, err = s.unopened(index, d.Type); err != nil {
			return nil, err
		}
	}
	m, err := s.delta(&d)
	return wire.JoinDeltas(last, m), err
}

// delta adds a piece to the block at hand. Whatever the type says, nothing that
// stands in it is lost.
func (s *stream) delta(d *answerBlock) (*llm.Message, error) {
	b := &s.Block
	b.pieces = true
	switch d.Type {
	case "text_delta", "text", "signature_delta", "input_json_delta", "citations_delta":
	case "thinking_delta", "thinking":
		if d.Thinking == "" {
			d.Thinking, d.Text = d.Text, ""
		}
	case "":
		if d.isOdd() {
			return nil, llm.Errorf(llm.BadResponse, "a delta of content[%d] has no type and nothing that can be read", s.Index)
		}
		return nil, nil
	default:
		return nil, s.strange(d)
	}
	if b.Type == "" {
		b.Type = blockTypes[d.Type]
	}
	if d.PartialJSON == "" && len(d.Input) > 0 {
		d.PartialJSON = inputText(d.Input)
	}
	if d.Signature != "" {
		b.signature = append(b.signature, d.Signature)
	}
	if d.Citation != nil {
		b.Citations = append(b.Citations, d.Citation)
	}
	if b.Type == "thinking" {
		d.Thinking = b.more(d.Thinking)
	} else {
		d.Text = b.more(d.Text)
	}
	if d.PartialJSON != "" && !b.takesInput() {
		return nil, llm.Errorf(llm.BadResponse, "a piece of a call's input belongs to content[%d], which is no call", s.Index)
	}
	m := wire.JoinDeltas(s.think(d.Thinking), s.say(d.Text))
	if m = wire.JoinDeltas(m, s.argue(d.PartialJSON)); m == nil && d.more {
		return nil, s.strange(d)
	}
	return m, nil
}

// more is what a piece adds to the text that its block began with: the format's
// own server begins with none, others with the first piece or with all of it,
// and say that again in their deltas.
func (b *openBlock) more(piece llm.Piece) llm.Piece {
	text, ahead := string(piece), b.begun[b.repeated:]
	switch {
	case ahead == "" || text == "":
		return piece
	case len(text) < len(ahead) && strings.HasPrefix(ahead, text):
		b.repeated += len(text)
		return ""
	case strings.HasPrefix(text, ahead):
		text = text[len(ahead):]
	default: // it goes on
		text = b.begun[:b.repeated] + text
	}
	b.begun, b.repeated = "", 0
	return llm.Piece(text)
}

// inputText is a piece of a call's input under the name of all of it.
func inputText(input json.RawMessage) string {
	if r := readerOf(input); input[0] == '"' {
		return r.Piece()
	}
	return wire.ArgumentsOf(input)
}

// blockTypes are the types of blocks that may begin with a delta: a text or a
// thought needs nothing else.
var blockTypes = map[string]string{"text_delta": "text", "text": "text", "thinking_delta": "thinking", "thinking": "thinking"}

// takesInput tells whether the block is a call, or of a type that is not known.
func (b *openBlock) takesInput() bool {
	switch b.Type {
	case "", "text", "thinking", "redacted_thinking":
		return false
	}
	return true
}

// strange takes a delta of a kind that this package does not know. A block that
// it does not know keeps it; a text or a thought would have a hole.
func (s *stream) strange(d *answerBlock) error {
	b := &s.Block
	switch b.Type {
	case "text", "thinking", "tool_use":
		if failure.TextIn(d.raw) != "" || d.PartialJSON != "" || len(d.Input) > 0 {
			return llm.Errorf(llm.BadResponse, "a delta of content[%d] has the type %s; expected that of a %s", s.Index, shown.Text(d.Type), shown.Text(b.Type))
		}
		return nil
	}
	var fields llm.Extra
	if llm.JSON.Unmarshal(d.raw, &fields) == nil {
		delete(fields, "type")
		b.others = append(b.others, llm.JSONOf(fields))
	}
	return nil
}

// unopened begins a block that a server did not begin. The one before it ends;
// what it still had to say is the delta.
func (s *stream) unopened(index int, delta string) (last *llm.Message, err error) {
	kind := blockTypes[delta]
	if kind == "" {
		return nil, llm.Errorf(llm.BadResponse, "a %s belongs to content[%d], which is not open", shown.Text(delta), index)
	}
	last = s.close()
	s.said = true
	s.Begin(index, openBlock{answerBlock: answerBlock{Type: kind}})
	return last, nil
}

func (s *stream) say(text llm.Piece) *llm.Message {
	if text == "" {
		return nil
	}
	s.Begins = s.Begins || s.Block.said.Size == 0
	s.Block.said.Add(string(text))
	d := s.Delta()
	d.Content = string(text)
	return d
}

func (s *stream) think(text llm.Piece) *llm.Message {
	if text == "" {
		return nil
	}
	s.Block.said.Add(string(text))
	s.Block.thoughts = append(s.Block.thoughts, text)
	return &llm.Message{NullContent: true, ReasoningContent: string(text)}
}

// argue is a piece of a call's input.
func (s *stream) argue(text string) *llm.Message {
	if text == "" {
		return nil
	}
	s.Block.arguments = true
	if s.Block.Type != "tool_use" { // of a server's own tool
		s.Block.input = append(s.Block.input, llm.Piece(text))
		return nil
	}
	return s.Argument(text, s.Block.call, s.IsAnswer(s.Block.Name))
}
