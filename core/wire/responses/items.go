package responses

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

// answerItem is one item of an answer, as far as it has come.
type answerItem struct {
	kind string // "message", "function_call", "custom_tool_call", "reasoning" or a server's own
	id   string

	call   string         // the id of a call
	named  bool           // its function's name, or its tool's, has come
	number int            // of the call among the calls
	said   jsontext.Tally // of its arguments
	early  string         // the first piece of them
	begun  []byte         // its arguments as it began: they may come once more

	parts   []*answerPart
	last    *answerPart
	byPlace map[int]*answerPart // once there are many
	thinks  string              // "summary" or "content": which of a thought's texts is read

	opened bool // by a piece: the server did not say that it begins
	at     int  // its output_index; -1 for none
	ended  bool
	raw    []byte          // once it has ended, of the bytes at hand
	kept   json.RawMessage // of raw, or nil: see kept.go
}

// itemFields is what an item says of itself. Raw values are slices of its
// bytes.
type itemFields struct {
	kind, id, callID, name  string
	arguments               []byte // or the input of a custom tool
	content, summary, phase []byte
	unread                  string // a field in which an answer stands elsewhere

	raw []byte // the item
}

func fieldsOf(raw []byte) itemFields {
	r := wire.AnswerReader(raw)
	return readItem(&r)
}

// readItem reads the item that comes next.
func readItem(r *jsontext.Reader) (f itemFields) {
	r.Next()
	from := r.Pos
	for more := r.Object(); more; more = r.NextField() {
		switch string(r.Key) {
		case "type":
			f.kind = r.TextLike("message")
		case "id":
			f.id = r.TextOrNumber()
		case "call_id":
			f.callID = r.TextOrNumber()
		case "name":
			f.name = r.Text()
		case "arguments", "input":
			f.arguments = wire.Span(r)
		case "content":
			f.content = wire.Span(r)
		case "summary":
			f.summary = wire.Span(r)
		case "phase":
			f.phase = wire.Span(r)
		case "role", "status":
		default:
			name := string(r.Key)
			if raw := wire.Span(r); f.unread == "" {
				f.unread = failure.UnreadIn(llm.Extra{name: raw})
			}
		}
	}
	if f.kind == "" && len(f.content) > 0 {
		f.kind = "message"
	}
	f.raw = r.Data[from:r.Pos]
	switch f.kind {
	case "text", "output_text", "refusal": // a part in the place of a message
		f.content = slices.Concat([]byte("["), f.raw, []byte("]"))
		f.raw = slices.Concat([]byte(`{"type":"message","role":"assistant","content":`), f.content, []byte("}"))
		f.kind = "message"
	}
	return f
}

// begin notes an item; nil if the value is not an item.
func (s *stream) begin(f *itemFields, place int) *answerItem {
	if f.kind == "" {
		return nil
	}
	it := &answerItem{kind: f.kind, id: f.id, begun: append([]byte(nil), f.arguments...)}
	s.place(it, place)
	if it.kind == "message" && !s.whole {
		for i, part := range listed(f.content) {
			it.part(i).begun = partText(part)
		}
	}
	if it.isCall() {
		s.name(it, f)
		if it.call != "" && !s.whole && s.byID[it.call] == nil {
			s.byID[it.call] = it // llama.cpp's events name the call
		}
	}
	return it
}

// place puts an item where later events find it.
func (s *stream) place(it *answerItem, place int) {
	it.at = place
	if s.items = append(s.items, it); s.whole {
		return
	}
	if s.byPlace == nil {
		s.byPlace, s.byID = map[int]*answerItem{}, map[string]*answerItem{}
	}
	if place >= 0 {
		s.byPlace[place] = it
	}
	if it.id != "" {
		s.byID[it.id] = it
	}
}

func (it *answerItem) isCall() bool {
	return it.kind == "function_call" || it.kind == "custom_tool_call"
}

// find is the item of this kind that an event is about; nil if it has not
// begun. Some servers give an item another id in each event.
func (s *stream) find(kind string, place int, id string) *answerItem {
	there := s.byPlace[place]
	if place < 0 || there != nil && there.kind != kind {
		there = nil
	}
	if there != nil && there.id == id { // some give all items one id
		return there
	}
	if it := s.byID[id]; it != nil && id != "" && it.kind == kind && (!it.opened || place < 0 || it.at < 0 || it.at == place) {
		return it
	}
	if there != nil || place >= 0 || len(s.items) == 0 {
		return there
	}
	if last := s.items[len(s.items)-1]; last.kind == kind && !last.ended {
		return last
	}
	return nil
}

