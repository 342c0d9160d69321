package llm

import (
	"strings"

	"github.com/llmagg/llmagg/core/internal/jsontext"
)

// This file sees where the pieces of a text are no pieces: servers send all of
// the text so far in each delta, or the whole text once more at the end.

// again is what the deltas of one text do.
type again struct {
	pieces int    // so far
	held   string // a piece that begins with the whole text so far
	sums   bool   // each has all so far
	parted bool   // the text has parts, of which one may say what another says
}

// tells reports whether that a piece begins with the whole text so far, of size
// bytes, is no accident.
func (a *again) tells(size int) bool { return size >= 24 || size >= 8 && a.pieces > 3 }

// repeats takes what came before out of the texts of a delta. Where it is not
// clear yet whether it did, the next piece tells, or the end.
func (p *partialChoice) repeats(d *Message) (changed bool) {
	switch says := &p.saysAgain; {
	case d.Parts != nil && says.held != "":
		d.Parts, d.Content = append([]Part{Text(glued(says.held, d.Content))}, d.Parts...), ""
		says.held, changed = "", true
	case d.Content == "", d.Parts != nil, p.parts != nil, p.halves["content"] != nil:
	case says.cut(&p.content, &d.Content):
		d.NullContent, changed = d.Content == "", true
	}
	if d.ReasoningContent != "" && d.Extra == nil && p.thoughts == "" && p.halves["reasoning"] == nil {
		changed = p.thinksAgain.cut(&p.reasoning, &d.ReasoningContent) || changed
	}
	return changed
}

// beginText gives d what the part before has held, and lets parts be alike.
func (p *partialChoice) beginText(d *Message) (changed bool) {
	if held := p.saysAgain.release(&p.content); held != "" {
		d.Content, d.NullContent, changed = held+d.Content, false, true
	}
	p.saysAgain = again{parted: true}
	return changed
}

// cut takes out of a piece what the text so far has of it.
func (a *again) cut(have *segments, piece *string) (changed bool) {
	text := *piece
	if text == "" || a.parted {
		return false
	}
	a.pieces++
	if held := a.held; held != "" {
		a.held = ""
		switch sum := len(held) > have.Len(); {
		case sum && strings.HasPrefix(text, held) && (text == held || !repeatsItself(text[len(held):], text)):
			a.sums = true
			*piece = text[have.Len():]
			return true
		case sum || len(held) < 24 || a.pieces < 6:
			*piece = glued(held, text)
			return true
		} // else it was all of many pieces once more, and the text goes on
	}
	switch {
	case len(text) < have.Len() && !a.sums || have.Len() == 0:
		return false
	}
	rest, begins := have.cutFrom(text)
	switch {
	case a.sums && begins:
		*piece = rest
	case a.sums && have.beginsWith(text):
		*piece = ""
	case !begins || a.sums, rest == "" && !a.isAll(have, text), rest != "" && repeatsItself(rest, text):
		return false
	default:
		*piece, a.held = "", text
	}
	return true
}

// isAll tells whether a piece is the whole text so far once more, and no
// accident.
func (a *again) isAll(have *segments, text string) bool {
	rest, begins := have.cutFrom(text)
	return begins && rest == "" && a.tells(len(text)) && !isPeriodic(text)
}

// goOn gives what was held back, as a piece like others.
func (a *again) goOn(piece *string) (changed bool) {
	if a.held == "" {
		return false
	}
	*piece, a.held = glued(a.held, *piece), ""
	return true
}

// glued is two pieces as one, which may end inside a character.
func glued(held, text string) string {
	var h jsontext.Half
	whole := h.Join(held)
	whole += h.Join(text)
	return whole + string(h)
}

// isPeriodic tells whether a text repeats itself, as "ha ha ha" does.
func isPeriodic(text string) bool { return strings.Contains(text[1:], text[:len(text)/2]) }

// repeatsItself tells whether text, which rest ends, is a piece repeated:
// "haha" behind "ha" is more of the same.
func repeatsItself(rest, text string) bool {
	return strings.HasPrefix(text, rest) || strings.HasPrefix(rest, text[:len(text)-len(rest)])
}

// release is what a piece that was held adds when no more comes.
func (a *again) release(have *segments) string {
	held := a.held
	if a.held = ""; held != "" && a.tells(have.Len()) {
		held = held[have.Len():]
	}
	return strings.ToValidUTF8(held, "\uFFFD") // its last character may have lost its end
}

// giveUpAgain gives d the pieces that no other piece has explained.
func (p *partialChoice) giveUpAgain(d *Message) (changed bool) {
	if text := p.saysAgain.release(&p.content); text != "" {
		p.addString(text)
		d.Content, d.NullContent, changed = d.Content+text, false, true
		p.hasContent = true
	}
	if text := p.thinksAgain.release(&p.reasoning); text != "" {
		p.reasoning.WriteString(text)
		d.ReasoningContent, changed = d.ReasoningContent+text, true
	}
	return changed
}
