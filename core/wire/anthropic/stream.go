package anthropic

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"

	"github.com/llmagg/llmagg/core/failure"
	"github.com/llmagg/llmagg/core/internal/jsontext"
	"github.com/llmagg/llmagg/core/internal/shown"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/wire"
)

// stream reads the events of one answer (API reference, "Streaming Messages"),
// and the blocks of a whole one. One goroutine uses it.
type stream struct {
	model      string // where the answer names none
	schemaTool string // whose input is the answer; "" for none

	wire.Blocks[openBlock]
	id, answering string
	created       int64 // seconds since the Unix epoch
	usage         usage
	calls         int       // so far
	kept          wire.Kept // see kept.go
	told          bool      // a delta has told of a block that nothing else shows
	begins        bool      // the text at hand is the first of its block
	finished      bool      // a reason has come
	done          bool
}

// openBlock is the block that deltas add to, as it began.
type openBlock struct {
	answerBlock
	call      int            // its number among the calls
	said      jsontext.Tally // of its text, or its thought
	thought   strings.Builder
	input     strings.Builder   // of a server's own tool
	others    []json.RawMessage // pieces of a block that this package does not know
	arguments bool              // a piece of the input has come
	pieces    bool              // a delta has come
}

// Chunk implements [wire.Stream].
func (s *stream) Chunk(kind string, data []byte) (*llm.Chunk, error) {
	if wire.IsDone(data) { // gateways add it, also where the server behind them broke off
		s.done = s.finished
		return nil, nil
	}
	e, err := readEvent(data, kind)
	if err != nil {
		return nil, llm.Errorf(llm.BadResponse, "the event is not valid JSON: %v", err)
	}
	if e.Type == "" {
		e.Type = kind
	}
	switch e.Type {
	case "message_start":
		h, err := headOf(e.Message)
		if err != nil {
			return nil, llm.Errorf(llm.BadResponse, "message_start has no message")
		}
		if name := failure.TextIn(h.content); name != "" {
			return nil, llm.Errorf(llm.BadResponse, "the message of message_start has a text already; expected it in events of blocks")
		}
		s.begin(&h)
		return s.chunk(&llm.Message{Role: llm.RoleAssistant, NullContent: true}), nil
	case "content_block_start":
		b, err := readBlock(slices.Clone(e.Block), "text") // the event's bytes are used again
		if err != nil {
			return nil, unreadBlock(e.Index, err)
		}
		if b.isOdd() {
			return nil, unreadBlock(e.Index, errNoType)
		}
		return s.piece(s.open(e.Index, &b), nil)
	case "content_block_delta":
		return s.piece(s.add(e.Index, e.Delta))
	case "content_block_stop":
		s.TurnTo(e.Index) // else the block at hand
		rest, err := s.rest(e.Block)
		return s.piece(wire.JoinDeltas(rest, s.close()), err)
	case "message_delta":
		return s.end(&e)
	case "message_stop":
		s.done = true
		return s.once(e.Message)
	case "ping":
		return nil, nil
	case "error", "", "message":
		return nil, llm.Errorf(llm.BadResponse, "the event is no event of a message")
	}
	return nil, wire.UnknownEvent(data) // new kinds of events may come ("Versions")
}

// Complete implements [wire.Stream].
func (s *stream) Complete() bool { return s.done }

func (s *stream) piece(d *llm.Message, err error) (*llm.Chunk, error) {
	if d == nil || err != nil {
		return nil, err
	}
	return s.chunk(d), nil
}

func (s *stream) chunk(d *llm.Message) *llm.Chunk {
	c := &llm.Chunk{ID: s.id, Object: "chat.completion.chunk", Created: s.created, Model: s.answering,
		Choices: []llm.ChunkChoice{{Delta: *d}}}
	if s.begins {
		c.Choices[0].BeginsText()
		s.begins = false
	}
	return c
}

