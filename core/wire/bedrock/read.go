package bedrock

import (
	"cmp"
	"encoding/json"
	"strings"

	"github.com/llmagg/llmagg/core/failure"
	"github.com/llmagg/llmagg/core/internal/jsontext"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/wire"
)

// This file walks the JSON of answers and of events. Raw values stand in their
// bytes.

// head is what an answer says beside its content.
type head struct {
	reason string
	usage  *llm.Usage
	extra  llm.Extra // what chat completions have no place for
}

// field reads the field at hand, or passes over it.
func (h *head) field(r *jsontext.Reader) {
	switch string(r.Key) {
	case "stopReason":
		h.reason = r.WordLike("end_turn")
	case "usage", "usageMetadata", "usage_metadata":
		h.usage = cmp.Or(usageIn(r), h.usage)
	case "metrics", "trace", "additionalModelResponseFields", "serviceTier":
		if r.Next() != 'n' {
			jsontext.KeepField(r, string(r.Key), &h.extra)
		}
	default:
		wire.Other(r)
	}
}

// answerBlock is one block of a whole answer.
type answerBlock struct {
	raw       json.RawMessage
	text      llm.Piece
	call      *call
	isText    bool
	thinks    bool
	thought   thought
	cited     bool
	texts     []llm.Piece
	citations json.RawMessage
}

// call is a call, or the beginning of one.
type call struct {
	id, name string
	kind     string // "" for a call that the application answers
	input    json.RawMessage
}

// blockIn reads the block that comes next.
func blockIn(r *jsontext.Reader) (b answerBlock) {
	r.Next()
	from := r.Pos
	for more := wire.Object(r); more; more = r.NextField() {
		there := r.Next() != 'n'
		switch string(r.Key) {
		case "text":
			b.isText, b.text = there, wire.Piece(r)
		case "toolUse":
			b.call = callIn(r)
		case "reasoningContent":
			b.thinks = there
			b.thought.read(r)
		case "citationsContent":
			b.cited = there
			b.citedIn(r)
		case "type":
			if kind := r.Text(); kind == "tool_use" || kind == "function" {
				r.Stop(r.Fail("a call in the form of another format stands here; expected toolUse"))
			}
		}
	}
	b.raw = wire.Since(r, from)
	return b
}

// callIn reads a call; nil for null.
func callIn(r *jsontext.Reader) *call {
	if r.Next() == 'n' {
		return nil
	}
	c := &call{}
	for more := wire.Object(r); more; more = r.NextField() {
		switch string(r.Key) {
		case "input", "arguments":
			c.input = wire.Span(r)
		default:
			c.field(r)
		}
	}
	return c
}

// field reads what a call and a piece of one have alike.
func (c *call) field(r *jsontext.Reader) {
	switch string(r.Key) {
	case "toolUseId":
		c.id = wire.ID(r)
	case "name":
		c.name = wire.Text(r)
	case "type": // "server_tool_use", or that of other formats
		if kind := wire.Text(r); kind != "tool_use" && kind != "function" {
			c.kind = kind
		}
	}
}

// begunCall is the call that the start of a block begins; nil for none.
func begunCall(start json.RawMessage) (c *call, err error) {
	if start == nil {
		return nil, nil
	}
	r := wire.AnswerReader(start)
	for more := wire.Object(&r); more; more = r.NextField() {
		if string(r.Key) == "toolUse" {
			c = callIn(&r)
		}
	}
	return c, r.End()
}

func (b *answerBlock) citedIn(r *jsontext.Reader) {
	for more := wire.Object(r); more; more = r.NextField() {
		switch string(r.Key) {
		case "content":
			for more := r.List(); more; more = r.NextItem() {
				text := llm.Piece("")
				for more := wire.Object(r); more; more = r.NextField() {
					if string(r.Key) == "text" {
						text = wire.Piece(r)
					}
				}
				b.texts = append(b.texts, text)
			}
		case "citations":
			b.citations = wire.Span(r)
		}
	}
}

// event is any event; its type says which fields count.
type event struct {
	index int
	start json.RawMessage
	delta delta
	call  *call           // one that is said once more at its end
	all   json.RawMessage // the content of a message, where only its blocks should have it
	text  json.RawMessage // one that stands in the event itself
	head
}

