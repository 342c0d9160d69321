package llm

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"unicode/utf8"

	"github.com/llmagg/llmagg/core/internal/jsontext"
)

// Accumulator joins the chunks of one streamed answer into a [Response]. Pieces
// are joined by identity, not only by their index: see S5 in docs/promises.md.
// The zero value is ready. It is not safe for concurrent use.
type Accumulator struct {
	head    Response
	extra   joints
	choices []*partialChoice
	scratch ChunkChoice // the choice that is being joined, which may be changed
}

type partialChoice struct {
	index                       int
	content, reasoning, refusal segments
	hasContent                  bool
	parts                       []*partialPart
	calls                       partialCalls
	function                    *partialCall
	moved                       bool // more of the old form's calls came: they are tool calls
	finish                      string
	wentOn                      bool // something came after finish
	logprobLists                []logprobList
	otherLogprobs               joints
	deltaExtra, extra           joints
	name, toolCallID            string

	halves     map[string]*jsontext.Half // of texts whose last piece ended inside a character
	delta      bool                      // a delta has come, and not only whole messages
	increments bool                      // the "whole" messages are pieces
	cumulative bool                      // they have all so far
	differs    bool                      // one of them says more than came, or otherwise

	saysAgain, thinksAgain again  // what the deltas of content and reasoning do
	thoughts               string // the name under which all the reasoning comes too; "" for none
}

// Add joins one more chunk. It returns the chunk in a form that a reader can
// join by the rules of OpenAI's streams: with a separate index for every tool
// call, without repetitions of a whole message, without half characters. That
// is c itself, or a changed copy.
func (a *Accumulator) Add(c *Chunk) *Chunk {
	if a.head.ID == "" {
		a.head.ID = c.ID
	}
	if a.head.Model == "" {
		a.head.Model = c.Model
	}
	if a.head.Created == 0 {
		a.head.Created = c.Created
	}
	if c.Usage != nil {
		a.head.Usage = c.Usage.After(a.head.Usage).Clone()
	}
	a.extra.add(c.Extra, inChunk)
	told := c
	for i := range c.Choices {
		from := &c.Choices[i]
		p := a.choice(from.Index)
		if p.plain(from) {
			p.content.WriteString(from.Delta.Content)
			p.hasContent, p.delta = true, true
			p.saysAgain.pieces++
			continue
		}
		a.scratch = *from
		if p.add(&a.scratch) {
			if told == c {
				copied := *c
				copied.Choices = slices.Clone(c.Choices)
				told = &copied
			}
			told.Choices[i] = a.scratch
		}
	}
	return told
}

func (a *Accumulator) choice(index int) *partialChoice {
	for _, p := range a.choices {
		if p.index == index {
			return p
		}
	}
	p := &partialChoice{index: index}
	a.choices = append(a.choices, p)
	for i := len(a.choices) - 1; i > 0 && a.choices[i-1].index > index; i-- { // slices.SortFunc would add 4 KB to the library
		a.choices[i-1], a.choices[i] = p, a.choices[i-1]
	}
	return p
}

// Reset discards everything, for the answer of another route: the texts of two
// answers are never joined.
func (a *Accumulator) Reset() { *a = Accumulator{} }

// Text is the text of the first choice so far.
func (a *Accumulator) Text() string {
	if len(a.choices) == 0 {
		return ""
	}
	first := a.choices[0]
	unclear := first.saysAgain // a copy: more may come
	return first.text().String() + unclear.release(&first.content)
}

// Response is the answer so far; the caller owns it.
func (a *Accumulator) Response() *Response {
	r := a.head
	r.Object = "chat.completion"
	r.Extra = a.extra.extra()
	r.Choices = make([]Choice, 0, len(a.choices))
	for _, p := range a.choices {
		r.Choices = append(r.Choices, p.choice())
	}
	return &r
}

// Whole is the answer of a stream that is complete, as [WholeCalls] leaves it.
func (a *Accumulator) Whole() *Response {
	r := a.Response()
	WholeCalls(r)
	return r
}

