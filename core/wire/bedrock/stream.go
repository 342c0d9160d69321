package bedrock

import (
	"cmp"
	"encoding/json"
	"slices"
	"time"

	"github.com/llmagg/llmagg/core/failure"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/wire"
)

// stream reads the events of one answer (API reference, "ConverseStream"), and
// keeps the blocks of a whole one. One goroutine uses it.
type stream struct {
	wire.Blocks[openBlock]
	wire.Telling
	stopped bool // the message has
	counted bool // its metadata has come, which some gateways send first
}

func newStream(c *wire.Call) *stream {
	return &stream{Telling: wire.Telling{Model: c.Model, SchemaTool: wire.SchemaTool(c, forcesSchema), Kept: wire.Kept{Owner: owner + "/" + c.Model}}}
}

// openBlock is the block that deltas add to.
type openBlock struct {
	called    bool
	call      string          // the id of a call, if it has one
	name      string          // of its function
	input     json.RawMessage // of a call, all of it, where its start or its end says it
	number    int             // among the calls
	schema    bool            // of the tool whose input is the answer
	server    bool            // a call of a server's own tool
	arguments bool            // a piece of the input has come
	bytes     int             // of its text
	thinks    bool
	thoughts  []llm.Piece
	signature []string
	redacted  bool
	citations []json.RawMessage
	others    []json.RawMessage // pieces that this package does not know
}

// Chunk implements [wire.Stream].
func (s *stream) Chunk(kind string, data []byte) (*llm.Chunk, error) {
	if kind == "" || kind == "message" { // SSE's own
		kind = kindIn(data)
	}
	if isException(kind) {
		if e := exceptionIn(kind, data); e != nil {
			return nil, e
		}
	}
	e, err := readEvent(kind, data, s.Index)
	if err != nil && kind != "" && !isKind(kind) {
		return nil, wire.UnknownEvent(data)
	}
	if err != nil {
		return nil, llm.Errorf(llm.BadResponse, "the event is not valid JSON: %v", err)
	}
	if name := e.misplaced(kind); name != "" {
		return nil, llm.Errorf(llm.BadResponse, "%s has a text in %q; expected it in events of blocks", kind, name)
	}
	switch kind {
	case "messageStart":
		if s.stopped {
			return nil, llm.Errorf(llm.BadResponse, "another message begins behind messageStop")
		}
		s.Created = time.Now().Unix() // the API names no time
		return s.Tell(&llm.Message{Role: llm.RoleAssistant, NullContent: true}), nil
	case "contentBlockStart":
		return s.start(&e)
	case "contentBlockDelta":
		return s.Piece(s.add(&e))
	case "contentBlockStop":
		if !s.TurnTo(e.index) { // it has ended, or has not begun
			return nil, nil
		}
		if e.call != nil && wire.ArgumentsOf(e.call.input) != "{}" {
			s.Block.input = slices.Clone(e.call.input)
		}
		return s.Piece(s.close(), nil)
	case "messageStop":
		return s.stop(&e)
	case "metadata":
		s.counted = true
		c := s.Tell(nil)
		c.Usage, c.Extra = e.usage, e.extra
		if c.Usage == nil && c.Extra == nil {
			return nil, nil
		}
		return c, nil
	case "":
		if wire.SaysNothing(data) {
			return nil, nil
		}
		return nil, llm.Errorf(llm.BadResponse, "the event is no event of a message")
	}
	return nil, wire.UnknownEvent(data) // new kinds of events may come
}

// stop reads messageStop.
func (s *stream) stop(e *event) (*llm.Chunk, error) {
	d := s.EndAll(s.close)
	d.Extra = s.Kept.Extra()
	s.stopped = true
	all, err := s.all(e.all)
	if err != nil {
		return nil, err
	}
	c := s.Tell(d)
	if all != nil {
		c.Choices[0].Says(all)
	}
	c.Choices[0].FinishReason, c.Choices[0].Extra, c.Usage, c.Extra = s.Finish(e.reason), wire.FinishExtra(e.reason), e.usage, e.extra
	return c, nil
}

// all is the content of messageStop, where servers say once more what came in
// blocks, or what did not; nil for none.
func (s *stream) all(content json.RawMessage) (*llm.Message, error) {
	if content == nil || string(content) == "[]" {
		return nil, nil
	}
	once := answer{stream: &stream{Telling: wire.Telling{SchemaTool: s.SchemaTool}}, message: llm.Message{NullContent: true}}
	r := wire.AnswerReader(content)
	if once.blocks(&r); r.Err != nil {
		return nil, llm.Errorf(llm.BadResponse, "the content of messageStop cannot be read: %v", r.Err)
	}
	return once.whole(), nil
}

// Complete implements [wire.Stream].
func (s *stream) Complete() bool { return s.stopped && s.counted }

// Mark implements [wire.Marker].
func (s *stream) Mark() string {
	if s.stopped {
		return "metadata"
	}
	return "messageStop"
}

