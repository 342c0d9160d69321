package gemini

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/llmagg/llmagg/core/internal/jsontext"
	"github.com/llmagg/llmagg/core/llm"
)

// answerPart is one piece of an answer.
type answerPart struct {
	Text             *llm.Piece
	Thought          bool
	ThoughtSignature string
	FunctionCall     *functionCall
	InlineData       *blob

	raw []byte // the whole part
}

// readPart reads the part that comes next. Its fields may be in snake_case;
// what is in the usual case counts more.
func readPart(r *jsontext.Reader) (p answerPart, err error) {
	if r.Next() != '{' {
		return p, errNoObject
	}
	begin := r.Pos
	var snakeSignature string
	var snakeCall *functionCall
	var snakeData *blob
	for more := r.Object(); more; more = r.NextField() {
		switch key := string(r.Key); {
		case key == "text" && r.Next() == '"':
			text := llm.Piece(r.Piece())
			p.Text = &text
		case key == "thought" && (r.Next() == 't' || r.Next() == 'f'):
			p.Thought = r.Next() == 't'
			r.Skip()
		case key == "thoughtSignature" && r.Next() == '"':
			p.ThoughtSignature = r.Text()
		case key == "thought_signature" && r.Next() == '"':
			snakeSignature = r.Text()
		case key == "functionCall":
			p.FunctionCall, err = readInto[functionCall](r)
		case key == "function_call":
			snakeCall, err = readInto[functionCall](r)
		case key == "inlineData":
			p.InlineData, err = readInto[blob](r)
		case key == "inline_data":
			snakeData, err = blobOf(r)
		case r.Next() != 'n' && (key == "text" || key == "thought" || key == "thoughtSignature" || key == "thought_signature"):
			err = errors.New(key + " has another type than it should")
		default:
			r.Skip()
		}
		if err != nil {
			return p, err
		}
	}
	if p.ThoughtSignature == "" {
		p.ThoughtSignature = snakeSignature
	}
	if p.FunctionCall == nil {
		p.FunctionCall = snakeCall
	}
	if p.InlineData == nil {
		p.InlineData = snakeData
	}
	p.raw = r.Data[begin:r.Pos]
	return p, r.Err
}

// readInto reads a value into a type; nil where it is null.
func readInto[T any](r *jsontext.Reader) (*T, error) {
	from := r.Span()
	if r.Err != nil || r.Data[from] == 'n' {
		return nil, r.Err
	}
	v := new(T)
	return v, llm.JSON.Unmarshal(r.Data[from:r.Pos], v)
}

// blobOf reads a blob in snake_case.
func blobOf(r *jsontext.Reader) (*blob, error) {
	d, err := readInto[struct {
		MIMEType string `json:"mime_type"`
		Data     string `json:"data"`
	}](r)
	if d == nil {
		return nil, err
	}
	return &blob{MIMEType: d.MIMEType, Data: d.Data}, err
}

// answerParts takes the parts of an answer out of its candidate, and what
// stands beside them if there are none. Servers that copy the format write a
// text where a list of parts should be, or put it beside the content.
func answerParts(f *fields) (parts []answerPart, beside json.RawMessage, err error) {
	raw := f.take("content")
	if raw != nil {
		if parts, err = contentParts(raw, f.dirty); err != nil || len(parts) > 0 {
			return parts, nil, err
		}
	}
	for _, name := range [...]string{"text", "output"} {
		if text := f.see(name); len(text) > 2 && text[0] == '"' {
			return []answerPart{answerText(f.take(name), f.dirty)}, nil, nil
		}
	}
	if raw == nil || raw[0] != '{' {
		return nil, nil, nil
	}
	r := readerOf(raw, f.dirty)
	content, err := fieldsIn(&r)
	if err != nil {
		return nil, nil, err
	}
	content.take("role")
	content.take("parts")
	if rest := content.rest(); rest != nil {
		beside = rawOf(rest, nil) // the judge of failures finds it
	}
	return nil, beside, nil
}

// contentParts reads a content: the object of the format, its list of
// parts, or a text.
func contentParts(raw []byte, dirty bool) (parts []answerPart, err error) {
	r := readerOf(raw, dirty)
	if raw[0] != '{' {
		return partsIn(&r)
	}
	var text []byte
	for more := r.Object(); more && err == nil; more = r.NextField() {
		switch string(r.Key) {
		case "parts":
			parts, err = partsIn(&r)
		case "text":
			from := r.Span()
			text = raw[from:r.Pos]
		default:
			r.Skip()
		}
	}
	if err == nil && parts == nil && len(text) > 0 {
		r := readerOf(text, dirty)
		return partsIn(&r)
	}
	return parts, err
}

// partsIn reads the list of parts, the part or the text that comes next; nil
// where it is null.
func partsIn(r *jsontext.Reader) (parts []answerPart, err error) {
	var p answerPart
	switch r.Next() {
	case 'n':
		r.Skip()
		return nil, r.Err
	case '"', '{':
		p, err = partIn(r)
		return []answerPart{p}, err
	case '[':
	default:
		return nil, errors.New("its parts are no list")
	}
	parts = []answerPart{}
	for more := r.Array(); more; more = r.NextItem() {
		if r.Next() == 'n' {
			r.Skip()
			continue
		}
		if p, err = partIn(r); err != nil {
			return nil, fmt.Errorf("part %d: %w", len(parts), err)
		}
		parts = append(parts, p)
	}
	return parts, r.Err
}

func partIn(r *jsontext.Reader) (answerPart, error) {
	if r.Next() != '"' {
		return readPart(r)
	}
	from := r.Span()
	return answerText(r.Data[from:r.Pos], r.Dirty), r.Err
}

func answerText(text []byte, dirty bool) answerPart {
	r := readerOf(text, dirty)
	piece := llm.Piece(r.Piece())
	return answerPart{Text: &piece, raw: text}
}
