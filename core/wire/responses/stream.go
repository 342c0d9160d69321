package responses

import (
	"bytes"
	"cmp"
	"encoding/json"
	"strings"
	"time"

	"github.com/llmagg/llmagg/core/failure"
	"github.com/llmagg/llmagg/core/internal/shown"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/wire"
)

// stream reads the events of one answer (API reference, "Streaming events"),
// and the items of a whole one. One goroutine uses it.
type stream struct {
	model string // where the answer names none
	owner string
	whole bool // the answer is a whole one: its bytes stay, its items are looked for by nobody

	head    head
	created int64 // seconds since the Unix epoch
	last    int64 // sequence_number; -1 before the first
	counts  bool  // each event's is one more than the last
	counted bool  // the last one's was
	said    said  // by the last event
	done    bool
	before  spoken

	items   []*answerItem
	byPlace map[int]*answerItem
	byID    map[string]*answerItem
	calls   int
	runes   int // of the answer's text
	spoke   *answerPart
	thought bool // a thought has come
	mixed   bool // texts came in turns: they do not stand in the order of their items
	opaque  bool // an item is nothing that the message has anyway
	hole    bool // a text has a form that cannot be read
	differs bool // a whole text is not what its pieces are
	told    bool // a chunk has told of an item that nothing else shows

	out delta
}

// said is what tells whether an event is the last one once more.
type said struct{ kind, delta string }

// delta is what the event at hand adds to the answer.
type delta struct {
	text, refusal, thoughts pieces
	voice, words            pieces // audio, and its transcript
	calls                   []llm.ToolCall
	whole                   *llm.Message // what is said once more, and has to agree
	begins                  bool         // the text is the beginning of a part
	logprobs                []json.RawMessage
}

// flaw is the failure of an answer of which a text cannot be read, or has come
// otherwise; nil for none.
func (s *stream) flaw() error {
	switch {
	case s.hole:
		return llm.Errorf(llm.BadResponse, "a text of the answer has a form that cannot be read")
	case s.differs:
		return failure.OfDifference()
	}
	return nil
}

func (w *format) newStream(c *wire.Call) *stream {
	return &stream{model: c.Model, owner: w.owner, last: -1, counts: true, head: head{model: c.Model}}
}

// call is the delta of a call.
func (d *delta) call(it *answerItem) *llm.ToolCall {
	for i := len(d.calls) - 1; i >= 0 && d.calls[i].Index >= it.number; i-- { // later calls have higher numbers
		if d.calls[i].Index == it.number {
			return &d.calls[i]
		}
	}
	d.calls = append(d.calls, llm.ToolCall{Index: it.number})
	return &d.calls[len(d.calls)-1]
}

// message is the delta as a message; says tells whether there is anything in
// it.
func (d *delta) message() (m llm.Message, says bool) {
	m = llm.Message{Content: d.text.String(), Refusal: d.refusal.String(), ReasoningContent: d.thoughts.String(), ToolCalls: d.calls}
	m.NullContent = m.Content == ""
	m.Audio = d.audio()
	return m, !m.NullContent || m.Audio != nil || m.Refusal != "" || m.ReasoningContent != "" || len(m.ToolCalls) > 0
}

// Chunk implements [wire.Stream].
func (s *stream) Chunk(kind string, data []byte) (*llm.Chunk, error) {
	if wire.IsDone(data) { // gateways add it; it ends nothing here
		return nil, nil
	}
	e, err := readEvent(kind, data, &s.before)
	if err != nil {
		return nil, err
	}
	name, known := strings.CutPrefix(e.kind, "response.")
	switch {
	case e.kind == "" && e.object == "response": // the answer without its event
		e.response, name = data, "done"
	case e.kind == "" && wire.SaysNothing(data):
		return nil, nil
	case e.kind == "error", e.kind == "", known && (name == "failed" || name == "cancelled" || name == "error"):
		return nil, llm.Errorf(llm.BadResponse, "the event is no piece of an answer")
	}
	if again, err := s.count(&e); again || err != nil { // also those that say nothing: OpenAI's "keepalive"
		return nil, err
	}
	if !known && name != "done" {
		return nil, wire.UnknownEvent(data)
	}
	s.out = delta{}
	switch name {
	case "created", "queued", "in_progress":
		return s.start(&e)
	case "completed", "incomplete", "done":
		return s.finish(name, &e)
	}
	s.take(name, &e)
	if err := s.flaw(); err != nil {
		return nil, err
	}
	m, says := s.out.message()
	if !says && s.out.whole == nil {
		return s.unseen(name, &e), nil
	}
	c := s.chunk(&m)
	c.Choices[0].Logprobs = s.out.weighed()
	return c, nil
}

