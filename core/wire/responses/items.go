package responses

import (
	"encoding/json"
	"strings"
	"unicode/utf8"

	"github.com/llmagg/llmagg/core/llm"
)

// answerItem is one item of an answer, as far as it has come.
type answerItem struct {
	kind string // "message", "function_call", "custom_tool_call", "reasoning" or a server's own
	id   string

	call   string // the id of a call
	number int    // of the call among the calls
	said   int    // bytes of its arguments
	begun  []byte // its arguments as it began: they may come once more

	parts   []*answerPart
	last    *answerPart
	byPlace map[int]*answerPart // once there are many
	thinks  string              // "summary" or "content": which of a thought's texts is read

	ended bool
	kept  json.RawMessage // see kept.go
}

// answerPart is one text of a message or a thought.
type answerPart struct {
	place       int
	refusal     bool
	bytes       int // that came
	whole       int // of the text when it had ended
	runes       int // of the answer's text before it
	annotations []json.RawMessage
	weighed     bool // logprobs have come
}

// size is the length of the part's text.
func (p *answerPart) size() int {
	if p.whole > 0 {
		return p.whole
	}
	return p.bytes
}

// fewParts are looked through; more have a map.
const fewParts = 8

// part is the text at a place of the item's content.
func (it *answerItem) part(place int) *answerPart {
	if it.last != nil && it.last.place == place {
		return it.last
	}
	if it.byPlace != nil {
		it.last = it.byPlace[place]
	} else {
		it.last = nil
		for _, p := range it.parts {
			if p.place == place {
				it.last = p
			}
		}
	}
	if it.last != nil {
		return it.last
	}
	it.last = &answerPart{place: place, runes: -1}
	it.parts = append(it.parts, it.last)
	switch {
	case it.byPlace != nil:
		it.byPlace[place] = it.last
	case len(it.parts) > fewParts:
		it.byPlace = map[int]*answerPart{}
		for _, p := range it.parts {
			it.byPlace[p.place] = p
		}
	}
	return it.last
}

// itemFields is what an item says of itself. Raw values are slices of its
// bytes.
type itemFields struct {
	kind, id, callID, name  string
	arguments               []byte // or the input of a custom tool
	content, summary, phase []byte
}

func fieldsOf(raw []byte) (f itemFields) {
	r := reader(raw)
	for more := r.Object(); more; more = r.NextField() {
		switch string(r.Key) {
		case "type":
			f.kind = r.Text()
		case "id":
			f.id = r.Text()
		case "call_id":
			f.callID = r.Text()
		case "name":
			f.name = r.Text()
		case "arguments", "input":
			f.arguments = span(&r)
		case "content":
			f.content = span(&r)
		case "summary":
			f.summary = span(&r)
		case "phase":
			f.phase = span(&r)
		default:
			r.Skip()
		}
	}
	if f.kind == "" && len(f.content) > 0 {
		f.kind = "message"
	}
	return f
}

// begin notes an item; nil for what is none.
func (s *stream) begin(raw []byte, place int) *answerItem {
	f := fieldsOf(raw)
	if f.kind == "" {
		return nil
	}
	it := &answerItem{kind: f.kind, id: f.id, begun: append([]byte(nil), f.arguments...)}
	s.place(it, place)
	if it.isCall() {
		s.name(it, f)
	}
	return it
}