// end reads message_delta: the reason, and the numbers, which are sums.
func (s *stream) end(e *event) (*llm.Chunk, error) {
	h, err := headOf(e.Delta)
	if err != nil && e.Delta != nil {
		return nil, llm.Errorf(llm.BadResponse, "message_delta cannot be read")
	}
	s.usage.add(e.Usage)
	all, err := s.all(h.content)
	if err != nil {
		return nil, err
	}
	var m *llm.Message
	if text, err := readBlock(e.Delta, "text_delta"); err == nil && text.Text != "" { // of a server that puts it here
		if m, err = s.add(s.Index, e.Delta); err != nil {
			return nil, err
		}
	}
	if h.reason != "" {
		m = wire.JoinDeltas(m, s.EndAll(s.close))
	}
	if m == nil {
		m = &llm.Message{NullContent: true}
	}
	c := s.chunk(m)
	if all != nil {
		c.Choices[0].Says(all)
	}
	c.Choices[0].FinishReason, c.Choices[0].Extra = s.finish(&h), choiceExtra(&h)
	c.Usage, c.Extra = s.usage.usage(), extraOf(&h)
	if h.reason != "" {
		s.finished = true
		c.Choices[0].Delta.Extra = s.parts()
	}
	return c, nil
}

// rest is what of a block has not come in pieces where a server says all of it
// once more at its end. The input of a call is what [stream.close] takes.
func (s *stream) rest(whole json.RawMessage) (*llm.Message, error) {
	if whole == nil || !s.Open {
		return nil, nil
	}
	all, err := readBlock(slices.Clone(whole), "text")
	b := &s.Block
	if err != nil || all.Type != b.Type {
		return nil, nil
	}
	if !b.pieces && len(all.raw) > len(b.raw) {
		b.raw = all.raw
	}
	b.Signature = cmp.Or(b.Signature, all.Signature)
	if len(b.Citations) == 0 {
		b.Citations = all.Citations
	}
	if b.Type == "tool_use" && wire.ArgumentsOf(b.Input) == "{}" {
		b.Input = all.Input
	}
	rest, agrees := b.said.Rest(string(all.Text + all.Thinking))
	switch {
	case !agrees:
		return nil, failure.OfDifference()
	case b.Type == "text":
		return s.say(llm.Piece(rest)), nil
	case b.Type == "thinking":
		return s.think(llm.Piece(rest)), nil
	}
	return nil, nil
}

// all is the content of an event that ends the message, where servers say once
// more what came in blocks, or what did not; nil for none.
func (s *stream) all(content json.RawMessage) (*llm.Message, error) {
	if content == nil || string(content) == "[]" {
		return nil, nil
	}
	once := stream{model: s.model, schemaTool: s.schemaTool}
	return once.whole(content)
}

// once reads the message of message_stop, if there is one.
func (s *stream) once(message json.RawMessage) (*llm.Chunk, error) {
	h, err := headOf(message)
	if err != nil {
		return nil, nil // it is no piece
	}
	all, err := s.all(h.content)
	if all == nil {
		return nil, err
	}
	c := s.chunk(&llm.Message{NullContent: true})
	c.Choices[0].Says(all)
	return c, nil
}

// open begins a block. Servers may put its whole content there.
func (s *stream) open(index int, b *answerBlock) *llm.Message {
	var last *llm.Message
	if s.TurnTo(index) { // without an end, and its number is used again
		last = s.close()
	}
	s.Begin(index, openBlock{answerBlock: *b, call: s.calls})
	return wire.JoinDeltas(last, s.beginning(b))
}

// beginning is what the start of the block at hand says.
func (s *stream) beginning(b *answerBlock) *llm.Message {
	switch b.Type {
	case "text":
		return s.say(b.Text)
	case "thinking":
		return s.think(b.Thinking)
	case "tool_use":
		if b.Name == s.schemaTool && s.schemaTool != "" {
			return nil
		}
		call := llm.ToolCall{Index: s.calls, ID: b.ID, Type: "function", Function: llm.FunctionCall{Name: b.Name}}
		s.calls++
		return &llm.Message{NullContent: true, ToolCalls: []llm.ToolCall{call}}
	case "":
		return nil
	}
	return s.unseen()
}

// unseen is the delta of a block that no other field of a message shows, such
// as the work of a server's own tool, which may take long: it is a first token,
// too. The list at the end replaces the one here.
func (s *stream) unseen() *llm.Message {
	if s.told {
		return nil
	}
	s.told = true
	begun := wire.Kept{Owner: s.kept.Owner}
	begun.Keep(llm.AnswerPart{Type: "other"}, slices.Clone(s.Block.raw))
	return &llm.Message{NullContent: true, Extra: llm.Extra{llm.PartsField: begun.Field()}}
}

