package responses

import (
	"cmp"
	"encoding/json"
	"strings"

	"github.com/llmagg/llmagg/core/failure"
	"github.com/llmagg/llmagg/core/internal/jsontext"
	"github.com/llmagg/llmagg/core/internal/shown"
	"github.com/llmagg/llmagg/core/internal/wordlist"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/wire"
)

// head is an answer without its items (API reference, "The response object").
type head struct {
	id, model, status, object string
	created                   int64
	incomplete                json.RawMessage
	why                       string // of that
	usage                     *llm.Usage
	output                    []itemFields // of the event's bytes, as is text
	listed                    bool         // there is a list of them
	text                      []byte
	failed                    bool
	extra                     llm.Extra
	room                      [1]itemFields // of output
}

// read reads what an event or a whole answer says; what it leaves out still
// holds.
func (h *head) read(raw []byte) error {
	r := wire.AnswerReader(raw)
	h.output, h.listed, h.text = nil, false, nil
	for more := r.Object(); more; more = r.NextField() {
		switch string(r.Key) {
		case "id":
			h.id = r.TextLike(h.id)
		case "model":
			h.model = r.TextLike(h.model)
		case "status":
			h.status = strings.ToLower(r.WordLike("completed"))
		case "object":
			h.object = r.TextLike("response")
		case "created_at", "created":
			h.created = r.Integer64()
		case "incomplete_details":
			h.incomplete = r.Raw()
		case "usage", "usageMetadata", "usage_metadata":
			h.usage = cmp.Or(usageOf(wire.Span(&r)), h.usage)
		case "output":
			h.readOutput(&r)
		case "output_text":
			h.text = wire.Span(&r)
		case "error":
			h.failed = failure.SaysSomething(wire.Span(&r))
		default:
			if name := string(r.Key); !echoes.Has(name) {
				wire.Rest(&h.extra, name, r.Raw())
			}
		}
	}
	if in := wire.AnswerReader(h.incomplete); len(h.incomplete) > 0 {
		h.why = in.WordLike("")
	}
	return r.End()
}

// readOutput reads the list of items that comes next.
func (h *head) readOutput(r *jsontext.Reader) {
	first := r.Next()
	h.output, h.listed = h.room[:0], first == '[' || first == '{'
	if !h.listed {
		r.Skip()
		return
	}
	for more := r.List(); more; more = r.NextItem() {
		h.output = append(h.output, readItem(r))
	}
}

// echoes are fields of an answer that only repeat the request, or say what
// other fields say.
const echoes wordlist.List = `
background completed_at frequency_penalty instructions max_output_tokens max_tool_calls metadata parallel_tool_calls presence_penalty
previous_response_id prompt prompt_cache_key prompt_cache_options prompt_cache_retention reasoning safety_identifier store temperature text tool_choice tools
top_logprobs top_p truncation user
`

// unfinished is why an answer is none; nil if it is one.
func (h *head) unfinished() error {
	switch h.status {
	case "completed", "incomplete", "":
		if h.failed {
			return llm.Errorf(llm.BadResponse, "the answer has an error")
		}
		return nil
	case "cancelled", "canceled":
		return llm.Errorf(llm.Unavailable, "the answer was cancelled at the server")
	case "failed":
		return llm.Errorf(llm.BadResponse, "the answer failed at the server, which does not say why")
	}
	return llm.Errorf(llm.BadResponse, "the answer has the status %s; expected completed", shown.Text(h.status))
}

// choiceExtra keeps what the finish reason does not say.
func (h *head) choiceExtra() llm.Extra {
	if len(h.incomplete) == 0 {
		return nil
	}
	return llm.Extra{"incomplete_details": h.incomplete}
}

// reason translates the status. Reasons that OpenAI's other API has no word for
// stay as they are.
func (s *stream) reason() string {
	switch why := s.head.why; {
	case s.head.status == "incomplete" && (why == "max_output_tokens" || why == "max_tokens"):
		return "length"
	case s.head.status == "incomplete" && why != "":
		return why
	case s.head.status == "incomplete":
		return "length"
	case s.calls > 0:
		return "tool_calls"
	}
	return "stop"
}

// alone takes the text of an answer that lists no items: small servers say it
// where SDKs put it for convenience.
func (s *stream) alone() {
	switch all := text(s.head.text); {
	case len(s.items) == 0:
		s.endText(s.open("message", -1, "").part(0), all)
	case len(s.head.output) == 0 && all != "":
		s.out.whole = &llm.Message{Content: all}
	}
}

// complete adds what belongs to the message beside its text and its calls.
func (s *stream) complete(m *llm.Message) {
	wire.Rest(&m.Extra, llm.PartsField, s.parts())
	wire.Rest(&m.Extra, "annotations", s.annotations())
}

// Response reads a whole answer: its items go the way of a stream's, so that
// both mean the same.
func (w *format) Response(data []byte, c *wire.Call) (*llm.Response, error) {
	s := w.newStream(c)
	s.whole = true
	if s.lead(data) != nil {
		return nil, llm.Errorf(llm.BadResponse, "the answer is not the JSON of a response (%d bytes)", len(data))
	}
	if in := s.head.extra["response"]; !s.head.listed && !s.head.failed && len(in) > 0 && in[0] == '{' {
		return w.Response(in, c) // in its event, or a gateway's envelope
	}
	if err := s.head.unfinished(); err != nil {
		return nil, err
	}
	if !s.head.listed && len(s.head.text) == 0 {
		return nil, llm.Errorf(llm.BadResponse, "the answer has no output; expected the items of a response")
	}
	for place := range s.head.output {
		f := &s.head.output[place]
		if f.kind == "" && string(f.raw) != "null" && string(f.raw) != "{}" {
			return nil, llm.Errorf(llm.BadResponse, "output[%d] is no item with a type", place)
		}
		if it := s.begin(f, place); it != nil {
			s.end(it, f)
		}
	}
	if err := s.flaw(); err != nil {
		return nil, err
	}
	s.alone()
	m, _ := s.out.message()
	m.Role = llm.RoleAssistant
	s.complete(&m)
	for i := range m.ToolCalls {
		m.ToolCalls[i].Index = -1
	}
	r := llm.NewResponse(llm.Choice{Message: m, FinishReason: s.reason(), Logprobs: s.out.weighed(), Extra: s.head.choiceExtra()})
	r.ID, r.Created, r.Model, r.Usage, r.Extra = s.head.id, s.created, s.answering(), s.head.usage, s.head.extra
	return r, nil
}
