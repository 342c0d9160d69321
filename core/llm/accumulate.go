package llm

import (
	"encoding/json"
	"slices"
	"strings"
)

// Accumulator joins the chunks of one streamed answer into a [Response]. The
// zero value is ready. It is not safe for use from several goroutines.
type Accumulator struct {
	head    Response
	choices []*partialChoice
	seen    bool
}

type partialChoice struct {
	index                       int
	role                        Role
	content, reasoning, refusal strings.Builder
	hasContent                  bool
	parts                       []Part
	calls                       []*partialCall
	callsByIndex                map[int]*partialCall    // of calls, once they are many; the last one of each index
	callsByID                   map[string]*partialCall // likewise
	function                    *partialCall
	finish                      string
	logContent, logRefusal      []json.RawMessage
	otherLogprobs               Extra
	audio                       json.RawMessage
	deltaExtra, extra           Extra
	name                        string
}

type partialCall struct {
	call            ToolCall
	name, arguments strings.Builder
}

// manyCalls is from how many tool calls on they are found by maps: a server
// that sends very many must not make their joining slow.
const manyCalls = 32

// Add joins one more chunk.
func (a *Accumulator) Add(c *Chunk) {
	a.seen = true
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
		a.head.Usage = c.Usage.Clone()
	}
	for k, v := range c.Extra {
		if a.head.Extra == nil {
			a.head.Extra = Extra{}
		}
		a.head.Extra[k] = v
	}
	for i := range c.Choices {
		a.choice(c.Choices[i].Index).add(&c.Choices[i])
	}
}

func (a *Accumulator) choice(index int) *partialChoice {
	for _, p := range a.choices {
		if p.index == index {
			return p
		}
	}
	p := &partialChoice{index: index}
	a.choices = append(a.choices, p)
	slices.SortFunc(a.choices, func(x, y *partialChoice) int { return x.index - y.index })
	return p
}

// Reset forgets everything, for the answer of another route: the texts of two
// answers are never joined.
func (a *Accumulator) Reset() { *a = Accumulator{} }

// Text is the content of the first choice so far.
func (a *Accumulator) Text() string {
	if len(a.choices) == 0 {
		return ""
	}
	return a.choices[0].content.String()
}

// Choices is how many choices have appeared, Finished how many of them have
// their finish reason.
func (a *Accumulator) Choices() int { return len(a.choices) }

// Finished counts the choices that have a finish reason.
func (a *Accumulator) Finished() int {
	n := 0
	for _, p := range a.choices {
		if p.finish != "" {
			n++
		}
	}
	return n
}

// Response is what has been joined so far; the caller owns it.
func (a *Accumulator) Response() *Response {
	r := a.head
	r.Object = "chat.completion"
	r.Choices = make([]Choice, 0, len(a.choices))
	for _, p := range a.choices {
		r.Choices = append(r.Choices, p.choice())
	}
	return &r
}

func (p *partialChoice) add(c *ChunkChoice) {
	d := &c.Delta
	if d.Role != "" {
		p.role = d.Role
	}
	if d.Name != "" {
		p.name = d.Name
	}
	p.hasContent = p.hasContent || !d.NullContent && d.Content != ""
	p.content.WriteString(d.Content)
	p.reasoning.WriteString(d.ReasoningContent)
	p.refusal.WriteString(d.Refusal)
	p.parts = append(p.parts, d.Parts...)
	for i := range d.ToolCalls {
		p.addCall(&d.ToolCalls[i])
	}
	if f := d.FunctionCall; f != nil {
		if p.function == nil {
			p.function = &partialCall{}
		}
		p.function.name.WriteString(f.Name)
		p.function.arguments.WriteString(f.Arguments)
	}
	if c.FinishReason != "" {
		p.finish = c.FinishReason
	}
	if len(d.Audio) > 0 {
		p.audio = d.Audio
	}
	p.addLogprobs(c.Logprobs)
	p.deltaExtra = merge(p.deltaExtra, d.Extra)
	p.extra = merge(p.extra, c.Extra)
}