// open is find for an event that needs an item, and begins the item if there is
// none: some servers leave out the event that begins an item.
func (s *stream) open(kind string, place int, id string) *answerItem {
	it := s.find(kind, place, id)
	if it == nil {
		it = &answerItem{kind: kind, id: id, opened: true}
		s.place(it, place)
		if it.isCall() {
			it.number = s.calls
			s.calls++
		}
	}
	return it
}

// name sets the name of the function, or of the tool, that a call calls.
func (s *stream) name(it *answerItem, f *itemFields) {
	it.number = s.calls
	s.calls++
	s.rename(it, f)
}

// tell tells the id and the name of a call that came without.
func (s *stream) tell(it *answerItem, f *itemFields) {
	if it.isCall() && (it.call == "" || !it.named && f.name != "") {
		s.rename(it, f)
	}
}

func (s *stream) rename(it *answerItem, f *itemFields) {
	it.named = f.name != ""
	if it.call == "" { // an id that was told stays: another one would be another call's
		it.call = cmp.Or(f.callID, f.id)
	}
	c := s.out.call(it)
	c.ID = it.call
	if it.kind == "custom_tool_call" {
		c.Type, c.Custom = "custom", &llm.CustomCall{Name: f.name}
	} else {
		c.Type, c.Function.Name = "function", f.name
	}
}

// argue is a piece of a call's arguments.
func (s *stream) argue(it *answerItem, text string) {
	if text == "" {
		return
	}
	if it.said.Size == 0 {
		it.early = text
	}
	s.came(&it.said, text)
	c := s.out.call(it)
	if it.kind == "custom_tool_call" {
		if c.Custom == nil {
			c.Custom = &llm.CustomCall{}
		}
		c.Custom.Input += text
		return
	}
	c.Function.Arguments += text
}

// end takes an item that has ended. It adds to the answer what the pieces did
// not have, and keeps what must go back to the server.
func (s *stream) end(it *answerItem, f *itemFields) {
	switch it.kind {
	case "message":
		for i, part := range listed(f.content) {
			s.endPart(it, i, part)
		}
		s.hole = s.hole || f.unread != "" && !slices.ContainsFunc(it.parts, func(p *answerPart) bool { return p.size() > 0 })
		s.opaque = s.opaque || len(f.phase) > 0
	case "reasoning":
		for i, part := range listed(f.content) {
			s.endThought(it, "content", i, partText(part))
		}
		for i, part := range listed(f.summary) {
			s.endThought(it, "summary", i, partText(part))
		}
		s.opaque = true
	case "function_call", "custom_tool_call":
		s.tell(it, f)
		s.endArguments(it, f.arguments)
		s.endEmpty(it)
	default:
		s.opaque = true
	}
	if it.ended { // it was kept then
		return
	}
	it.ended = true
	if it.raw = f.raw; !s.whole {
		it.keep()
	}
}

// endArguments adds the arguments that did not come in pieces; after a
// placeholder that is all of them. Arguments that are an object instead of a
// text are not compared with the pieces: their bytes may differ.
func (s *stream) endArguments(it *answerItem, raw []byte) {
	whole := argumentsOf(raw)
	switch {
	case whole == "":
	case it.said.Size == len(it.early) && strings.Trim(it.early, " \t\r\n{}") == "" && !strings.HasPrefix(whole, it.early):
		s.argue(it, whole)
	case it.said.Size == 0 || raw[0] == '"':
		rest, agrees := it.said.Rest(whole)
		if s.argue(it, rest); !agrees { // it may be the same value, written anew
			call := llm.ToolCall{Index: it.number, ID: it.call, Function: llm.FunctionCall{Arguments: whole}}
			if it.kind == "custom_tool_call" {
				call.Custom = &llm.CustomCall{Input: whole}
			}
			if s.out.whole == nil {
				s.out.whole = &llm.Message{NullContent: true}
			}
			s.out.whole.ToolCalls = append(s.out.whole.ToolCalls, call)
		}
	}
}

// endEmpty gives a call whose arguments did not come those of its first event,
// or else an empty object.
func (s *stream) endEmpty(it *answerItem) {
	if it.said.Size > 0 {
		return
	}
	begun := argumentsOf(it.begun)
	if begun == "" && it.kind == "function_call" {
		begun = "{}"
	}
	s.argue(it, begun)
}