// place puts an item where later events find it.
func (s *stream) place(it *answerItem, place int) {
	s.items = append(s.items, it)
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

// find is the item that an event of a kind of item is about; nil for one that
// has not begun. Some servers give an item another id in each event.
func (s *stream) find(kind string, place int, id string) *answerItem {
	if it := s.byID[id]; it != nil && id != "" && it.kind == kind {
		return it
	}
	if it := s.byPlace[place]; it != nil && place >= 0 && it.kind == kind {
		return it
	}
	if place < 0 && id == "" && len(s.items) > 0 {
		if it := s.items[len(s.items)-1]; it.kind == kind && !it.ended {
			return it
		}
	}
	return nil
}

// open is find for an event that needs an item: servers leave out its
// beginning.
func (s *stream) open(kind string, place int, id string) *answerItem {
	it := s.find(kind, place, id)
	if it == nil {
		it = &answerItem{kind: kind, id: id}
		s.place(it, place)
		if it.isCall() {
			it.number = s.calls
			s.calls++
		}
	}
	return it
}

// name says what a call calls.
func (s *stream) name(it *answerItem, f itemFields) {
	it.number = s.calls
	s.calls++
	s.rename(it, f)
}

func (s *stream) rename(it *answerItem, f itemFields) {
	if it.call = f.callID; it.call == "" {
		it.call = f.id
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
	it.said += len(text)
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

// say is a piece of a message's text, or of a refusal.
func (s *stream) say(p *answerPart, text string) {
	if text == "" {
		return
	}
	if p.runes < 0 {
		p.runes = s.runes
	}
	if s.spoke != p && p.bytes > 0 {
		s.mixed = true
	}
	s.spoke = p
	p.bytes += len(text)
	if p.refusal {
		s.out.refusal.add(text)
		return
	}
	s.runes += utf8.RuneCountInString(text)
	s.out.text.add(text)
}

// think is a piece of a thought: of its summary, or of itself where the server
// shows it. Of one that comes in both forms the first is read.
func (s *stream) think(it *answerItem, form string, place int, text string) {
	if it.thinks == "" {
		it.thinks = form
	}
	if text == "" || it.thinks != form {
		return
	}
	p := it.part(place)
	if p.bytes == 0 && s.thought {
		s.out.thoughts.add("\n\n")
	}
	s.thought = true
	p.bytes += len(text)
	s.out.thoughts.add(text)
}

// missing is what of a whole text has not come yet. Deltas count, a whole text
// that says otherwise does not.
func missing(whole string, came int) string {
	if came >= len(whole) || came > 0 && !utf8.RuneStart(whole[came]) {
		return ""
	}
	return whole[came:]
}

// end takes an item as it is when it has ended: what of it has not come is
// given, and what must go back is kept.
func (s *stream) end(it *answerItem, raw []byte) {
	f := fieldsOf(raw)
	switch it.kind {
	case "message":
		for i, part := range list(f.content) {
			s.endPart(it, i, part)
		}
		s.opaque = s.opaque || len(f.phase) > 0
	case "reasoning":
		for _, from := range []struct {
			form string
			list []byte
		}{{"content", f.content}, {"summary", f.summary}} {
			for i, part := range list(from.list) {
				s.endThought(it, from.form, i, partText(part))
			}
		}
		s.opaque = true
	case "function_call", "custom_tool_call":
		if it.call == "" || f.callID != "" && it.call != f.callID && it.call == it.id {
			s.rename(it, f)
		}
		s.endArguments(it, text(f.arguments))
		if it.said == 0 {
			s.argue(it, text(it.begun))
		}
	default:
		s.opaque = true
	}
	it.ended = true
	it.kept = s.entry(it, raw)
}

func (s *stream) endArguments(it *answerItem, whole string) {
	if rest := missing(whole, it.said); rest != "" {
		s.argue(it, rest)
	}
}

func (s *stream) endThought(it *answerItem, form string, place int, whole string) {
	if whole == "" || it.thinks != "" && it.thinks != form {
		return
	}
	s.think(it, form, place, missing(whole, it.part(place).bytes))
}

// endPart takes a part of a message as it is when it has ended.
func (s *stream) endPart(it *answerItem, place int, raw []byte) {
	p := it.part(place)
	r := reader(raw)
	whole, kind := "", ""
	var logprobs []byte
	for more := r.Object(); more; more = r.NextField() {
		switch string(r.Key) {
		case "type":
			kind = r.Text()
		case "text", "refusal":
			whole = text(span(&r))
		case "annotations":
			if items := list(span(&r)); len(items) > 0 {
				p.annotations = p.annotations[:0]
				for _, item := range items {
					p.annotations = append(p.annotations, append(json.RawMessage(nil), item...))
				}
			}
		case "logprobs":
			logprobs = span(&r)
		default:
			r.Skip()
		}
	}
	if kind != "output_text" && kind != "text" && kind != "refusal" {
		s.opaque = s.opaque || kind != ""
		return
	}
	p.refusal = kind == "refusal"
	s.endText(p, whole)
	if !p.weighed && !p.refusal {
		s.weigh(p, logprobs)
	}
	s.opaque = s.opaque || len(p.annotations) > 0
}

func (s *stream) endText(p *answerPart, whole string) {
	s.say(p, missing(whole, p.bytes))
	p.whole = len(whole)
}

// partText is the text of a part of a thought.
func partText(raw []byte) string {
	r := reader(raw)
	for more := r.Object(); more; more = r.NextField() {
		if string(r.Key) == "text" {
			return text(span(&r))
		}
		r.Skip()
	}
	return ""
}

// pieces joins the texts of one event, which are nearly always one.
type pieces struct {
	first string
	all   strings.Builder
}

func (p *pieces) add(text string) {
	switch {
	case p.first == "" && p.all.Len() == 0:
		p.first = text
		return
	case p.all.Len() == 0:
		p.all.WriteString(p.first)
	}
	p.all.WriteString(text)
}

func (p *pieces) String() string {
	if p.all.Len() > 0 {
		return p.all.String()
	}
	return p.first
}