// unseen is the chunk of an item that no other field of a message shows, such
// as the work of a tool of the server's, which may take long: it is a first
// token, too. The list at the end replaces the one here.
func (s *stream) unseen(event string, e *event) *llm.Chunk {
	if s.told || event != "output_item.added" && event != "output_item.done" {
		return nil
	}
	it := answerItem{kind: fieldsOf(e.item).kind}
	if it.kind == "" || it.kind == "message" || it.isCall() || it.kind == "reasoning" && event == "output_item.added" {
		return nil
	}
	s.told = true
	kept := wire.Kept{Owner: s.owner + "/" + s.answering()}
	kept.Keep(it.kindOfPart(), bytes.Clone(e.item))
	return s.chunk(&llm.Message{NullContent: true, Extra: llm.Extra{llm.PartsField: kept.Field()}})
}

// Complete implements [wire.Stream].
func (s *stream) Complete() bool { return s.done }

// Mark implements [wire.Marker].
func (s *stream) Mark() string { return "response.completed" }

// count sees that no event is missing, where the server counts them; again says
// that one has come twice.
func (s *stream) count(e *event) (again bool, err error) {
	before, said := s.last, said{e.kind, e.delta}
	switch {
	case e.number < 0:
		return false, nil
	case s.counted && s.counts && e.number == before && said == s.said && e.delta != "":
		return true, nil
	case before >= 0 && e.number <= before:
		s.counts = false
	}
	s.said, s.counted = said, before >= 0 && e.number == before+1
	if s.last = e.number; s.counts && before >= 0 && e.number > before+1 {
		return false, llm.Errorf(llm.StreamInterrupted, "the stream lacks events: %s has the sequence_number %d, the event before it had %d", shown.Text(e.kind), e.number, before)
	}
	return false, nil
}

// start reads the head of an answer; only the first gives a chunk, and after a
// piece of it none may begin another answer.
func (s *stream) start(e *event) (*llm.Chunk, error) {
	first, id := s.created == 0, s.head.id
	_ = s.lead(e.response) // it is JSON, as the event is
	switch {
	case s.head.failed:
		return nil, llm.Errorf(llm.BadResponse, "the answer has an error")
	case len(s.items) > 0 && id != "" && s.head.id != id:
		return nil, llm.Errorf(llm.BadResponse, "another answer begins before response.completed")
	case !first:
		return nil, nil
	}
	return s.chunk(&llm.Message{Role: llm.RoleAssistant, NullContent: true}), nil
}

func (s *stream) lead(raw []byte) error {
	err := s.head.read(raw)
	if s.created = s.head.created; s.created == 0 {
		s.created = time.Now().Unix()
	}
	return err
}

// answering is the model that answers.
func (s *stream) answering() string { return cmp.Or(s.head.model, s.model) }

func (s *stream) chunk(m *llm.Message) *llm.Chunk {
	c := wire.NewChunk(s.head.id, s.answering(), s.created)
	c.Choices[0].Delta = *m
	if s.out.whole != nil {
		c.Choices[0].Says(s.out.whole)
	}
	if s.out.begins {
		c.Choices[0].BeginsText()
	}
	return c
}

