package anthropic

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"

	"github.com/llmagg/llmagg/core/failure"
	"github.com/llmagg/llmagg/core/internal/jsontext"
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
	again         wire.Repeats
	said          bool // a block has begun
	told          bool // a delta has told of a block that nothing else shows
	begins        bool // the text at hand is the first of its block
	finished      bool // a reason has come
	done          bool
}

// openBlock is the block that deltas add to, as it began.
type openBlock struct {
	answerBlock
	call      int            // its number among the calls
	said      jsontext.Tally // of its text, or its thought
	thoughts  []llm.Piece
	signature []string          // its pieces
	input     []llm.Piece       // of a server's own tool
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
	e, err := readEvent(data, kind, s.Index)
	if err != nil {
		return nil, llm.Errorf(llm.BadResponse, "the event is not valid JSON: %v", err)
	}
	if e.Type == "" {
		e.Type = kind
	}
	if name := e.misplaced(); name != "" && (strings.HasPrefix(e.Type, "content_block_") || e.Type == "message_delta") {
		return nil, llm.Errorf(llm.BadResponse, "%s has a text in %q; expected it in its block or its delta", e.Type, name)
	}
	switch e.Type {
	case "message_start":
		return s.start(&e)
	case "content_block_start":
		return s.piece(s.openIn(&e))
	case "content_block_delta":
		if e.Delta == nil {
			return nil, nil
		}
		return s.piece(s.add(e.Index, e.Delta))
	case "content_block_stop":
		s.TurnTo(e.Index) // else the block at hand
		rest, err := s.rest(&e)
		return s.piece(wire.JoinDeltas(rest, s.close()), err)
	case "message_delta":
		return s.end(&e, e.Delta)
	case "message_stop":
		s.done = true
		return s.end(&e, e.Message)
	case "ping":
		return nil, nil
	case "error", "", "message":
		if e.Type == "" && wire.SaysNothing(data) {
			return nil, nil
		}
		return nil, llm.Errorf(llm.BadResponse, "the event is no event of a message")
	}
	return nil, wire.UnknownEvent(data) // new kinds of events may come ("Versions")
}

// Complete implements [wire.Stream].
func (s *stream) Complete() bool { return s.done }

// Mark implements [wire.Marker].
func (s *stream) Mark() string { return "message_stop" }

// start reads message_start. After a piece of the answer it begins another
// answer, unless it is repeated.
func (s *stream) start(e *event) (*llm.Chunk, error) {
	h := &head{}
	switch {
	case e.Message != nil:
		inside, err := headOf(e.Message)
		if h = &inside; err != nil {
			return nil, llm.Errorf(llm.BadResponse, "the message of message_start cannot be read: %v", err)
		}
	case e.beside != nil:
		h = e.beside
	}
	switch {
	case h.content != nil && wire.HasText(h.content):
		return nil, llm.Errorf(llm.BadResponse, "the message of message_start has a text already; expected it in events of blocks")
	case h.id != s.id && (s.finished || s.said && s.id != "" && h.id != ""):
		return nil, llm.Errorf(llm.BadResponse, "another message begins before message_stop")
	}
	s.begin(h)
	return s.chunk(&llm.Message{Role: llm.RoleAssistant, NullContent: true}), nil
}

func (s *stream) piece(d *llm.Message, err error) (*llm.Chunk, error) {
	switch {
	case err != nil || d == nil && s.again == nil:
		return nil, err
	case d == nil:
		d = &llm.Message{NullContent: true}
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
	s.again.Into(&c.Choices[0])
	return c
}

// end reads message_delta, with the reason and the numbers, which are sums, or
// message_stop, where other servers put them. inside is what it is about.
func (s *stream) end(e *event, inside json.RawMessage) (*llm.Chunk, error) {
	h, err := e.ending(inside)
	if err != nil {
		return nil, llm.Errorf(llm.BadResponse, "%s cannot be read: %v", e.Type, err)
	}
	if e.beside != nil {
		s.usage.add(e.beside.usage)
	}
	s.usage.add(h.usage)
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
	ends := h.reason != "" || s.done && !s.finished
	if ends {
		m = wire.JoinDeltas(m, s.EndAll(s.close))
	}
	switch {
	case s.done && !ends && h.usage == nil && all == nil:
		return nil, nil
	case m == nil:
		m = &llm.Message{NullContent: true}
	}
	c := s.chunk(m)
	if all != nil {
		c.Choices[0].Says(all)
	}
	c.Choices[0].FinishReason, c.Choices[0].Extra = s.finish(&h), choiceExtra(&h)
	c.Usage, c.Extra = s.usage.usage(), extraOf(&h)
	if ends {
		s.finished = true
		c.Choices[0].Delta.Extra = s.kept.Extra()
	}
	return c, nil
}

// rest is what of a block has not come in pieces where a server says all of it
// once more at its end. The input of a call is what [stream.close] takes.
func (s *stream) rest(e *event) (*llm.Message, error) {
	b := &s.Block
	all := answerBlock{Type: b.Type, Input: e.Input}
	switch {
	case !s.Open:
		return nil, nil
	case e.Block != nil:
		var err error
		if all, err = readBlock(slices.Clone(e.Block), "text"); err != nil || all.Type != b.Type {
			return nil, nil
		}
	case len(e.Text) > 0 && e.Text[0] == '"':
		r := readerOf(e.Text)
		all.Text = wire.Piece(&r)
	}
	if !b.pieces && len(all.raw) > len(b.raw) {
		b.raw = all.raw
	}
	if b.signature == nil {
		b.Signature = cmp.Or(b.Signature, all.Signature)
	}
	if len(b.Citations) == 0 {
		b.Citations = all.Citations
	}
	if wire.ArgumentsOf(all.Input) != "{}" {
		b.Input = slices.Clone(all.Input)
	}
	if all.Name != "" && all.Name != b.Name {
		return nil, failure.OfDifference()
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

// openIn begins the block of content_block_start, which may not say what it is.
func (s *stream) openIn(e *event) (*llm.Message, error) {
	var b answerBlock
	if e.Block != nil {
		var err error
		if b, err = readBlock(slices.Clone(e.Block), "text"); err != nil { // the event's bytes are used again
			return nil, unreadBlock(e.Index, err)
		}
	}
	if b.isOdd() {
		return nil, unreadBlock(e.Index, errNoType)
	}
	return s.open(e.Index, &b), nil
}

// open begins a block. Servers may put its whole content there.
func (s *stream) open(index int, b *answerBlock) *llm.Message {
	var last *llm.Message
	if s.TurnTo(index) { // without an end, and its number is used again
		if b.ID != "" && b.ID == s.Block.ID && !s.Block.pieces { // so is its beginning
			return nil
		}
		last = s.close()
	}
	s.said = true
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

// close ends the block: a call without a piece of its input has what it began
// with, or what its end says; else that is what the pieces have to make.
func (s *stream) close() (d *llm.Message) {
	b := &s.Block
	if !s.Open {
		return nil
	}
	s.Open = false
	if b.Type == "tool_use" {
		switch {
		case !b.arguments:
			d = s.argue(wire.ArgumentsOf(b.Input))
			b.arguments = false // no piece has come
		case b.Name != s.schemaTool || s.schemaTool == "":
			s.again.Add(b.call, b.ID, b.Name, b.Input)
		}
	}
	s.keep()
	return d
}
