package llm

import (
	"cmp"
	"slices"
	"strings"

	"github.com/llmagg/llmagg/core/internal/jsontext"
)

// addWhole takes a whole message into account, which stands beside deltas or
// comes without any: it adds what has not come yet, here and to the delta that
// the reader gets. Whole messages without deltas of which none begins with
// what came before are pieces.
func (p *partialChoice) addWhole(d, whole *Message) {
	rest := *whole
	rest.Parts, rest.ToolCalls, rest.FunctionCall, rest.Audio, rest.Extra = nil, nil, nil, nil, nil
	rest.ReasoningContent = p.lacks(&p.reasoning, whole.ReasoningContent)
	rest.Refusal = p.lacks(&p.refusal, whole.Refusal)
	p.lackingContent(&rest, whole)
	p.lackingCalls(&rest, whole)
	p.lackingFields(&rest, whole)
	came := p.delta
	p.addDelta(&rest)
	p.delta = came
	d.append(&rest)
}

// lacks is what a whole text adds to what has come.
func (p *partialChoice) lacks(have *segments, whole string) string {
	rest, ok := have.cutFrom(whole)
	switch {
	case ok && !p.increments:
		p.cumulative = p.cumulative || have.Len() > 0 && rest != ""
		return rest
	case p.delta, p.cumulative:
		return p.agrees(have, whole)
	case !p.increments && have.beginsWith(whole):
		return ""
	}
	p.increments = true
	return whole
}

// agrees is what a whole text adds to pieces that it does not begin with, but
// for white space, or for thoughts that came elsewhere. Else a piece is
// missing, or another came, which [Accumulator.Differs] tells.
func (p *partialChoice) agrees(have *segments, whole string) (rest string) {
	if _, answer, thinks := strings.Cut(whole, "</think>"); thinks && have != &p.reasoning && !strings.Contains(have.String(), "</think>") {
		whole = answer
	}
	var came jsontext.Tally
	for piece := range have.pieces(0) {
		came.Add(piece)
	}
	rest, agrees := came.Rest(whole)
	p.differs = p.differs || !agrees
	return rest
}

// Differs tells whether a whole message says more than the deltas beside it, or
// otherwise, so that the answer that they make has a hole.
func (a *Accumulator) Differs() bool {
	return slices.ContainsFunc(a.choices, func(p *partialChoice) bool { return p.differs })
}

func (p *partialChoice) lackingContent(rest, whole *Message) {
	if whole.Parts == nil && p.parts == nil {
		rest.Content = p.lacks(&p.content, whole.Content)
		rest.NullContent = whole.NullContent
		return
	}
	have, all := p.text(), whole.PlainText()
	rest.Content = ""
	if have.Len() == 0 && len(p.parts) == 0 {
		rest.Content, rest.Parts = whole.Content, whole.Parts
		return
	}
	more := p.lacks(have, all)
	if more != "" {
		rest.Content = more
	}
	if whole.Parts == nil {
		return
	}
	parts := []Part{}
	if more != "" {
		parts = append(parts, Text(more))
	}
	texts := 0
	for i := range whole.Parts {
		switch part := &whole.Parts[i]; {
		case part.Type == "text":
			texts++
		case !p.hasPart(part):
			parts = append(parts, *part)
		}
	}
	if len(parts) > 0 {
		rest.Content, rest.Parts = "", parts
	}
}

// hasPart tells whether a part other than a text has come.
func (p *partialChoice) hasPart(whole *Part) bool {
	want, err := whole.MarshalJSON()
	if err != nil {
		return true
	}
	for _, part := range wholeParts(p.parts) {
		if part.Type != whole.Type {
			continue
		}
		if part.Type != "image_url" && part.Type != "input_audio" && part.Type != "file" {
			return true // its pieces came
		}
		if have, err := part.MarshalJSON(); err == nil && string(have) == string(want) {
			return true
		}
	}
	return false
}

func (p *partialChoice) lackingCalls(rest, whole *Message) {
	for i := range whole.ToolCalls {
		call := whole.ToolCalls[i]
		to := p.calls.counterpart(&call, i)
		if to == nil {
			if call.Index < 0 {
				call.Index = i
			}
			rest.ToolCalls = append(rest.ToolCalls, call)
			continue
		}
		more := ToolCall{Index: to.index, Extra: to.extra.lacking(call.Extra)}
		if f := call.Custom; f != nil {
			lacking := p.lackingOf(to, &FunctionCall{f.Name, f.Input, f.Extra})
			if !lacking.isEmpty() {
				more.Custom = &CustomCall{lacking.Name, lacking.Arguments, lacking.Extra}
			}
		} else {
			more.Function = p.lackingOf(to, &call.Function)
		}
		if to.id == "" {
			more.ID = call.ID
		}
		if to.kind == "" {
			more.Type = call.Type
		}
		if !more.isEmpty() || more.Type != "" {
			rest.ToolCalls = append(rest.ToolCalls, more)
		}
	}
	if f := whole.FunctionCall; f != nil {
		more := *f
		if p.function != nil {
			more = p.lackingOf(p.function, f)
		}
		if !more.isEmpty() {
			rest.FunctionCall = &more
		}
	}
}