// plain tells whether a choice has nothing but a piece of text.
func (p *partialChoice) plain(c *ChunkChoice) bool {
	d := &c.Delta
	return d.Content != "" && d.Role == "" && d.Parts == nil && d.ReasoningContent == "" && d.Refusal == "" && d.ToolCalls == nil &&
		d.FunctionCall == nil && d.Audio == nil && d.Extra == nil && d.Name == "" && d.ToolCallID == "" && c.FinishReason == "" &&
		c.whole == nil && !c.begins && c.Logprobs == nil && c.Extra == nil && p.parts == nil && p.halves == nil && p.finish == "" &&
		len(d.Content) < p.content.Len() && !p.saysAgain.sums && p.saysAgain.held == "" && jsontext.Half("").Whole(d.Content)
}

// add joins what a choice brings, and changes it where its reader could not
// join it; changed says so.
func (p *partialChoice) add(c *ChunkChoice) (changed bool) {
	first := p.finish == ""
	p.end(c)
	if c.whole != nil && c.whole.alone {
		c.Delta = Message{NullContent: true}
	}
	if c.begins && p.content.Len() > 0 {
		changed, c.begins = p.beginText(&c.Delta), false
	}
	if c.whole == nil {
		changed = p.repeats(&c.Delta) || changed
	} else { // it says what has come
		if text := c.Delta.Content; text != "" && text == c.whole.Content && p.saysAgain.isAll(&p.content, text) {
			c.Delta.Content, c.Delta.NullContent = "", true
		}
		changed = p.saysAgain.goOn(&c.Delta.Content) || changed
		changed = p.thinksAgain.goOn(&c.Delta.ReasoningContent) || changed
	}
	changed = p.addDelta(&c.Delta) || changed
	if c.whole != nil {
		p.addWhole(&c.Delta, &c.whole.Message)
		c.whole, changed = nil, true
	}
	if c.FinishReason != "" {
		changed = p.giveUp(&c.Delta) || changed
		changed = first && p.giveUpAgain(&c.Delta) || changed // else a server repeats its reason with all so far
		if saysDone(c.FinishReason) && p.isCut() {
			c.FinishReason, changed = "length", true
		}
	}
	p.addLogprobs(c.Logprobs)
	p.extra.add(c.Extra, inChoice)
	return changed
}

// addDelta joins a delta.
func (p *partialChoice) addDelta(d *Message) (changed bool) {
	p.delta = p.delta || d.hasToken()
	if d.Name != "" {
		p.name = d.Name
	}
	if d.ToolCallID != "" {
		p.toolCallID = d.ToolCallID
	}
	thoughts := d.ReasoningContent
	changed = p.mend("content", &d.Content)
	changed = p.mend("reasoning", &d.ReasoningContent) || changed
	changed = p.mend("refusal", &d.Refusal) || changed
	p.hasContent = p.hasContent || !d.NullContent && d.Content != ""
	if d.Parts != nil || p.parts != nil {
		changed = p.addContent(d) || changed
	} else {
		p.content.WriteString(d.Content)
	}
	p.refusal.WriteString(d.Refusal)
	changed = p.addUnknown(d, thoughts) || changed
	p.reasoning.WriteString(d.ReasoningContent)
	changed = p.moveFunction(d) || changed
	changed = p.addCalls(d) || changed
	if f := d.FunctionCall; f != nil {
		if p.function == nil {
			p.function = &partialCall{}
		}
		copied := *f
		differs := p.mend("function", &copied.Arguments)
		if copied.Name != "" && copied.Name == p.function.name.String() && isWholeAgain(p.function, copied.Arguments) {
			d.FunctionCall = nil
			return true
		}
		copied.Name = p.function.newName(copied.Name)
		if copied.Arguments != "" {
			differs = p.function.withhold(&copied.Arguments, p.finish != "") || differs
		}
		if differs || copied.Name != f.Name {
			d.FunctionCall, changed = &copied, true
		}
		p.function.addPiece(copied.Name, copied.Arguments, copied.Extra)
	}
	return changed
}