// addCall joins a tool-call delta by its index; servers that send none are
// joined by id, and a delta with neither belongs to the last call.
func (p *partialChoice) addCall(d *ToolCall) {
	to := p.findCall(d)
	if to == nil && d.Index < 0 && d.ID == "" && len(p.calls) > 0 {
		to = p.calls[len(p.calls)-1]
	}
	if to == nil {
		to = &partialCall{call: ToolCall{Index: d.Index}}
		if d.Index < 0 {
			to.call.Index = len(p.calls)
		}
		p.calls = append(p.calls, to)
		if p.callsByIndex != nil {
			p.callsByIndex[to.call.Index] = to
		}
	}
	if d.ID != "" {
		to.call.ID = d.ID
		if p.callsByID != nil {
			p.callsByID[d.ID] = to
		}
	}
	if d.Type != "" {
		to.call.Type = d.Type
	}
	if d.Function.Name != "" && to.name.String() != d.Function.Name {
		to.name.WriteString(d.Function.Name)
	}
	to.arguments.WriteString(d.Function.Arguments)
	to.call.Extra = merge(to.call.Extra, d.Extra)
}

// findCall is the call that a delta's index, or else its id, names.
func (p *partialChoice) findCall(d *ToolCall) (found *partialCall) {
	if len(p.calls) < manyCalls {
		for _, c := range p.calls {
			if d.Index >= 0 && c.call.Index == d.Index || d.Index < 0 && d.ID != "" && c.call.ID == d.ID {
				found = c
			}
		}
		return found
	}
	if p.callsByIndex == nil {
		p.callsByIndex, p.callsByID = map[int]*partialCall{}, map[string]*partialCall{}
		for _, c := range p.calls {
			p.callsByIndex[c.call.Index], p.callsByID[c.call.ID] = c, c
		}
	}
	if d.Index >= 0 {
		return p.callsByIndex[d.Index]
	}
	if d.ID == "" {
		return nil
	}
	return p.callsByID[d.ID]
}

func (p *partialChoice) addLogprobs(raw json.RawMessage) {
	if len(raw) == 0 {
		return
	}
	r := newReader(raw) // lenient: what cannot be read is left out
	for more := r.object(); more; more = r.nextField() {
		switch string(r.key) {
		case "content":
			p.logContent = r.items(p.logContent)
		case "refusal":
			p.logRefusal = r.items(p.logRefusal)
		default:
			r.extra(&p.otherLogprobs)
		}
	}
}

// items appends the elements of an array as they stand.
func (r *reader) items(to []json.RawMessage) []json.RawMessage {
	for more := r.array(); more; more = r.nextItem() {
		if from := r.span(); r.err == nil {
			to = append(to, r.keep(r.data[from:r.pos]))
		}
	}
	return to
}

func (p *partialChoice) choice() Choice {
	m := Message{Role: p.role, Name: p.name, Content: p.content.String(), ReasoningContent: p.reasoning.String(),
		Refusal: p.refusal.String(), Parts: p.parts, Audio: p.audio, Extra: p.deltaExtra}
	if m.Role == "" {
		m.Role = RoleAssistant
	}
	calls := slices.Clone(p.calls) // whichever came first
	slices.SortStableFunc(calls, func(x, y *partialCall) int { return x.call.Index - y.call.Index })
	for _, c := range calls {
		call := c.call
		call.Index = -1 // a whole message numbers its calls by their place
		call.Function = FunctionCall{Name: c.name.String(), Arguments: c.arguments.String()}
		m.ToolCalls = append(m.ToolCalls, call)
	}
	if p.function != nil {
		m.FunctionCall = &FunctionCall{Name: p.function.name.String(), Arguments: p.function.arguments.String()}
	}
	m.NullContent = !p.hasContent
	return Choice{Index: p.index, Message: m, FinishReason: p.finish, Logprobs: p.logprobs(), Extra: p.extra}
}

func (p *partialChoice) logprobs() json.RawMessage {
	if p.logContent == nil && p.logRefusal == nil && p.otherLogprobs == nil {
		return nil
	}
	raw, err := encode(nil, func(w *writer) {
		o := w.object()
		for _, list := range []struct {
			name  string
			items []json.RawMessage
		}{{"content", p.logContent}, {"refusal", p.logRefusal}} {
			if list.items == nil {
				continue
			}
			o.field(list.name).beginArray()
			for i, item := range list.items {
				if i > 0 {
					w.comma()
				}
				w.raw(item)
			}
			w.endArray()
		}
		o.extra(p.otherLogprobs)
		o.end()
	})
	if err != nil {
		return nil
	}
	return raw
}

func merge(to, from Extra) Extra {
	if len(from) == 0 {
		return to
	}
	if to == nil {
		to = Extra{}
	}
	for k, v := range from {
		to[k] = v
	}
	return to
}