// misplaced is the field of a text in an event of a kind that has none, of
// which it would be missing in the answer; "" for none.
func (e *event) misplaced(kind string) string {
	switch kind {
	case "messageStart", "contentBlockStop", "metadata":
		if wire.HasText(e.all) {
			return "content"
		}
	case "contentBlockStart", "contentBlockDelta", "messageStop":
	default:
		return ""
	}
	switch {
	case len(e.text) > len(`""`):
		return "text"
	case kind != "contentBlockDelta" && wire.HasText(e.delta.raw):
		return "delta"
	}
	return ""
}

func isKind(name string) bool {
	switch name {
	case "messageStart", "contentBlockStart", "contentBlockDelta", "contentBlockStop", "messageStop", "metadata":
		return true
	}
	return false
}

// isException tells whether an event of this name is a failure, as the API
// calls them.
func isException(name string) bool { return strings.HasSuffix(name, "Exception") }

// exceptionIn is the failure that an event of such a name is, which may stand
// in a field of that name.
func exceptionIn(kind string, data []byte) error {
	var fields llm.Extra
	if llm.JSON.Unmarshal(data, &fields) != nil {
		return nil
	}
	if inside := fields[kind]; inside != nil {
		return exceptionIn(kind, inside)
	}
	if fields == nil {
		fields = llm.Extra{}
	}
	fields["__type"] = jsontext.AppendText(nil, kind)
	if e := failure.Of(llm.JSONOf(fields)); e != nil {
		return e
	}
	return nil
}

// kindIn is the kind that an event names as its field, as SDKs show events;
// "" for none.
func kindIn(data []byte) (kind string) {
	r := wire.AnswerReader(data)
	if r.Next() != '{' {
		return ""
	}
	for more := r.Object(); more; more = r.NextField() {
		name := string(r.Key)
		if r.Next() != 'n' && (isKind(name) || isException(name)) {
			kind = name
		}
	}
	return kind
}

// delta is a piece of a block. Its texts may begin or end inside a character.
type delta struct {
	raw      json.RawMessage // nil for none
	text     llm.Piece
	calls    bool // it is one of a call
	call     call // its beginning, where a server puts it there
	input    string
	thinks   bool
	thought  thought
	citation json.RawMessage
}

// readEvent reads an event of a kind; at is the block that it is about if it
// does not say so.
func readEvent(kind string, data []byte, at int) (e event, err error) {
	e.index = at
	r := wire.AnswerReader(data)
	r.Halves = true
	e.read(&r, kind)
	return e, r.End()
}

// read reads the object that comes next. Gateways put a second one around it,
// as SDKs show it: the event's kind is its only field.
func (e *event) read(r *jsontext.Reader, kind string) {
	for more := wire.Object(r); more; more = r.NextField() {
		switch string(r.Key) {
		case "contentBlockIndex":
			e.index = r.Index(e.index)
		case "start":
			e.start = wire.Span(r)
		case "delta":
			e.delta.read(r)
		case "content":
			e.all = wire.Span(r)
		case "text":
			e.text = wire.Span(r)
		case "toolUse":
			e.call = callIn(r)
		case kind, "message", "output": // a message around it, too
			if r.Next() == '{' {
				e.read(r, "")
			}
		default:
			e.head.field(r)
		}
	}
}

func (d *delta) read(r *jsontext.Reader) {
	if r.Next() == 'n' {
		return
	}
	from := r.Pos
	for more := wire.Object(r); more; more = r.NextField() {
		there := r.Next() != 'n'
		switch string(r.Key) {
		case "text":
			d.text = wire.Piece(r)
		case "toolUse":
			d.calls = there
			for more := wire.Object(r); more; more = r.NextField() {
				switch string(r.Key) {
				case "input", "arguments":
					d.input = wire.ArgumentsPiece(r)
				default:
					d.call.field(r)
				}
			}
		case "reasoningContent":
			d.thinks = there
			d.thought.read(r)
		case "citation":
			d.citation = wire.Span(r)
		}
	}
	d.raw = wire.Since(r, from)
}

// thought is a thought, or a piece of one.
type thought struct {
	text      llm.Piece
	signature string
	redacted  string
}

// read reads what comes next. A whole answer has a text and its signature one
// level deeper than a delta; servers that copy the format mix the two.
func (t *thought) read(r *jsontext.Reader) {
	for more := wire.Object(r); more; more = r.NextField() {
		switch string(r.Key) {
		case "reasoningText":
			if r.Next() == '"' {
				t.text += wire.Piece(r)
			} else {
				t.read(r)
			}
		case "text":
			t.text += wire.Piece(r)
		case "signature":
			t.signature = wire.Text(r)
		case "redactedContent":
			t.redacted = wire.Text(r)
		}
	}
}
