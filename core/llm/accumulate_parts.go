package llm

import (
	"cmp"
	"maps"
	"slices"
	"unicode/utf8"

	"github.com/llmagg/llmagg/core/internal/jsontext"
)

// partialPart is one part of a content that comes in pieces. A part goes on
// with the first part of the next list if both have the same type and that is
// one of texts; entries with an index are told apart by it.
type partialPart struct {
	Part                    // what came first
	text, refusal *segments // nil for none
	extra         joints
	index         int // -1 for none
}

// addContent joins a delta's content where there are parts: a text becomes a
// text part in its place.
func (p *partialChoice) addContent(d *Message) (changed bool) {
	if p.parts == nil {
		p.parts = []*partialPart{}
		if p.content.Len() > 0 {
			p.addString(p.content.String())
			p.content.Reset()
		}
	}
	if d.Parts == nil {
		p.addString(d.Content)
		return false
	}
	copied := false
	for i := range d.Parts {
		part := d.Parts[i]
		differs, copiedExtra := false, false
		if p.halves != nil || !jsontext.Half("").Whole(part.Text) {
			differs = p.mend("content", &part.Text)
		}
		p.addPart(&part, i == 0)
		for name, raw := range part.Extra {
			if clean := jsontext.ToValid(raw); !utf8.Valid(raw) {
				if !copiedExtra {
					part.Extra, copiedExtra, differs = maps.Clone(part.Extra), true, true
				}
				part.Extra[name] = clean
			}
		}
		if !differs {
			continue
		}
		if !copied {
			d.Parts, copied, changed = slices.Clone(d.Parts), true, true
		}
		d.Parts[i] = part
	}
	return changed
}

// addString joins a text.
func (p *partialChoice) addString(text string) {
	switch {
	case text == "":
	case p.parts == nil:
		p.content.WriteString(text)
	default:
		part := Text(text)
		p.addPart(&part, true)
	}
}

// addPart joins a part; first says that it may go on with the last one.
func (p *partialChoice) addPart(d *Part, first bool) {
	index := -1
	if raw := d.Extra["index"]; len(raw) > 0 {
		r := newReader(raw)
		index = r.Index(-1)
	}
	to := p.openPart(d, index, first)
	if to == nil {
		to = &partialPart{Part: *d, index: index}
		to.Text, to.Refusal, to.Extra = "", "", nil
		p.parts = append(p.parts, to)
	}
	to.take(d)
}

// openPart is the part that d goes on with, nil for none.
func (p *partialChoice) openPart(d *Part, index int, first bool) *partialPart {
	if index >= 0 {
		for i := len(p.parts) - 1; i >= 0 && i >= len(p.parts)-manyCalls; i-- { // none goes on much later
			if to := p.parts[i]; to.index == index && (d.Type == "" || d.Type == to.Type) {
				return to
			}
		}
		return nil
	}
	if !first || len(p.parts) == 0 {
		return nil
	}
	to := p.parts[len(p.parts)-1]
	if to.Type != d.Type || !to.goesOn() || !d.isText() {
		return nil
	}
	return to
}

// isText tells whether a part is of a kind that comes in pieces.
func (d *Part) isText() bool {
	if d.ImageURL != nil || d.InputAudio != nil || d.File != nil {
		return false
	}
	return d.Text != "" || d.Type == "text" || d.Refusal != "" || hasPieces(d.Extra)
}

func hasPieces(e Extra) bool {
	for name := range e {
		if pieceNames.Has(name) || name == "signature" {
			return true
		}
	}
	return false
}

// goesOn tells whether a part may have more: a signature and "closed" end it.
func (to *partialPart) goesOn() bool {
	if to.index >= 0 || to.ImageURL != nil || to.InputAudio != nil || to.File != nil {
		return false
	}
	if closed := to.extra["closed"]; closed != nil && string(closed.raw) == "true" {
		return false
	}
	return to.extra["signature"] == nil
}

func (to *partialPart) take(d *Part) {
	if d.Text != "" {
		if to.text == nil {
			to.text = &segments{}
		}
		to.text.WriteString(d.Text)
	}
	if d.Refusal != "" {
		if to.refusal == nil {
			to.refusal = &segments{}
		}
		to.refusal.WriteString(d.Refusal)
	}
	to.ImageURL = cmp.Or(d.ImageURL, to.ImageURL)
	to.InputAudio = cmp.Or(d.InputAudio, to.InputAudio)
	to.File = cmp.Or(d.File, to.File)
	to.extra.add(d.Extra, inDelta)
}

func wholeParts(parts []*partialPart) []Part {
	whole := make([]Part, 0, len(parts))
	for _, from := range parts {
		part := from.Part
		if from.text != nil {
			part.Text = from.text.String()
		}
		if from.refusal != nil {
			part.Refusal = from.refusal.String()
		}
		part.Extra = from.extra.extra()
		whole = append(whole, part)
	}
	return whole
}

// text is the plain text so far, which is not to be written to.
func (p *partialChoice) text() *segments {
	if p.parts == nil {
		return &p.content
	}
	text := &segments{}
	for _, part := range p.parts {
		if part.text == nil {
			continue
		}
		for piece := range part.text.pieces(0) {
			text.keep(piece)
		}
	}
	return text
}
