package llm

import "github.com/llmagg/llmagg/core/internal/jsontext"

// This file is what waits for more: halves of characters and placeholders, and
// what becomes of them where no more comes.

// Rest is a last chunk with what waited for more when the stream ended without
// finish reasons; nil if nothing did.
func (a *Accumulator) Rest() *Chunk {
	var rest *Chunk
	for _, p := range a.choices {
		d := Message{NullContent: true}
		if halves := p.giveUp(&d); !p.giveUpAgain(&d) && !halves {
			continue
		}
		if rest == nil {
			rest = &Chunk{ID: a.head.ID, Object: "chat.completion.chunk", Created: a.head.Created, Model: a.head.Model}
		}
		rest.Choices = append(rest.Choices, ChunkChoice{Index: p.index, Delta: d})
	}
	return rest
}

// mend holds back half a character at the end of a piece until its other half
// comes.
func (p *partialChoice) mend(name string, piece *string) (changed bool) {
	h := p.halves[name]
	if h == nil && jsontext.Half("").Whole(*piece) || *piece == "" {
		return false
	}
	if h == nil {
		h = new(jsontext.Half)
		if text := h.Join(*piece); text == *piece && *h == "" {
			return false
		}
		*h = ""
		if p.halves == nil {
			p.halves = map[string]*jsontext.Half{}
		}
		p.halves[name] = h
	}
	text := h.Join(*piece)
	if *h == "" {
		if delete(p.halves, name); len(p.halves) == 0 {
			p.halves = nil
		}
	}
	changed = text != *piece
	*piece = text
	return changed
}

// giveUp gives d what still waited for more, at the end of a choice.
func (p *partialChoice) giveUp(d *Message) (changed bool) {
	if p.halves != nil {
		changed = p.flush(d)
	}
	return p.release(d) || changed
}

// flush gives up the wait for other halves, at the end of a choice.
func (p *partialChoice) flush(d *Message) (changed bool) {
	for name, h := range p.halves {
		lost := h.Flush()
		if lost == "" {
			continue
		}
		changed = true
		switch name {
		case "content":
			p.addString(lost)
			d.Content += lost
		case "reasoning":
			p.reasoning.WriteString(lost)
			d.ReasoningContent += lost
		case "refusal":
			p.refusal.WriteString(lost)
			d.Refusal += lost
		case "function":
			p.say(lost, d)
		default:
			p.calls.flush(name, lost, d)
		}
	}
	p.halves = nil
	return changed
}

// release gives the placeholders that nothing has replaced to the delta with
// which their choice ends.
func (p *partialChoice) release(d *Message) (changed bool) {
	for _, to := range p.calls.list {
		text := to.released()
		if text == "" {
			continue
		}
		changed = true
		to.arguments.WriteString(text)
		more := ToolCall{Index: to.place, Function: FunctionCall{Arguments: text}}
		if to.custom {
			more = ToolCall{Index: to.place, Custom: &CustomCall{Input: text}}
		}
		d.ToolCalls = append(d.ToolCalls[:len(d.ToolCalls):len(d.ToolCalls)], more)
	}
	if p.function != nil {
		if text := p.function.released(); text != "" {
			changed = true
			p.say(text, d)
		}
	}
	return changed
}

// say is a last piece of the arguments of the old form's call.
func (p *partialChoice) say(text string, d *Message) {
	p.function.arguments.WriteString(text)
	also := FunctionCall{Arguments: text}
	if d.FunctionCall != nil {
		also = *d.FunctionCall
		also.Arguments += text
	}
	d.FunctionCall = &also
}

// end notes a finish reason. A "stop" that a server adds behind the real one,
// with nothing between them, does not take its place: the answer was cut off,
// or has calls.
func (p *partialChoice) end(c *ChunkChoice) {
	if p.finish != "" && c.Delta.hasToken() {
		p.wentOn = true
	}
	switch {
	case c.FinishReason == "":
	case c.FinishReason == "stop" && p.finish != "" && !p.wentOn:
	default:
		p.finish, p.wentOn = c.FinishReason, false
	}
}
