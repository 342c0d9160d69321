package llm

import (
	"bytes"

	"github.com/llmagg/llmagg/core/internal/jsontext"
)

// read reads a part of an answer: what has another type than expected stays
// among the unknown fields, and a text is a text part.
func (p *Part) read(r *reader) {
	if r.next() == '"' {
		p.Type, p.Text = "text", r.piece()
		return
	}
	for more := r.object(); more; more = r.nextField() {
		c := r.next()
		switch key := string(r.key); {
		case key == "type":
			p.Type = r.word()
		case key == "text" && c == '"':
			p.Text = r.piece()
		case key == "text" && c == '{' && r.answer: // as in the Assistants API
			p.readText(r)
		case key == "refusal" && c == '"':
			p.Refusal = r.piece()
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
	for more := r.object(); more; more = r.nextField() {
		if string(r.key) == "value" && r.next() == '"' {
			p.Text = r.piece()
			continue
		}
		r.extra(&p.Extra)
	}
}

// readPartField reads an object into to, or keeps it as it is.
func readPartField[T any](r *reader, to **T, extra *Extra) {
	key := bytes.Clone(r.key)
	at := r.Pos
	from := r.Field()
	if r.err != nil {
		return
	}
	value := new(T)
	if JSON.Unmarshal(validRaw(jsontext.WithoutOddNumbers(r.Data[from:r.Pos])), value) == nil {
		*to = value
		return
	}
	r.Pos, r.key = at, key
	r.extra(extra)
}
