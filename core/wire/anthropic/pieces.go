package anthropic

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"github.com/llmagg/llmagg/core/failure"
	"github.com/llmagg/llmagg/core/internal/jsontext"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/wire"
)

// event is any event; Type says which fields count. Raw values stand in the
// event's bytes.
type event struct {
	Type    string
	Message json.RawMessage
	Index   int
	Block   json.RawMessage
	Delta   json.RawMessage
	Text    json.RawMessage // of a block that stands in the event itself, as Input
	Input   json.RawMessage
	beside  *head // what a message says that stands there; nil for none
}

// misplaced is the field of a text where events of this kind have none, of
// which it would be missing in the answer; "" for none.
func (e *event) misplaced() string {
	switch {
	case len(e.Text) > len(`""`) && e.Type != "content_block_stop":
		return "text"
	case e.beside != nil && e.beside.content != nil && e.Type != "message_delta" && wire.HasText(e.beside.content):
		return "content"
	case e.Delta != nil && e.Type != "content_block_delta" && e.Type != "message_delta" && wire.HasText(e.Delta):
		return "delta"
	}
	return ""
}

// ending is what the end of a message says: in its delta, or in the message
// itself, and in the event around that, where some servers put it.
func (e *event) ending(inside json.RawMessage) (h head, err error) {
	if len(inside) > 0 && (inside[0] == '{' || e.Type == "message_delta") {
		h, err = headOf(inside)
	}
	if e.beside != nil {
		h.reason = cmp.Or(h.reason, e.beside.reason)
		if h.usage == nil {
			h.usage = e.beside.usage
		}
		if h.content == nil {
			h.content = e.beside.content
		}
	}
	return h, err
}

// answerBlock is one block of an answer, or a delta of one. Raw values stand in
// its bytes.
type answerBlock struct {
	raw         json.RawMessage
	more        bool // it has fields that are not read
	Type        string
	Text        llm.Piece
	Thinking    llm.Piece
	Signature   string
	ID          string
	Name        string
	Input       json.RawMessage
	Caller      json.RawMessage // of a call; nil where it is the model itself
	PartialJSON string
	Citations   []json.RawMessage
	Citation    json.RawMessage
}

func readerOf(data []byte) jsontext.Reader {
	r := wire.AnswerReader(data)
	r.Halves = true
	return r
}

// readEvent reads an event; kind is probably its type, at the block that it is
// about if it does not say so.
func readEvent(data []byte, kind string, at int) (e event, err error) {
	e.Index = at
	r := readerOf(data)
	if r.Next() != '{' {
		return e, r.Fail("expected a JSON object")
	}
	for more := r.Object(); more; more = r.NextField() {
		switch string(r.Key) {
		case "type":
			e.Type = r.TextLike(kind)
		case "index":
			e.Index = r.Index(at)
		case "message":
			e.Message = wire.Span(&r)
		case "content_block":
			e.Block = wire.Span(&r)
		case "delta":
			e.Delta = wire.Span(&r)
		case "text":
			e.Text = wire.Span(&r)
		case "input":
			e.Input = wire.Span(&r)
		default:
			if e.beside == nil {
				e.beside = &head{}
			}
			e.beside.field(&r)
		}
	}
	return e, r.End()
}

// readBlock reads a block or a delta; kind is probably its type. Reading it
// into a struct by reflection took twice the time of the whole event.
func readBlock(data []byte, kind string) (b answerBlock, err error) {
	r := readerOf(data)
	b = blockIn(&r, kind)
	return b, r.End()
}

// blockIn reads the block that comes next.
func blockIn(r *jsontext.Reader, kind string) (b answerBlock) {
	r.Next()
	from := r.Pos
	for more := wire.Object(r); more; more = r.NextField() {
		switch string(r.Key) {
		case "type":
			b.Type = wire.TextLike(r, kind)
		case "text":
			b.Text = wire.Piece(r)
		case "thinking", "reasoning", "reasoning_content":
			b.Thinking += wire.Piece(r)
		case "signature":
			b.Signature = wire.Text(r)
		case "id":
			b.ID = wire.ID(r)
		case "name":
			b.Name = wire.Text(r)
		case "input", "arguments":
			b.Input = wire.Span(r)
		case "caller":
			if raw := wire.Span(r); bytes.Contains(raw, []byte(`"tool_id"`)) {
				b.Caller = slices.Clone(raw)
			}
		case "partial_json":
			b.PartialJSON = wire.ArgumentsPiece(r)
		case "citations":
			for more := r.Array(); more; more = r.NextItem() {
				b.Citations = append(b.Citations, slices.Clone(wire.Span(r)))
			}
		case "citation":
			b.Citation = slices.Clone(wire.Span(r))
		default:
			b.more = true
		}
	}
	switch b.Type {
	case "":
		b.Type = b.typeOf(kind)
	case "function", "tool_call", "function_call": // OpenAI's words
		if b.Type = "tool_use"; b.Name == "" {
			r.Stop(r.Fail("the call before has no name"))
		}
	}
	b.raw = wire.Since(r, from)
	return b
}

// typeOf is the type of a block or a delta that does not say it: kind is that
// of a text, which tells a delta from a block.
func (b *answerBlock) typeOf(kind string) string {
	ending := strings.TrimPrefix(kind, "text") // "_delta" or ""
	switch {
	case b.Text != "":
		return kind
	case b.Thinking != "":
		return "thinking" + ending
	case b.PartialJSON != "":
		return "input_json_delta"
	case b.Name != "" && ending == "":
		return "tool_use"
	}
	return ""
}

var errNoType = errors.New("it has nothing that can be read as what its type says")

// isOdd tells whether a block or a delta of no type, or a block of a text, says
// something that nobody can read.
func (b *answerBlock) isOdd() bool {
	switch {
	case b.Type == "error":
		return true
	case strings.Contains(b.Type, "text") && !strings.Contains(b.Type, "tool"):
		return b.Text != "" && b.Type != "text" || b.Text == "" && b.more && failure.TextIn(b.raw) != ""
	case b.Type != "" || len(b.raw) == 0:
		return false
	}
	switch string(bytes.Join(bytes.Fields(b.raw), nil)) {
	case "{}", "null", `{"text":""}`, `{"text":null}`:
		return false
	}
	return true
}
