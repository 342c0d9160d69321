package bedrock

import (
	"bytes"
	"encoding/json"
	"slices"
	"time"

	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/wire"
)

// stream reads the events of one answer (API reference, "ConverseStream"), and
// keeps the blocks of a whole one. One goroutine uses it.
type stream struct {
	model      string
	schemaTool string // whose input is the answer; "" for none

	created int64 // seconds since the Unix epoch
	calls   int   // so far
	block   openBlock
	kept    wire.Kept // see kept.go
	told    bool      // a delta has told of a block that nothing else shows
	done    bool
}

func newStream(c *wire.Call) *stream {
	return &stream{model: c.Model, schemaTool: schemaToolOf(c), kept: wire.Kept{Owner: owner + "/" + c.Model}}
}

// openBlock is the block that deltas add to.
type openBlock struct {
	index     int
	open      bool
	call      string // the id of a call; "" for another block
	schema    bool   // of the tool whose input is the answer
	server    bool   // a call of a server's own tool
	arguments bool   // a piece of the input has come
	bytes     int    // of its text
	thinks    bool
	thoughts  []llm.Piece
	signature []string
	redacted  []string
	citations []json.RawMessage
	others    []json.RawMessage // pieces that this package does not know
}

// Chunk implements [wire.Stream].
func (s *stream) Chunk(kind string, data []byte) (*llm.Chunk, error) {
	e, err := readEvent(data)
	if err != nil {
		return nil, llm.Errorf(llm.BadResponse, "the event is not valid JSON: %v", err)
	}
	switch kind {
	case "messageStart":
		s.created = time.Now().Unix() // the API names no time
		return s.chunk(&llm.Message{Role: llm.RoleAssistant, NullContent: true}), nil
	case "contentBlockStart":
		return s.start(&e)
	case "contentBlockDelta":
		return s.piece(s.add(&e)), nil
	case "contentBlockStop":
		return s.piece(s.close()), nil
	case "messageStop":
		d := s.close()
		if d == nil {
			d = &llm.Message{NullContent: true}
		}
		d.Extra = s.parts()
		c := s.chunk(d)
		c.Choices[0].FinishReason, c.Choices[0].Extra, c.Extra = s.finish(e.reason), choiceExtra(e.reason), e.extra
		return c, nil
	case "metadata":
		s.done = true
		c := s.chunk(nil)
		c.Usage, c.Extra = e.usage, e.extra
		if c.Usage == nil && c.Extra == nil {
			return nil, nil
		}
		return c, nil
	case "":
		return nil, llm.Errorf(llm.BadResponse, "the event is no event of a message")
	}
	return nil, nil // new kinds of events may come
}

// Complete implements [wire.Stream].
func (s *stream) Complete() bool { return s.done }

func (s *stream) piece(d *llm.Message) *llm.Chunk {
	if d == nil {
		return nil
	}
	return s.chunk(d)
}

// chunk is one with a delta; nil for one without choices.
func (s *stream) chunk(d *llm.Message) *llm.Chunk {
	c := &llm.Chunk{Object: "chat.completion.chunk", Created: s.created, Model: s.model}
	if d != nil {
		c.Choices = []llm.ChunkChoice{{Delta: *d}}
	}
	return c
}

// start begins a block; texts and thoughts are begun by their first delta.
func (s *stream) start(e *event) (*llm.Chunk, error) {
	d := s.close()
	s.block = openBlock{index: e.index, open: true}
	if !wire.IsThere(e.start) || string(e.start) == "{}" {
		return s.piece(d), nil
	}
	begun, err := begunCall(e.start)
	if err != nil {
		return nil, llm.Errorf(llm.BadResponse, "the start of content[%d] cannot be read: %v", e.index, err)
	}
	switch {
	case begun == nil || begun.kind != "": // such as a server's own tool
		s.block.server = begun != nil
		return s.piece(s.other(d, slices.Clone(e.start))), nil
	case begun.name == s.schemaTool && s.schemaTool != "":
		s.block.schema = true
		return s.piece(d), nil
	}
	s.block.call = begun.id
	if d == nil {
		d = &llm.Message{NullContent: true}
	}
	d.ToolCalls = append(d.ToolCalls, llm.ToolCall{Index: s.calls, ID: begun.id, Type: "function", Function: llm.FunctionCall{Name: begun.name}})
	s.calls++
	return s.chunk(d), nil
}

