package anthropic

import (
	"cmp"
	"encoding/json"
	"slices"
	"time"

	"github.com/llmagg/llmagg/core/internal/jsontext"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/wire"
)

// head is an answer whose content is not read yet (API reference, "Messages").
type head struct {
	id, kind, model        string
	reason                 string
	stopSequence, stopNote json.RawMessage
	container              json.RawMessage
	usage, content         json.RawMessage // they stand in the answer's bytes
}

// field reads the field at hand, or passes over it.
func (h *head) field(r *jsontext.Reader) {
	switch string(r.Key) {
	case "id":
		h.id = r.Text()
	case "type":
		h.kind = r.TextLike("message")
	case "model":
		h.model = r.Text()
	case "stop_reason":
		h.reason = r.WordLike("end_turn")
	case "stop_sequence":
		h.stopSequence = r.Raw()
	case "stop_details":
		h.stopNote = r.Raw()
	case "container":
		h.container = r.Raw()
	case "usage", "usageMetadata", "usage_metadata":
		if raw := wire.Span(r); raw != nil { // gateways write null under the format's own name
			h.usage = raw
		}
	case "content":
		h.content = wire.Span(r)
	default:
		wire.Other(r)
	}
}

// headOf reads a head alone.
func headOf(data json.RawMessage) (h head, err error) {
	r := wire.AnswerReader(data)
	for more := wire.Object(&r); more; more = r.NextField() {
		h.field(&r)
	}
	return h, r.End()
}

// Response reads a whole answer: its blocks go the way of a stream's, so that
// both mean the same.
func (w *format) Response(data []byte, c *wire.Call) (*llm.Response, error) {
	h, err := headOf(data)
	if err != nil {
		return nil, llm.Errorf(llm.BadResponse, "the answer is not the JSON of a message (%d bytes): %v", len(data), err)
	}
	if h.content == nil && (h.kind == "" || h.reason == "") || h.kind != "message" && h.kind != "" {
		return nil, llm.Errorf(llm.BadResponse, "the answer has no content; expected a message")
	}
	s := newStream(c.Model, wire.SchemaTool(c, forcesSchema))
	s.begin(&h)
	m, err := s.whole(h.content)
	if err != nil {
		return nil, err
	}
	m.Extra = s.Kept.Extra()
	whole := llm.NewResponse(llm.Choice{Message: *m, FinishReason: s.Finish(h.reason), Extra: choiceExtra(&h)})
	whole.ID, whole.Created, whole.Model = s.ID, s.Created, s.Model
	whole.Usage, whole.Extra = s.usage.usage(), extraOf(&h)
	return whole, nil
}

// whole reads the content of a whole answer.
func (s *stream) whole(content json.RawMessage) (*llm.Message, error) {
	m := &llm.Message{Role: llm.RoleAssistant, NullContent: true}
	var texts, thoughts []llm.Piece
	add := func(d *llm.Message) {
		if d == nil {
			return
		}
		if d.Content != "" {
			texts = append(texts, llm.Piece(d.Content))
		}
		if d.ReasoningContent != "" {
			thoughts = append(thoughts, llm.Piece(d.ReasoningContent))
		}
		m.NullContent = m.NullContent && d.NullContent
		m.ToolCalls = joinCall(m.ToolCalls, d.ToolCalls)
	}
	if content == nil {
		return m, nil
	}
	if content[0] == '"' { // gateways that translate write the text alone
		content = slices.Concat([]byte(`[{"type":"text","text":`), content, []byte(`}]`))
	}
	r := wire.AnswerReader(content)
	i := 0
	for more := r.List(); more; more = r.NextItem() {
		var b answerBlock
		if r.Next() == '"' {
			b = answerBlock{Type: "text", Text: wire.Piece(&r)}
		} else {
			b = blockIn(&r, "text")
		}
		if r.Err != nil {
			return nil, unreadBlock(i, r.Err)
		}
		if b.isOdd() {
			return nil, unreadBlock(i, errNoType)
		}
		add(s.open(i, &b))
		add(s.close())
		i++
	}
	if err := r.End(); err != nil {
		return nil, llm.Errorf(llm.BadResponse, "the answer's content cannot be read: %v", err)
	}
	m.Content, m.ReasoningContent = llm.JoinPieces(texts), llm.JoinPieces(thoughts)
	for i := range m.ToolCalls {
		m.ToolCalls[i].Index = -1
	}
	return m, nil
}

func unreadBlock(index int, err error) error {
	return llm.Errorf(llm.BadResponse, "content[%d] cannot be read: %v", index, err)
}

// joinCall adds a call, or the arguments of the last one.
func joinCall(calls, more []llm.ToolCall) []llm.ToolCall {
	for _, c := range more {
		if n := len(calls); c.ID == "" && n > 0 {
			calls[n-1].Function.Arguments += c.Function.Arguments
			continue
		}
		calls = append(calls, c)
	}
	return calls
}

// begin reads the head of an answer.
func (s *stream) begin(h *head) {
	s.ID, s.Model = h.id, cmp.Or(h.model, s.model)
	s.Created = time.Now().Unix() // the API names no time
	s.Kept.Owner = owner + "/" + s.Model
	s.usage.add(h.usage)
}

// choiceExtra keeps what the finish reason does not say.
func choiceExtra(h *head) llm.Extra {
	e := wire.FinishExtra(h.reason)
	wire.Rest(&e, "stop_sequence", h.stopSequence)
	wire.Rest(&e, "stop_details", h.stopNote)
	return e
}

func extraOf(h *head) (e llm.Extra) {
	wire.Rest(&e, "container", h.container)
	return e
}