// add reads a delta.
func (s *stream) add(index int, raw json.RawMessage) (*llm.Message, error) {
	d, err := readBlock(raw, "text_delta")
	if err != nil {
		return nil, llm.Errorf(llm.BadResponse, "a delta of content[%d] cannot be read: %v", index, err)
	}
	var last *llm.Message
	if !s.TurnTo(index) {
		if last, err = s.unopened(index, d.Type); err != nil {
			return nil, err
		}
	}
	m, err := s.delta(&d)
	return wire.JoinDeltas(last, m), err
}

func (s *stream) delta(d *answerBlock) (*llm.Message, error) {
	b := &s.Block
	b.pieces = true
	switch d.Type {
	case "text_delta":
		if d.Text == "" {
			return nil, s.strange(d)
		}
		return s.say(d.Text), nil
	case "thinking_delta":
		return s.think(d.Thinking), nil
	case "signature_delta":
		b.Signature += d.Signature
	case "input_json_delta":
		return s.argue(d.PartialJSON), nil
	case "citations_delta":
		b.Citations = append(b.Citations, d.Citation)
	case "":
		if d.isOdd() {
			return nil, llm.Errorf(llm.BadResponse, "a delta of content[%d] has no type and nothing that can be read", s.Index)
		}
	default:
		return nil, s.strange(d)
	}
	return nil, nil
}

// strange takes a delta of a kind that this package does not know. A block that
// it does not know keeps it; a text or a thought would have a hole.
func (s *stream) strange(d *answerBlock) error {
	b := &s.Block
	switch b.Type {
	case "text", "thinking", "tool_use":
		if failure.TextIn(d.raw) != "" {
			return llm.Errorf(llm.BadResponse, "a delta of content[%d] has the type %s; expected that of a %s", s.Index, shown.Text(d.Type), shown.Text(b.Type))
		}
		return nil
	}
	var fields llm.Extra
	if llm.JSON.Unmarshal(d.raw, &fields) == nil {
		delete(fields, "type")
		b.others = append(b.others, wire.JSONOf(fields))
	}
	return nil
}

// unopened begins a block that a server did not begin: a text or a thought
// needs nothing else. The one before it ends; what it still had to say is the
// delta.
func (s *stream) unopened(index int, delta string) (last *llm.Message, err error) {
	kind := map[string]string{"text_delta": "text", "thinking_delta": "thinking"}[delta]
	if kind == "" {
		return nil, llm.Errorf(llm.BadResponse, "a %s belongs to content[%d], which is not open", shown.Text(delta), index)
	}
	last = s.close()
	s.Begin(index, openBlock{answerBlock: answerBlock{Type: kind}})
	return last, nil
}

func (s *stream) say(text llm.Piece) *llm.Message {
	if text == "" {
		return nil
	}
	s.begins = s.begins || s.Block.said.Size == 0
	s.Block.said.Add(string(text))
	return &llm.Message{Content: string(text)}
}

func (s *stream) think(text llm.Piece) *llm.Message {
	if text == "" {
		return nil
	}
	s.Block.said.Add(string(text))
	s.Block.thought.WriteString(string(text))
	return &llm.Message{NullContent: true, ReasoningContent: string(text)}
}

// argue is a piece of a call's input.
func (s *stream) argue(text string) *llm.Message {
	if text == "" {
		return nil
	}
	s.Block.arguments = true
	switch {
	case s.Block.Type != "tool_use": // of a server's own tool
		s.Block.input.WriteString(text)
		return nil
	case s.Block.Name == s.schemaTool && s.schemaTool != "":
		return &llm.Message{Content: text}
	}
	return &llm.Message{NullContent: true, ToolCalls: []llm.ToolCall{{Index: s.Block.call, Function: llm.FunctionCall{Arguments: text}}}}
}

// close ends the block: a call without a piece of its input has what it began
// with.
func (s *stream) close() (d *llm.Message) {
	b := &s.Block
	if !s.Open {
		return nil
	}
	s.Open = false
	if b.Type == "tool_use" && !b.arguments {
		d = s.argue(wire.ArgumentsOf(b.Input))
	}
	s.keep()
	return d
}