// start begins a block; texts and thoughts are begun by their first delta, and
// by servers that copy the format here.
func (s *stream) start(e *event) (*llm.Chunk, error) {
	begun, err := begunCall(e.start)
	if err != nil {
		return nil, llm.Errorf(llm.BadResponse, "the start of content[%d] cannot be read: %v", e.index, err)
	}
	var d *llm.Message
	if s.TurnTo(e.index) { // without an end, and its number is used again
		if b := &s.Block; begun != nil && begun.id != "" && begun.id == b.call && !b.arguments { // so is its beginning
			return nil, nil
		}
		d = s.close()
	}
	s.Begin(e.index, openBlock{})
	if !wire.IsThere(e.start) || string(e.start) == "{}" {
		return s.Piece(d, nil)
	}
	var first delta
	r := wire.AnswerReader(e.start)
	first.read(&r)
	first.calls = false
	if begun != nil && begun.kind == "" {
		d = s.call(d, begun)
	} else {
		s.Block.server = begun != nil // a call of a server's own tool
		if first.text == "" && first.thought == (thought{}) {
			return s.Piece(s.other(d, slices.Clone(e.start)), nil)
		}
	}
	if first.text == "" && first.thought == (thought{}) {
		return s.Piece(d, nil)
	}
	more, err := s.delta(&first)
	return s.Piece(wire.JoinDeltas(d, more), err)
}

// call begins a call; d is a delta that is sent anyway.
func (s *stream) call(d *llm.Message, begun *call) *llm.Message {
	b := &s.Block
	if s.IsAnswer(begun.name) {
		b.schema = true
		return d
	}
	b.called, b.call, b.name, b.input, b.number = true, begun.id, begun.name, slices.Clone(begun.input), s.Calls
	return wire.JoinDeltas(d, s.Call(begun.id, begun.name))
}

// add reads a delta.
func (s *stream) add(e *event) (*llm.Message, error) {
	if e.delta.raw == nil {
		return nil, nil
	}
	if !s.TurnTo(e.index) {
		if b := &s.Block; e.delta.input != "" && e.delta.call.id == "" && s.Index == e.index && b.arguments {
			return s.argue(e.delta.input), nil // the end came before the last pieces
		}
		s.Begin(e.index, openBlock{})
	}
	return s.delta(&e.delta)
}

// delta adds a piece to the block at hand: of all kinds that stand in it, since
// servers put several there, and write those that they have not as empty ones.
func (s *stream) delta(d *delta) (m *llm.Message, err error) {
	b := &s.Block
	if d.text != "" {
		s.Begins = s.Begins || b.bytes == 0
		b.bytes += len(d.text)
		m = s.Delta()
		m.Content = string(d.text)
	}
	if d.thinks && (m == nil || d.thought != thought{}) {
		m = wire.JoinDeltas(s.think(d), m)
	}
	if d.calls && !b.server && (m == nil || d.input != "" || d.call.name != "") {
		of, err := s.pieceOfCall(d)
		if err != nil {
			return nil, err
		}
		m = wire.JoinDeltas(m, of)
	}
	if wire.IsThere(d.citation) {
		b.citations = append(b.citations, slices.Clone(d.citation))
		return m, nil
	}
	if m != nil || d.thinks || d.calls && !b.server {
		return m, nil
	}
	raw := d.unknown()
	if failure.TextIn(raw) != "" {
		return nil, llm.Errorf(llm.BadResponse, "a delta of content[%d] has a text in a form that cannot be read", s.Index)
	}
	return s.other(nil, raw), nil
}

// pieceOfCall reads a piece of a call, which begins it where the block's start
// did not.
func (s *stream) pieceOfCall(d *delta) (m *llm.Message, err error) {
	b := &s.Block
	if b.called && d.call.name != "" && d.call.id != "" && d.call.id != b.call { // a call without a block of its own
		m = s.close()
		s.Begin(s.Index, openBlock{})
	}
	if !b.called && !b.schema {
		switch {
		case d.call.name != "":
			m = s.call(m, &d.call)
		case d.input != "":
			return nil, llm.Errorf(llm.BadResponse, "a piece of a call's input belongs to content[%d], which is no call", s.Index)
		}
	}
	input := s.argue(d.input)
	if m == nil || input == nil {
		return cmp.Or(m, input), nil
	}
	m.ToolCalls[len(m.ToolCalls)-1].Function.Arguments = d.input
	return m, nil
}

// think is a piece of a thought.
func (s *stream) think(d *delta) (m *llm.Message) {
	b := &s.Block
	t := &d.thought
	if *t == (thought{}) {
		raw := d.unknown()
		b.thinks = b.thinks || raw != nil
		return s.other(nil, raw)
	}
	b.thinks = true
	if t.signature != "" {
		b.signature = append(b.signature, t.signature)
	}
	if t.text != "" {
		b.thoughts = append(b.thoughts, t.text)
		m = &llm.Message{NullContent: true, ReasoningContent: string(t.text)}
	}
	if t.redacted != "" {
		b.redacted = true
		return s.other(m, llm.JSONOf(map[string]any{"reasoningContent": map[string]string{"redactedContent": t.redacted}}))
	}
	return m
}

// argue is a piece of a call's input.
func (s *stream) argue(text string) *llm.Message {
	if text == "" || !s.Block.called && !s.Block.schema {
		return nil
	}
	s.Block.arguments = true
	return s.Argument(text, s.Block.number, s.Block.schema)
}

// close ends the block: a call without a piece of its input has what its start
// or its end says; else that is what the pieces have to make.
func (s *stream) close() (d *llm.Message) {
	b := &s.Block
	if !s.Open {
		return nil
	}
	s.Open = false
	switch {
	case !b.arguments:
		d = s.argue(wire.ArgumentsOf(b.input))
		b.arguments = false // no piece has come
	case b.called:
		s.Again.Add(b.number, b.call, b.name, b.input)
	}
	s.keep()
	return d
}
