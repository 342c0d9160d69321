package llm

import (
	"encoding/json"
	"slices"

	"github.com/llmagg/llmagg/core/internal/jsontext"
)

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

// logprobList is a list with an entry for each token, under its name: "content"
// and "refusal", or "tokens" and its like of old completions; "" where the list
// stands alone. Each piece has tokens of its own, also where they are alike.
type logprobList struct {
	name  string
	items []json.RawMessage
}

func (p *partialChoice) addLogprobs(raw json.RawMessage) {
	if len(raw) == 0 {
		return
	}
	r := newReader(raw) // lenient: what cannot be read is left out
	if r.Next() == '[' {
		p.addLogprobList(&r, "")
		return
	}
	for more := r.Object(); more; more = r.NextField() {
		name := string(r.Key)
		if r.Next() == '[' {
			p.addLogprobList(&r, name)
		} else if from := r.Span(); r.Err == nil {
			p.otherLogprobs.addField(jointPlace{name: name}, r.Keep(r.Data[from:r.Pos]))
		}
	}
}

// addLogprobList appends the elements of an array as they stand.
func (p *partialChoice) addLogprobList(r *reader, name string) {
	at := slices.IndexFunc(p.logprobLists, func(l logprobList) bool { return l.name == name })
	if at < 0 {
		at = len(p.logprobLists)
		p.logprobLists = append(p.logprobLists, logprobList{name, []json.RawMessage{}})
	}
	to := &p.logprobLists[at].items
	for more := r.Array(); more; more = r.NextItem() {
		if from := r.Span(); r.Err == nil {
			*to = append(*to, r.Keep(r.Data[from:r.Pos]))
		}
	}
}

func (p *partialChoice) logprobs() json.RawMessage {
	if p.logprobLists == nil && p.otherLogprobs == nil {
		return nil
	}
	raw, err := jsontext.Encode(nil, func(w *jsontext.Writer) {
		write := func(item *json.RawMessage, w *jsontext.Writer) { w.Raw(*item) }
		if len(p.logprobLists) == 1 && p.logprobLists[0].name == "" {
			jsontext.WriteList(w, p.logprobLists[0].items, write)
			return
		}
		o, others := w.Object(), p.otherLogprobs.extra()
		for _, list := range p.logprobLists {
			if delete(others, list.name); list.name != "" { // null, before the first list
				jsontext.WriteList(o.Field(list.name), list.items, write)
			}
		}
		o.Extra(others)
		o.End()
	})
	if err != nil {
		return nil
	}
	return raw
}