// addUnknown joins the fields whose meaning only the reader knows. thoughts is
// the reasoning as it came, maybe with half a character at an end.
func (p *partialChoice) addUnknown(d *Message, thoughts string) (changed bool) {
	if len(d.Audio) > 0 {
		p.deltaExtra.addField(jointPlace{name: "audio"}, d.Audio)
		if clean := jsontext.ToValid(d.Audio); !utf8.Valid(d.Audio) {
			d.Audio, changed = clean, true
		}
	}
	came, copied := d.Extra, false
	if p.thoughts == "" && thoughts != "" && len(came) > 1 { // of several that say the thoughts the first is theirs
		names := jsontext.NamesOf(came)
		if i := slices.IndexFunc(names, func(name string) bool { return p.isThoughts(name, came[name], thoughts) }); i >= 0 {
			p.thoughts = names[i]
		}
	}
	for name, raw := range came {
		valid := raw
		if p.isThoughts(name, raw, thoughts) {
			p.thoughts = name // joined once; written twice
			if d.ReasoningContent != thoughts {
				valid = jsontext.AppendText(nil, d.ReasoningContent)
			}
		} else {
			if name == p.thoughts {
				p.parted()
			}
			p.deltaExtra.addField(jointPlace{name: name}, raw)
		}
		if valid = jsontext.ToValid(valid); bytes.Equal(valid, raw) {
			continue
		}
		if !copied {
			d.Extra, copied = maps.Clone(d.Extra), true
		}
		d.Extra[name], changed = valid, true
	}
	if p.thoughts != "" && thoughts != "" && len(came[p.thoughts]) == 0 {
		p.parted()
	}
	return changed
}

// isThoughts tells whether an unknown field says what the reasoning says.
func (p *partialChoice) isThoughts(name string, raw json.RawMessage, thoughts string) bool {
	if name != p.thoughts && (p.thoughts != "" || p.reasoning.Len() > 0 || thoughts == "" || !isReasoning([]byte(name)) || p.deltaExtra[name] != nil) {
		return false
	}
	return equalsText(raw, thoughts)
}

// parted is where the reasoning and its other name no longer say the same.
func (p *partialChoice) parted() {
	if p.thoughts != "" {
		p.deltaExtra.addField(jointPlace{name: p.thoughts}, jsontext.AppendText(nil, p.reasoning.String()))
		p.thoughts = ""
	}
}

// equalsText tells whether a JSON string has this text.
func equalsText(raw json.RawMessage, text string) bool {
	if isNull(raw) || raw[0] != '"' {
		return text == ""
	}
	inside := raw[1 : len(raw)-1]
	if bytes.IndexByte(inside, '\\') >= 0 {
		inside = jsontext.Unescape(inside, true)
	}
	return string(inside) == text
}

func (p *partialChoice) choice() Choice {
	m := Message{Role: RoleAssistant, Name: p.name, ToolCallID: p.toolCallID, ReasoningContent: p.reasoning.String(),
		Refusal: p.refusal.String(), Extra: p.deltaExtra.extra(), ToolCalls: p.calls.whole()}
	if p.parts != nil {
		m.Parts = wholeParts(p.parts)
	} else {
		m.Content = p.content.String()
	}
	m.Audio = m.Extra.take("audio")
	if p.thoughts != "" && m.ReasoningContent != "" {
		m.Extra.Put(p.thoughts, jsontext.AppendText(nil, m.ReasoningContent))
	}
	if p.function != nil {
		whole := p.function.function()
		m.FunctionCall = &whole
	}
	m.NullContent = !p.hasContent && m.Parts == nil
	return Choice{Index: p.index, Message: m, FinishReason: p.finish, Logprobs: p.logprobs(), Extra: p.extra.extra()}
}
