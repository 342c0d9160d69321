package bedrock

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/llmagg/llmagg/core/internal/jsontext"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/wire"
)

// Response reads a whole answer (API reference, "Converse").
func (w *format) Response(data []byte, c *wire.Call) (*llm.Response, error) {
	a := answer{stream: newStream(c), message: llm.Message{Role: llm.RoleAssistant, NullContent: true}}
	r := wire.AnswerReader(data)
	for more := wire.Object(&r); more; more = r.NextField() {
		if string(r.Key) == "output" {
			a.output(&r)
		} else {
			a.field(&r)
		}
	}
	if err := r.End(); err != nil {
		return nil, llm.Errorf(llm.BadResponse, "the answer is not the JSON of a message (%d bytes): %v", len(data), err)
	}
	if !a.there || !a.content && a.reason == "" {
		return nil, llm.Errorf(llm.BadResponse, "the answer has no output.message; expected an answer of Converse")
	}
	m := a.whole()
	m.Extra = a.Kept.Extra()
	whole := llm.NewResponse(llm.Choice{Message: *m, FinishReason: a.Finish(a.reason), Extra: wire.FinishExtra(a.reason)})
	whole.Created, whole.Model, whole.Usage, whole.Extra = time.Now().Unix(), c.Model, a.usage, a.extra
	return whole, nil
}

// answer is a whole answer as far as it is read.
type answer struct {
	*stream
	head
	message         llm.Message
	texts, thoughts []llm.Piece
	there, content  bool // there is a message, and it has content
}

// whole is the message that was read.
func (a *answer) whole() *llm.Message {
	a.message.Content, a.message.ReasoningContent = llm.JoinPieces(a.texts), llm.JoinPieces(a.thoughts)
	return &a.message
}

// output reads the output of an answer.
func (a *answer) output(r *jsontext.Reader) {
	for more := wire.Object(r); more; more = r.NextField() {
		if string(r.Key) != "message" {
			continue
		}
		a.there = r.Next() == '{'
		for more := wire.Object(r); more; more = r.NextField() {
			if string(r.Key) != "content" {
				continue
			}
			if a.content {
				r.Stop(r.Fail("the content stands here for the second time"))
				continue
			}
			first := r.Next()
			if a.content = first == '[' || first == '{' || first == '"'; first == '"' { // of gateways that translate
				a.say(nil, wire.Piece(r))
				continue
			}
			a.blocks(r)
		}
	}
}

// blocks reads the content that comes next.
func (a *answer) blocks(r *jsontext.Reader) {
	for more := r.List(); more; more = r.NextItem() {
		if r.Next() == '"' {
			a.say(nil, wire.Piece(r))
			continue
		}
		b := blockIn(r)
		if err := a.add(&b); err != nil {
			r.Stop(err)
		}
	}
}

// add adds a block: all that stands in it, since servers write the kinds that a
// block has not as empty ones. One that nobody knows may have no text beside it
// that is lost.
func (a *answer) add(b *answerBlock) error {
	alone := !b.isText && b.call == nil && !b.cited
	known := b.isText || b.thinks || b.cited
	if b.thinks && (alone || b.thought != thought{}) {
		a.think(b, alone)
	}
	if b.text != "" {
		a.say(nil, b.text)
	}
	if b.cited {
		a.say(b.citations, b.texts...)
	}
	if c := b.call; c != nil && c.kind == "" {
		known = true
		a.make(c)
	}
	if known {
		return nil
	}
	a.keepOther(slices.Clone(b.raw))
	return wire.UnknownEvent(b.raw)
}

// make adds a call.
func (a *answer) make(c *call) {
	m := &a.message
	if a.IsAnswer(c.name) {
		a.texts = append(a.texts, llm.Piece(wire.ArgumentsOf(c.input)))
		m.NullContent = false
		return
	}
	a.Calls++
	m.ToolCalls = append(m.ToolCalls, llm.ToolCall{Index: -1, ID: c.id, Type: "function",
		Function: llm.FunctionCall{Name: c.name, Arguments: wire.ArgumentsOf(c.input)}})
	a.Kept.Add(llm.AnswerPart{Type: "tool_call", ID: c.id})
}

// think adds a thought, which is kept without what stands beside it.
func (a *answer) think(b *answerBlock, alone bool) {
	p := llm.AnswerPart{Type: "thinking"}
	if b.thought.redacted != "" {
		p.Type = "redacted_thinking"
	}
	a.thoughts = append(a.thoughts, b.thought.text)
	raw := slices.Clone(b.raw)
	if !alone {
		var fields llm.Extra
		if llm.JSON.Unmarshal(raw, &fields) == nil {
			raw = llm.JSONOf(llm.Extra{"reasoningContent": fields["reasoningContent"]})
		}
	}
	a.Kept.Keep(p, raw)
}

// say adds a text, which may have citations.
func (a *answer) say(citations json.RawMessage, texts ...llm.Piece) {
	size := 0
	for _, text := range texts {
		size += len(text)
	}
	if size == 0 {
		return
	}
	a.texts = append(a.texts, texts...)
	a.message.NullContent = false
	p := llm.AnswerPart{Type: "text", Bytes: size}
	if !wire.IsThere(citations) {
		a.Kept.Add(p)
		return
	}
	sizes := make([]int, len(texts))
	for i, text := range texts {
		sizes[i] = len(text)
	}
	a.Kept.Keep(p, citedRaw(citations, sizes...))
}