// take reads an event between the first and the last.
func (s *stream) take(name string, e *event) {
	switch name {
	case "output_item.added":
		s.added(e)
	case "output_item.done":
		f := fieldsOf(e.item)
		it := s.find(f.kind, e.output, f.id)
		if it == nil || it.ended && it.id != f.id {
			it = s.begin(&f, e.output)
		}
		if it != nil && !it.ended {
			s.end(it, &f)
		}
	case "output_text.delta", "text.delta":
		p := s.open("message", e.output, e.itemID).part(e.content)
		s.say(p, e.delta)
		s.weigh(p, e.logprobs)
	case "output_text.done", "text.done":
		s.endText(s.open("message", e.output, e.itemID).part(e.content), text(e.whole))
	case "output_text.annotation.added":
		if len(e.annotation) > 0 {
			p := s.open("message", e.output, e.itemID).part(e.content)
			p.annotations = append(p.annotations, append(json.RawMessage(nil), e.annotation...))
			s.opaque = true
		}
	case "refusal.delta", "refusal.done":
		p := s.open("message", e.output, e.itemID).part(e.content)
		p.refusal = true
		if s.say(p, e.delta); name == "refusal.done" {
			s.endText(p, text(e.whole))
		}
	case "content_part.added":
		if whole := partText(e.part); whole != "" && s.find("reasoning", e.output, e.itemID) == nil {
			s.open("message", e.output, e.itemID).part(e.content).begun = whole
		}
	case "content_part.done":
		if it := s.find("reasoning", e.output, e.itemID); it != nil {
			s.endThought(it, "content", e.content, partText(e.part))
		} else {
			s.endPart(s.open("message", e.output, e.itemID), e.content, e.part)
		}
	case "function_call_arguments.delta", "function_call_arguments.done":
		s.arguments("function_call", e)
	case "custom_tool_call_input.delta", "custom_tool_call_input.done":
		s.arguments("custom_tool_call", e)
	default:
		if !s.hears(name, e) {
			s.thoughts(name, e)
		}
	}
}

// added begins an item, unless the server says so once more, or its arguments
// came first.
func (s *stream) added(e *event) {
	f := fieldsOf(e.item)
	if it := s.byPlace[e.output]; it != nil && e.output >= 0 && it.kind == f.kind && it.id == f.id && !it.ended &&
		(f.callID == "" || it.call == f.callID || it.call == "" && !it.named) {
		s.tell(it, &f)
		return
	}
	s.begin(&f, e.output)
}

// arguments reads a piece of a call's arguments, or all of them.
func (s *stream) arguments(kind string, e *event) {
	it := s.open(kind, e.output, e.itemID)
	s.argue(it, e.delta)
	s.endArguments(it, e.whole)
}

// weigh takes the log probabilities of a text.
func (s *stream) weigh(p *answerPart, raw []byte) {
	for item := range elements(raw) {
		p.weighed = true
		s.out.logprobs = append(s.out.logprobs, append(json.RawMessage(nil), item...))
	}
}

// weighed is "logprobs" of a choice; nil for none.
func (d *delta) weighed() json.RawMessage {
	if len(d.logprobs) == 0 {
		return nil
	}
	return llm.JSONOf(map[string]any{"content": d.logprobs})
}

// finish reads the last event: what of the answer has not come, the reason, the
// usage.
func (s *stream) finish(name string, e *event) (*llm.Chunk, error) {
	s.head.status = ""
	_ = s.lead(e.response)
	if st := s.head.status; name != "done" && (st == "" || st == "in_progress" || st == "queued") {
		s.head.status = name // the event says it
	}
	if err := s.head.unfinished(); err != nil {
		return nil, err
	}
	if s.head.usage == nil {
		s.head.usage = usageOf(e.usage)
	}
	s.settle(s.head.output)
	s.alone()
	if err := s.flaw(); err != nil {
		return nil, err
	}
	m, _ := s.out.message()
	s.complete(&m)
	c := s.chunk(&m)
	ch := &c.Choices[0]
	ch.FinishReason, ch.Extra, ch.Logprobs = s.reason(), s.head.choiceExtra(), s.out.weighed()
	c.Usage, c.Extra = s.head.usage, s.head.extra
	s.done = true
	return c, nil
}