func (p *partialChoice) lackingOf(to *partialCall, whole *FunctionCall) (more FunctionCall) {
	if rest := to.newName(whole.Name); to.name.Len() == 0 || rest != whole.Name {
		more.Name = rest
	} else if !strings.HasSuffix(to.name.String(), whole.Name) && !strings.HasSuffix(whole.Name, to.name.String()) {
		p.differs = true
	}
	if whole.Arguments != "" {
		to.again.held = "" // it says all that came
	}
	if to.custom || !sameJSON(to.arguments.String(), whole.Arguments) {
		more.Arguments = p.lacks(&to.arguments, whole.Arguments)
	}
	more.Extra = to.inside.lacking(whole.Extra)
	return more
}

// sameJSON tells whether two texts are one value of JSON: servers write
// arguments anew.
func sameJSON(a, b string) bool {
	return a == b || rewritten(a) != "" && rewritten(a) == rewritten(b)
}

// rewritten is JSON in one spelling; "" for what is none.
func rewritten(text string) string {
	var value any
	if exactJSON.UnmarshalFromString(text, &value) != nil {
		return ""
	}
	return string(JSONOf(value))
}

// counterpart is the call that a call of a whole message, the nth one, is. Some
// servers make up another id for it.
func (c *partialCalls) counterpart(call *ToolCall, n int) (to *partialCall) {
	if call.ID != "" {
		if to := c.withID(call.ID); to != nil {
			return to
		}
	}
	if call.Index >= 0 {
		to = c.withIndex(call.Index)
	} else if n < len(c.list) {
		to = c.list[n]
	}
	name, text := call.said()
	if to == nil || call.ID == "" || to.id == "" || *name == to.name.String() && sameJSON(*text, to.arguments.String()) {
		return to
	}
	return nil
}

func (p *partialChoice) lackingFields(rest, whole *Message) {
	rest.Audio = p.deltaExtra["audio"].rest(whole.Audio)
	for name, raw := range whole.Extra {
		if isReasoning([]byte(name)) && equalsText(raw, whole.ReasoningContent) && (p.thoughts == name || p.deltaExtra[name] == nil) {
			if rest.ReasoningContent == "" || p.thoughts == "" && p.reasoning.Len() > 0 {
				continue
			}
			raw = jsontext.AppendText(nil, rest.ReasoningContent)
		} else if raw = p.deltaExtra[name].rest(raw); raw == nil {
			continue
		}
		rest.Extra.Put(name, raw)
	}
}

// append puts what a whole message added behind a delta.
func (m *Message) append(rest *Message) {
	m.Role = cmp.Or(m.Role, rest.Role)
	m.Name = cmp.Or(m.Name, rest.Name)
	m.ToolCallID = cmp.Or(m.ToolCallID, rest.ToolCallID)
	switch {
	case m.Parts == nil && rest.Parts == nil:
		m.Content += rest.Content
	case rest.Parts == nil:
		if rest.Content != "" {
			m.Parts = append(m.Parts[:len(m.Parts):len(m.Parts)], Text(rest.Content))
		}
	default:
		if m.Content != "" {
			m.Parts, m.Content = []Part{Text(m.Content)}, ""
		}
		m.Parts = append(m.Parts[:len(m.Parts):len(m.Parts)], rest.Parts...)
	}
	m.NullContent = m.NullContent && rest.NullContent
	m.ReasoningContent += rest.ReasoningContent
	m.Refusal += rest.Refusal
	m.ToolCalls = append(m.ToolCalls[:len(m.ToolCalls):len(m.ToolCalls)], rest.ToolCalls...)
	if f := rest.FunctionCall; f != nil {
		both := *f
		if m.FunctionCall != nil {
			both.Name, both.Arguments = m.FunctionCall.Name+f.Name, m.FunctionCall.Arguments+f.Arguments
			both.Extra = joinedExtra(m.FunctionCall.Extra, f.Extra)
		}
		m.FunctionCall = &both
	}
	m.Extra = joinedExtra(m.Extra, rest.Extra)
	if len(rest.Audio) > 0 {
		m.Audio = JoinValues(m.Audio, rest.Audio)
	}
}

// joinedExtra are the unknown fields of a delta and of what goes on with it.
func joinedExtra(first, rest Extra) Extra {
	var both joints
	both.add(first, inDelta)
	both.add(rest, inDelta)
	return both.extra()
}