// add reads a delta.
func (s *stream) add(e *event) *llm.Message {
	if e.delta.raw == nil {
		return nil
	}
	b := &s.block
	if !b.open || b.index != e.index {
		last := s.close()
		s.block = openBlock{index: e.index, open: true}
		if last != nil { // arguments of a call without any: they come first
			more := s.delta(&e.delta)
			if more == nil {
				return last
			}
			last.Content, last.NullContent, last.ReasoningContent, last.Extra = more.Content, more.NullContent, more.ReasoningContent, more.Extra
			return last
		}
	}
	return s.delta(&e.delta)
}

func (s *stream) delta(d *delta) *llm.Message {
	b := &s.block
	switch {
	case d.text != "":
		b.bytes += len(d.text)
		return &llm.Message{Content: string(d.text)}
	case d.calls && !b.server:
		return s.argue(d.input)
	case d.thinks:
		return s.think(d)
	case wire.IsThere(d.citation):
		b.citations = append(b.citations, slices.Clone(d.citation))
		return nil
	}
	return s.other(nil, d.unknown())
}

// think is a piece of a thought.
func (s *stream) think(d *delta) (m *llm.Message) {
	b := &s.block
	b.thinks = true
	if d.signature != "" {
		b.signature = append(b.signature, d.signature)
	}
	if d.thought != "" {
		b.thoughts = append(b.thoughts, d.thought)
		m = &llm.Message{NullContent: true, ReasoningContent: string(d.thought)}
	}
	switch {
	case d.redacted != "":
		b.redacted = append(b.redacted, d.redacted)
		return s.unseen(m, jsonOf(map[string]any{"reasoningContent": map[string]string{"redactedContent": d.redacted}}))
	case d.thought == "" && d.signature == "":
		return s.other(nil, d.unknown())
	}
	return m
}

// unknown is the delta as it came; nil if it says nothing.
func (d *delta) unknown() json.RawMessage {
	var fields llm.Extra
	if llm.JSON.Unmarshal(d.raw, &fields) != nil {
		return nil
	}
	delete(fields, "text") // it is empty
	if raw := string(bytes.Join(bytes.Fields(fields["reasoningContent"]), nil)); raw == `{"text":""}` || raw == "{}" {
		delete(fields, "reasoningContent")
	}
	if len(fields) == 0 {
		return nil
	}
	return jsonOf(fields)
}

// other takes a piece that this package does not know. d is a delta that is
// sent anyway.
func (s *stream) other(d *llm.Message, raw json.RawMessage) *llm.Message {
	if raw == nil {
		return d
	}
	s.block.others = append(s.block.others, raw)
	return s.unseen(d, raw)
}

// unseen tells, once, of a block that no other field of a message shows, such
// as the work of a server's own tool, which may take long: it is a first token,
// too. The list at the end replaces the one here.
func (s *stream) unseen(d *llm.Message, raw json.RawMessage) *llm.Message {
	if s.told {
		return d
	}
	s.told = true
	begun := wire.Kept{Owner: s.kept.Owner}
	begun.Keep(llm.AnswerPart{Type: "other"}, raw)
	if d == nil {
		d = &llm.Message{NullContent: true}
	}
	d.Extra = llm.Extra{llm.PartsField: begun.Field()}
	return d
}

// argue is a piece of a call's input.
func (s *stream) argue(text string) *llm.Message {
	if text == "" || s.block.call == "" && !s.block.schema {
		return nil
	}
	s.block.arguments = true
	if s.block.schema {
		return &llm.Message{Content: text}
	}
	return &llm.Message{NullContent: true, ToolCalls: []llm.ToolCall{{Index: s.calls - 1, Function: llm.FunctionCall{Arguments: text}}}}
}

// close ends the block: a call without a piece of its input has none.
func (s *stream) close() (d *llm.Message) {
	b := &s.block
	if !b.open {
		return nil
	}
	b.open = false
	switch {
	case b.server && len(b.others) == 1:
		b.others = append(b.others, json.RawMessage(`{"toolUse":{"input":"{}"}}`))
	case !b.arguments:
		d = s.argue("{}")
	}
	s.keep()
	return d
}
