package llm

import (
	"bytes"
	"cmp"
	"strings"

	"github.com/llmagg/llmagg/core/internal/jsontext"
)

// HasParts tells whether there is a part with anything in it.
func (m *Message) HasParts() bool {
	for i := range m.Parts {
		if !m.Parts[i].IsEmpty() {
			return true
		}
	}
	return false
}

// IsEmpty tells whether a part has nothing but its type.
func (p *Part) IsEmpty() bool {
	if p.Text != "" || p.Refusal != "" || p.ImageURL != nil && p.ImageURL.URL != "" || p.InputAudio != nil && p.InputAudio.Data != "" ||
		p.File != nil && *p.File != (File{}) {
		return false
	}
	for _, value := range p.Extra {
		if !isEmpty(value) {
			return false
		}
	}
	return true
}

// read reads a part of an answer: what has another type than expected stays
// among the unknown fields, and a text is a text part.
func (p *Part) read(r *reader) {
	if r.Next() == '"' {
		p.Type, p.Text = "text", r.Piece()
		return
	}
	if r.Next() == '[' { // nobody knows what it would be
		r.Key = []byte("parts")
		r.extra(&p.Extra)
		return
	}
	for more := r.Object(); more; more = r.NextField() {
		c := r.Next()
		switch key := string(r.Key); {
		case key == "type":
			p.Type = r.word()
		case key == "text" && c == '"':
			p.Text = r.Piece()
		case key == "text" && c == '{' && r.answer: // as in the Assistants API
			p.readText(r)
		case key == "refusal" && c == '"':
			p.Refusal = r.Piece()
		case key == "image_url" && c == '{':
			readPartField(r, &p.ImageURL, &p.Extra)
		case key == "input_audio" && c == '{':
			readPartField(r, &p.InputAudio, &p.Extra)
		case key == "file" && c == '{':
			readPartField(r, &p.File, &p.Extra)
		default:
			r.extra(&p.Extra)
		}
	}
	if p.Type == "" && p.Text != "" {
		p.Type = "text"
	}
}

// readText reads a text that is an object: {"value", "annotations"}.
func (p *Part) readText(r *reader) {
	for more := r.Object(); more; more = r.NextField() {
		if string(r.Key) == "value" && r.Next() == '"' {
			p.Text = r.Piece()
			continue
		}
		r.extra(&p.Extra)
	}
}

// readPartField reads an object into to, or keeps it as it is.
func readPartField[T any](r *reader, to **T, extra *Extra) {
	key := bytes.Clone(r.Key)
	at := r.Pos
	from := r.Span()
	if r.Err != nil {
		return
	}
	value := new(T)
	if JSON.Unmarshal(jsontext.ToValid(jsontext.WithoutOddNumbers(r.Data[from:r.Pos])), value) == nil {
		*to = value
		return
	}
	r.Pos, r.Key = at, key
	r.extra(extra)
}

// readReasoning reads the thoughts. In answers of gateways they are a list, or
// an object, with a text and what belongs to it, such as its signature, which
// stays under a name that requests may have, too.
func (m *Message) readReasoning(r *reader) (text string) {
	const besides = "reasoning"
	switch _, taken := m.Extra[besides]; {
	case r.answer && r.Next() == '[':
		at := *r
		if text = r.thoughts(); !taken && r.Err == nil {
			r.Pos = at.Pos
			jsontext.KeepField(&r.Reader, besides, &m.Extra)
		}
	case r.answer && r.Next() == '{':
		var rest Extra
		text = r.besideThoughts(&rest)
		if raw, err := JSON.Marshal(rest); rest != nil && !taken && r.Err == nil && err == nil {
			m.Extra.Put(besides, raw)
		}
	default:
		text = r.pieceOr(&m.Extra)
	}
	return text
}

// besideThoughts reads an object with thoughts; what else it has, and what has
// more than a text, goes to rest.
func (r *reader) besideThoughts(rest *Extra) (text string) {
	for more := r.Object(); more; more = r.NextField() {
		c, at := r.Next(), *r
		if c == 'n' {
			continue
		}
		if isThoughtsText(r.Key) && (c == '"' || c == '[' || c == '{') {
			said := r.thoughts()
			text = cmp.Or(text, said)
			if c == '"' && text == said || r.Err != nil {
				continue
			}
			r.Pos, r.Key = at.Pos, at.Key
		}
		r.extra(rest)
	}
	return text
}

// thoughts is the text of thoughts: all of a list's items, the first of an
// object's fields that has one.
func (r *reader) thoughts() string {
	var text strings.Builder // a server may send very many items
	r.addThoughts(&text)
	return text.String()
}

func (r *reader) addThoughts(text *strings.Builder) {
	switch r.Next() {
	case '"':
		text.WriteString(r.Piece())
	case '[':
		for more := r.Array(); more; more = r.NextItem() {
			r.addThoughts(text)
		}
	case '{':
		before := text.Len()
		for more := r.Object(); more; more = r.NextField() {
			if text.Len() == before && isThoughtsText(r.Key) {
				r.addThoughts(text)
			}
		}
	}
}

// isThoughtsText tells whether a field of thoughts, or of a piece of them, has
// their text.
func isThoughtsText(key []byte) bool {
	switch string(key) {
	case "text", "content", "summary":
		return true
	}
	return isReasoning(key)
}
