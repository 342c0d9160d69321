package gemini

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/llmagg/llmagg/core/failure"
	"github.com/llmagg/llmagg/core/internal/jsontext"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/wire"
)

// This file scans answers, each once: the contents are read where they stand,
// all other fields are noted and taken later, since what says whose answer it
// is may come last.

// found is a candidate as it was found. The room of its lists is used again.
type found struct {
	fields
	index int
	parts []answerPart // of the content
	err   error        // why the content cannot be read
}

// fewParts is for how many parts a reader keeps room.
const fewParts = 32

// answerPart is one piece of an answer.
type answerPart struct {
	Text             llm.Piece
	HasText          bool
	Thought          bool
	ThoughtSignature string
	FunctionCall     *functionCall
	InlineData       *blob

	raw []byte // the whole part
}

// scan reads the outer object, and its list of candidates in the same pass;
// odd tells whether there is a number that JSON does not have.
func (g *reader) scan(data []byte) (odd bool, err error) {
	r := readerOf(data, !utf8.Valid(data))
	g.found = g.found[:0]
	if r.Next() != '{' {
		return false, errNoObject
	}
	g.top.begin(&r)
	for more := r.Object(); more && err == nil; more = r.NextField() {
		if string(r.Key) == "candidates" {
			err = g.scanCandidates(&r)
		} else {
			g.top.add(&r)
		}
	}
	if err == nil {
		err = r.End()
	}
	return r.Odd, err
}

// scanCandidates reads the list of candidates that comes next.
func (g *reader) scanCandidates(r *jsontext.Reader) error {
	g.found = g.found[:0]
	switch r.Next() {
	case 'n':
		r.Skip()
		return nil
	case '[', '{':
	default:
		return errors.New("its candidates are no list")
	}
	for more := r.List(); more; more = r.NextItem() {
		n := len(g.found)
		if n == wire.MaxChoices {
			return fmt.Errorf("it has more than %d candidates, which is how many can be requested", wire.MaxChoices)
		}
		if n < cap(g.found) {
			g.found = g.found[:n+1]
		} else {
			g.found = append(g.found, found{})
		}
		if err := g.found[n].scan(r); err != nil {
			return fmt.Errorf("its candidates cannot be read: %w", err)
		}
	}
	return r.Err
}

// scan reads the candidate that comes next.
func (f *found) scan(r *jsontext.Reader) error {
	f.begin(r)
	f.parts, f.err = roomOf(f.parts), nil
	switch r.Next() {
	case 'n':
		r.Skip()
		return nil
	case '{':
	default:
		return errNoObject
	}
	for more := r.Object(); more; more = r.NextField() {
		if string(r.Key) == "content" {
			f.scanContent(r)
		} else {
			f.add(r)
		}
	}
	return r.Err
}

func roomOf(parts []answerPart) []answerPart {
	if cap(parts) > fewParts {
		return nil
	}
	return parts[:0]
}

// scanContent reads the content that comes next: the object of the format, its
// list of parts, or a text. The answer is read on behind one that cannot be
// read.
func (f *found) scanContent(r *jsontext.Reader) {
	kind := r.Next()
	before := *r
	f.parts, f.err = f.parts[:0], nil
	switch kind {
	case '{':
		f.err = f.scanObject(r)
	case 'n':
		r.Skip()
	default:
		_, f.err = f.scanParts(r)
	}
	if f.err != nil {
		*r = before
		r.Skip()
	}
	f.found.Put(jsontext.Field{Key: "content", Start: before.Pos, End: r.Pos})
}

func (f *found) scanObject(r *jsontext.Reader) (err error) {
	var text []byte
	listed := false
	for more := r.Object(); more && err == nil; more = r.NextField() {
		switch string(r.Key) {
		case "parts":
			f.parts = f.parts[:0]
			listed, err = f.scanParts(r)
		case "text":
			text = wire.Span(r)
		}
	}
	if err == nil && !listed && len(text) > 0 {
		in := readerOf(text, f.dirty)
		_, err = f.scanParts(&in)
	}
	return err
}

// scanParts reads the list of parts, the part or the text that comes next; not
// listed are none where it is null.
func (f *found) scanParts(r *jsontext.Reader) (listed bool, err error) {
	switch r.Next() {
	case 'n':
		r.Skip()
		return false, nil
	case '"':
		return true, f.scanPart(r)
	case '[', '{':
	default:
		return false, errors.New("its parts are no list")
	}
	for more := r.List(); more; more = r.NextItem() {
		if r.Next() == 'n' {
			r.Skip()
		} else if err := f.scanPart(r); err != nil {
			return false, fmt.Errorf("part %d: %w", len(f.parts)-1, err)
		}
	}
	return true, nil
}

// scanPart reads the part, or the text, that comes next.
func (f *found) scanPart(r *jsontext.Reader) error {
	f.parts = append(f.parts, answerPart{})
	p := &f.parts[len(f.parts)-1]
	if r.Next() != '"' {
		return p.read(r)
	}
	from := r.Pos
	p.Text, p.HasText = llm.Piece(r.Piece()), true
	p.raw = r.Data[from:r.Pos]
	return nil
}

