package responses

import (
	"encoding/json"
	"strings"
	"unicode/utf8"

	"github.com/llmagg/llmagg/core/failure"
	"github.com/llmagg/llmagg/core/internal/jsontext"
	"github.com/llmagg/llmagg/core/wire"
)

// This file is the texts of items: pieces as they come, and what of a whole
// text has not come in pieces.

// answerPart is one text of a message or a thought.
type answerPart struct {
	place       int
	refusal     bool
	said        jsontext.Tally
	whole       int    // bytes of the text when it had ended
	runes       int    // of the answer's text before it
	begun       string // its text as it began: it may come once more
	annotations []json.RawMessage
	weighed     bool // logprobs have come
	heard       *heard
}

// size is the length of the part's text.
func (p *answerPart) size() int {
	if p.whole > 0 {
		return p.whole
	}
	return p.said.Size
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

// say is a piece of a message's text, or of a refusal.
func (s *stream) say(p *answerPart, text string) {
	if text == "" {
		return
	}
	if p.runes < 0 {
		p.runes = s.runes
	}
	if s.spoke != p && p.said.Size > 0 {
		s.mixed = true
	}
	s.out.begins = s.out.begins || s.spoke != p && !p.refusal
	s.spoke = p
	s.came(&p.said, text)
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
	if p.said.Size == 0 && s.thought {
		s.out.thoughts.add("\n\n")
	}
	s.thought = true
	s.came(&p.said, text)
	s.out.thoughts.add(text)
}

func (s *stream) came(said *jsontext.Tally, text string) {
	if s.whole { // nothing comes again
		said.Size += len(text)
	} else {
		said.Add(text)
	}
}

// missing is what of a whole text has not come yet. A whole text that says
// otherwise than the pieces shows that one is missing.
func (s *stream) missing(whole string, said *jsontext.Tally) string {
	rest, agrees := said.Rest(whole)
	s.differs = s.differs || !agrees
	return rest
}

// thoughts reads a piece of a thought, or all of it.
func (s *stream) thoughts(name string, e *event) {
	form := thoughtForm(name)
	if form == "" { // of a server's own tool: its item says it all when it has ended
		return
	}
	it := s.open("reasoning", e.output, e.itemID)
	s.think(it, form, e.content, e.delta)
	whole := text(e.whole)
	if len(e.part) > 0 {
		whole = partText(e.part)
	}
	s.endThought(it, form, e.content, whole)
}

// thoughtForm is which of a thought's texts an event is about, by whatever name
// its server calls it; "" for another event.
func thoughtForm(name string) string {
	of, ends := strings.CutSuffix(name, ".delta")
	if !ends {
		of, ends = strings.CutSuffix(name, ".done")
	}
	switch {
	case !ends || !strings.HasPrefix(of, "reasoning") && !strings.HasPrefix(of, "thinking"):
		return ""
	case strings.Contains(of, "summary"):
		return "summary"
	}
	return "content"
}

func (s *stream) endThought(it *answerItem, form string, place int, whole string) {
	if whole == "" || it.thinks != "" && it.thinks != form {
		return
	}
	p := it.part(place)
	s.think(it, form, place, s.missing(whole, &p.said))
}

// endPart takes a part of a message as it is when it has ended.
func (s *stream) endPart(it *answerItem, place int, raw []byte) {
	p := it.part(place)
	r := wire.AnswerReader(raw)
	switch r.Next() {
	case '"':
		s.endText(p, text(raw))
		return
	case '[':
		s.hole = s.hole || failure.TextIn(raw) != ""
		return
	}
	whole, kind := "", ""
	var logprobs []byte
	more := false // fields that are not read
	for next := r.Object(); next; next = r.NextField() {
		switch string(r.Key) {
		case "type":
			kind = strings.ToLower(r.TextLike("output_text"))
		case "text", "refusal":
			value := wire.Span(&r)
			if whole = text(value); len(value) > 0 && value[0] != '"' {
				whole, s.hole = "", true
			}
		case "annotations":
			had := len(p.annotations)
			for item := range elements(wire.Span(&r)) {
				p.annotations = append(p.annotations, append(json.RawMessage(nil), item...))
			}
			if len(p.annotations) > had { // these count
				p.annotations = p.annotations[had:]
			}
		case "logprobs":
			logprobs = wire.Span(&r)
		case "transcript":
			s.endSound(p, text(wire.Span(&r)))
		case "data":
			s.endVoice(p, kind, text(wire.Span(&r)))
		default:
			more = true
		}
	}
	switch {
	case kind == "" && whole != "":
		kind = "text"
	case whole == "" && more && (kind == "" || strings.HasSuffix(kind, "text")):
		s.hole = s.hole || failure.TextIn(raw) != ""
	}
	if kind != "refusal" && (!strings.HasSuffix(kind, "text") || kind == "summary_text" || failure.IsThought(kind)) {
		s.opaque = s.opaque || kind != ""
		s.hole = s.hole || !failure.IsOwnWork(kind) && failure.TextIn(raw) != ""
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
	if len(whole) != p.whole { // else it is the same once more
		s.say(p, s.missing(whole, &p.said))
		p.whole = len(whole)
	}
}

// partText is the text of a part, "" for none that can be read.
func partText(raw []byte) string {
	r := wire.AnswerReader(raw)
	if r.Next() == '"' {
		return r.Piece()
	}
	for more := r.Object(); more; more = r.NextField() {
		if string(r.Key) == "text" {
			return text(wire.Span(&r))
		}
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
