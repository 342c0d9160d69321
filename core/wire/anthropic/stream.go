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
	model string // where the answer names none

	wire.Blocks[openBlock]
	wire.Telling
	usage    usage
	said     bool // a block has begun
	finished bool // a reason has come
	done     bool
}

// newStream reads answers of a model; the input of schemaTool, if that is not
// "", is the answer.
func newStream(model, schemaTool string) *stream {
	return &stream{model: model, Telling: wire.Telling{SchemaTool: schemaTool}}
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
	begun     string            // the text that it began with, until deltas tell whether they repeat it
	repeated  int               // how much of that they have repeated
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
		return s.Piece(s.openIn(&e))
	case "content_block_delta":
		if e.Delta == nil {
			return nil, nil
		}
		return s.Piece(s.add(e.Index, e.Delta))
	case "content_block_stop":
		s.TurnTo(e.Index) // else the block at hand
		rest, err := s.rest(&e)
		return s.Piece(wire.JoinDeltas(rest, s.close()), err)
	case "message_delta":
		return s.end(&e, e.Delta)
	case "message_stop":
		s.done = true
		return s.end(&e, e.Message)
	case "ping":
		return nil, nil
	case "error", "", "message":
		switch {
		case e.Type == "message" && s.said: // MiniMax's says all of it once more
			return s.end(&e, nil)
		case e.Type == "" && wire.SaysNothing(data):
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
	case h.id != s.ID && (s.finished || s.said && s.ID != "" && h.id != ""):
		return nil, llm.Errorf(llm.BadResponse, "another message begins before message_stop")
	}
	s.begin(h)
	return s.Tell(&llm.Message{Role: llm.RoleAssistant, NullContent: true}), nil
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
	c := s.Tell(m)
	if all != nil {
		c.Choices[0].Says(all)
	}
	c.Choices[0].FinishReason, c.Choices[0].Extra = s.Finish(h.reason), choiceExtra(&h)
	c.Usage, c.Extra = s.usage.usage(), extraOf(&h)
	if ends {
		s.finished = true
		c.Choices[0].Delta.Extra = s.Kept.Extra()
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
	return newStream(s.model, s.SchemaTool).whole(content)
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
	s.Begin(index, openBlock{answerBlock: *b, call: s.Calls})
	return wire.JoinDeltas(last, s.beginning(b))
}

// beginning is what the start of the block at hand says.
func (s *stream) beginning(b *answerBlock) *llm.Message {
	switch b.Type {
	case "text":
		s.Block.begun = string(b.Text)
		return s.say(b.Text)
	case "thinking":
		s.Block.begun = string(b.Thinking)
		return s.think(b.Thinking)
	case "tool_use":
		if s.IsAnswer(b.Name) {
			return nil
		}
		return s.Call(b.ID, b.Name)
	case "":
		return nil
	}
	return s.Unseen(nil, slices.Clone(b.raw))
}

// close ends the block: a call without a piece of its input has what it began
// with, or what its end says; else that is what the pieces have to make.
func (s *stream) close() (d *llm.Message) {
	b := &s.Block
	if !s.Open {
		return nil
	}
	s.Open = false
	if half := llm.Piece(b.begun[:b.repeated]); half != "" { // so it was no repetition
		if b.begun = ""; b.Type == "text" {
			d = s.say(half)
		} else {
			d = s.think(half)
		}
	}
	if b.Type == "tool_use" {
		switch {
		case !b.arguments:
			d = s.argue(wire.ArgumentsOf(b.Input))
			b.arguments = false // no piece has come
		case !s.IsAnswer(b.Name):
			s.Again.Add(b.call, b.ID, b.Name, b.Input)
		}
	}
	s.keep()
	return d
}
