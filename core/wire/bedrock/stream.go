package bedrock

import (
	"encoding/json"
	"strings"
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
	blocks  []json.RawMessage // see kept.go
	opaque  bool              // one of them is nothing that the message has anyway
	done    bool
}

// openBlock is the block that deltas add to.
type openBlock struct {
	index     int
	open      bool
	call      string // the id of a call; "" for another block
	schema    bool   // of the tool whose input is the answer
	arguments bool   // a piece of the input has come
	bytes     int    // of its text
	thought   strings.Builder
	thinks    bool
	signature string
	redacted  string
	citations []json.RawMessage
}

// event is any event; its type says which fields count.
type event struct {
	Index int `json:"contentBlockIndex"`
	Start *struct {
		ToolUse *struct {
			ToolUseID string `json:"toolUseId"`
			Name      string `json:"name"`
		} `json:"toolUse"`
	} `json:"start"`
	Delta *delta `json:"delta"`
	head
}

type delta struct {
	Text    llm.Piece `json:"text"`
	ToolUse *struct {
		Input llm.ArgumentsPiece `json:"input"`
	} `json:"toolUse"`
	Reasoning *struct {
		Text      llm.Piece `json:"text"`
		Signature string    `json:"signature"`
		Redacted  string    `json:"redactedContent"`
	} `json:"reasoningContent"`
	Citation json.RawMessage `json:"citation"`
}

// Chunk implements [wire.Stream].
func (s *stream) Chunk(kind string, data []byte) (*llm.Chunk, error) {
	var e event
	if err := llm.JSON.Unmarshal(data, &e); err != nil {
		return nil, llm.Errorf(llm.BadResponse, "the event is not valid JSON: %v", err)
	}
	switch kind {
	case "messageStart":
		s.created = time.Now().Unix() // the API names no time
		return s.chunk(&llm.Message{Role: llm.RoleAssistant, NullContent: true}), nil
	case "contentBlockStart":
		return s.piece(s.start(&e)), nil
	case "contentBlockDelta":
		return s.piece(s.add(&e)), nil
	case "contentBlockStop":
		return s.piece(s.close()), nil
	case "messageStop":
		d := s.close()
		if d == nil {
			d = &llm.Message{NullContent: true}
		}
		d.Extra = s.kept()
		c := s.chunk(d)
		c.Choices[0].FinishReason, c.Choices[0].Extra, c.Extra = s.finish(e.StopReason), choiceExtra(e.StopReason), extraOf(&e.head)
		return c, nil
	case "metadata":
		s.done = true
		c := s.chunk(nil)
		c.Usage, c.Extra = usageOf(e.Usage), extraOf(&e.head)
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
func (s *stream) start(e *event) *llm.Message {
	last := s.close()
	s.block = openBlock{index: e.Index, open: true}
	if e.Start == nil || e.Start.ToolUse == nil {
		return last
	}
	call := e.Start.ToolUse
	if call.Name == s.schemaTool && s.schemaTool != "" {
		s.block.schema = true
		return last
	}
	s.block.call = call.ToolUseID
	d := &llm.Message{NullContent: true}
	if last != nil {
		d = last
	}
	d.ToolCalls = append(d.ToolCalls, llm.ToolCall{Index: s.calls, ID: call.ToolUseID, Type: "function", Function: llm.FunctionCall{Name: call.Name}})
	s.calls++
	return d
}

// add reads a delta.
func (s *stream) add(e *event) (d *llm.Message) {
	if e.Delta == nil {
		return nil
	}
	b := &s.block
	if !b.open || b.index != e.Index {
		last := s.close()
		s.block = openBlock{index: e.Index, open: true}
		if last != nil { // arguments of a call without any: they come first
			more := s.delta(e.Delta)
			if more == nil {
				return last
			}
			last.Content, last.NullContent, last.ReasoningContent = more.Content, more.NullContent, more.ReasoningContent
			return last
		}
	}
	return s.delta(e.Delta)
}

func (s *stream) delta(d *delta) *llm.Message {
	b := &s.block
	switch {
	case d.Text != "":
		b.bytes += len(d.Text)
		return &llm.Message{Content: string(d.Text)}
	case d.ToolUse != nil:
		return s.argue(string(d.ToolUse.Input))
	case d.Reasoning != nil:
		b.thinks = true
		b.signature += d.Reasoning.Signature
		b.redacted += d.Reasoning.Redacted
		if d.Reasoning.Text == "" {
			return nil
		}
		b.thought.WriteString(string(d.Reasoning.Text))
		return &llm.Message{NullContent: true, ReasoningContent: string(d.Reasoning.Text)}
	case wire.IsThere(d.Citation):
		b.citations = append(b.citations, append(json.RawMessage(nil), d.Citation...))
	}
	return nil
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
func (s *stream) close() *llm.Message {
	b := &s.block
	if !b.open {
		return nil
	}
	b.open = false
	switch {
	case b.call != "":
		s.put(map[string]any{"call": b.call}, true)
		if !b.arguments {
			return s.argue("{}")
		}
	case b.thinks:
		s.opaque = true
		s.put(reasoning(b), true)
	case len(b.citations) > 0:
		s.opaque = true
		s.put(map[string]any{"text_bytes": b.bytes, "citations": b.citations}, b.bytes > 0)
	default:
		s.put(map[string]any{"text_bytes": b.bytes}, b.bytes > 0)
	}
	return nil
}

// reasoning is a thought as a whole answer has it.
func reasoning(b *openBlock) any {
	if b.redacted != "" {
		return map[string]any{"reasoningContent": map[string]any{"redactedContent": b.redacted}}
	}
	text := map[string]any{"text": b.thought.String()}
	if b.signature != "" {
		text["signature"] = b.signature
	}
	return map[string]any{"reasoningContent": map[string]any{"reasoningText": text}}
}

// put notes a block, where it says something.
func (s *stream) put(entry any, says bool) {
	if !says {
		return
	}
	raw, err := llm.JSON.Marshal(entry)
	if err == nil { // texts, numbers and JSON can always be written
		s.blocks = append(s.blocks, raw)
	}
}

// kept is "extra_content" for the message; nil where chat completions have a
// place for all of it.
func (s *stream) kept() llm.Extra {
	if !s.opaque {
		return nil
	}
	var kept keptContent
	kept.Bedrock.Content = s.blocks
	raw, err := llm.JSON.Marshal(&kept)
	if err != nil {
		return nil
	}
	return llm.Extra{"extra_content": raw}
}