// read reads the part that comes next. Its fields may be in snake_case; what is
// in the usual case counts more.
func (p *answerPart) read(r *jsontext.Reader) (err error) {
	if r.Next() != '{' {
		return errNoObject
	}
	begin := r.Pos
	var other answerPart
	for more := r.Object(); more && err == nil; more = r.NextField() {
		switch string(r.Key) {
		case "text":
			if comes(r, `"`, &err) {
				p.Text, p.HasText = llm.Piece(r.Piece()), true
			}
		case "thought":
			if comes(r, "tf", &err) {
				p.Thought = r.Next() == 't'
			}
		case "thoughtSignature":
			readText(r, &p.ThoughtSignature, &err)
		case "thought_signature":
			readText(r, &other.ThoughtSignature, &err)
		case "functionCall":
			p.FunctionCall = readCall(r, &err)
		case "function_call":
			other.FunctionCall = readCall(r, &err)
		case "inlineData":
			p.InlineData = readBlob(r, &err)
		case "inline_data":
			other.InlineData = readBlob(r, &err)
		case "parts", "content": // of a content in the place of a part
			name := string(r.Key)
			if failure.UnreadIn(llm.Extra{name: wire.Span(r)}) != "" {
				err = fmt.Errorf("it has the field %q; expected a text or the like", name)
			}
		default:
			if name := string(r.Key); r.Next() == '"' && strings.EqualFold(name, "text") {
				other.Text, other.HasText = llm.Piece(r.Piece()), true
			}
		}
	}
	p.merge(&other)
	p.raw = r.Data[begin:r.Pos]
	return err
}

// merge takes what a part has under other names, and kinds that say nothing out
// of it: servers with fixed types write all of them.
func (p *answerPart) merge(other *answerPart) {
	if !p.HasText {
		p.Text, p.HasText = other.Text, other.HasText
	}
	if p.ThoughtSignature == "" {
		p.ThoughtSignature = other.ThoughtSignature
	}
	if p.FunctionCall == nil {
		p.FunctionCall = other.FunctionCall
	}
	if p.InlineData == nil {
		p.InlineData = other.InlineData
	}
	if p.HasText {
		if c := p.FunctionCall; c != nil && c.Name == "" && !wire.IsThere(c.Args) {
			p.FunctionCall = nil
		}
		if p.InlineData != nil && p.InlineData.Data == "" {
			p.InlineData = nil
		}
	}
}

// comes tells whether a value comes next that begins with one of the given
// bytes. Null is as if nothing came; anything else is an error.
func comes(r *jsontext.Reader, begins string, err *error) bool {
	c := r.Next()
	if c != 0 && strings.IndexByte(begins, c) >= 0 {
		return true
	}
	if c != 'n' {
		*err = errors.New(string(r.Key) + " has another type than it should")
	}
	return false
}

func readText(r *jsontext.Reader, to *string, err *error) {
	if comes(r, `"`, err) {
		*to = r.Text()
	}
}

// goesOn takes a call without a name as a piece of the last call, where that
// came without arguments: some servers and models send them so, or nothing.
// False where it is a call of its own.
func (c *candidate) goesOn(m *llm.Message, f *functionCall) bool {
	if f.Name != "" || !c.awaits {
		return false
	}
	arguments := wire.ArgumentsOf(f.Args)
	if len(arguments) <= len("{}") {
		return true
	}
	last := len(m.ToolCalls) - 1
	if last < 0 {
		m.ToolCalls, last = []llm.ToolCall{{Index: c.calls - 1}}, 0
	}
	c.awaits = false
	m.ToolCalls[last].Function.Arguments = strings.ToValidUTF8(arguments, "\uFFFD")
	return true
}

// errPartial is why a call cannot be read that comes in pieces by their paths,
// which only who asks for it gets.
var errPartial = errors.New("the arguments of a call come in pieces (partialArgs), which cannot be joined; set streamFunctionCallArguments to false")

func readCall(r *jsontext.Reader, err *error) *functionCall {
	if !comes(r, "{", err) {
		return nil
	}
	c := &functionCall{}
	for more := r.Object(); more && *err == nil; more = r.NextField() {
		switch string(r.Key) {
		case "id":
			c.ID = wire.ID(r)
		case "name":
			readText(r, &c.Name, err)
		case "args", "arguments":
			c.Args = wire.Span(r)
		case "partialArgs", "partial_args", "willContinue", "will_continue":
			if raw := string(wire.Span(r)); raw != "" && raw != "[]" && raw != "false" {
				*err = errPartial
			}
		}
	}
	return c
}

func readBlob(r *jsontext.Reader, err *error) *blob {
	if !comes(r, "{", err) {
		return nil
	}
	b := &blob{}
	for more := r.Object(); more && *err == nil; more = r.NextField() {
		switch string(r.Key) {
		case "mimeType", "mime_type":
			readText(r, &b.MIMEType, err)
		case "data":
			readText(r, &b.Data, err)
		}
	}
	return b
}

// answerParts sees to the parts of a candidate, and gives what stands beside
// them if there are none. Servers that copy the format write a text where a
// list of parts should be, or put it beside the content.
func (f *found) answerParts() (beside json.RawMessage, err error) {
	raw := f.take("content")
	if f.err != nil || len(f.parts) > 0 {
		return nil, f.err
	}
	for _, name := range [...]string{"text", "output"} {
		if text := f.see(name); len(text) > 2 && text[0] == '"' {
			r := readerOf(f.take(name), f.dirty)
			return nil, f.scanPart(&r)
		}
	}
	if raw == nil || raw[0] != '{' {
		return nil, nil
	}
	var content fields
	r := readerOf(raw, f.dirty)
	if err := content.read(&r); err != nil {
		return nil, err
	}
	content.take("role")
	content.take("parts")
	if rest := content.rest(); rest != nil {
		beside = llm.JSONOf(rest) // the judge of failures finds it
	}
	return beside, nil
}
