package gemini

import (
	"cmp"
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
	inner int          // in how many contents the content stands that is read
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
		switch isParts := string(r.Key) == "parts"; {
		case string(r.Key) == "content", isParts && len(f.parts) == 0 && r.Next() != 'n':
			f.scanContent(r, isParts)
		default:
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
// parts without it, a text, or a list of any of these. The answer is read on
// behind one that cannot be read.
func (f *found) scanContent(r *jsontext.Reader, isParts bool) {
	kind := r.Next()
	before := *r
	f.err = nil
	switch {
	case kind == '{' && !isParts:
		f.err = f.scanObject(r, 0)
	case kind == 'n':
		r.Skip()
	default:
		f.parts = f.parts[:0]
		_, f.err = f.scanParts(r)
	}
	if f.err != nil {
		*r = before
		r.Skip()
	}
	f.found.Put(jsontext.Field{Key: "content", Start: before.Pos, End: r.Pos})
}

// scanObject reads the content that comes next, whose parts begin at from.
func (f *found) scanObject(r *jsontext.Reader, from int) (err error) {
	var text []byte
	listed := false
	for more := r.Object(); more && err == nil; more = r.NextField() {
		switch key := string(r.Key); {
		case key == "parts", key == "content" && !listed:
			f.parts = f.parts[:from]
			listed, err = f.scanParts(r)
		case key == "text":
			text = wire.Span(r)
		}
	}
	if err == nil && !listed && len(text) > 0 {
		if len(text) > len(`""`) { // instead of parts beside the content
			f.parts = f.parts[:from]
		}
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

// mostInner is how deep contents may stand in each other: each is read twice.
const mostInner = 2

// scanPart reads the part, the text or the list of parts that comes next, or a
// content in the place of a part.
func (f *found) scanPart(r *jsontext.Reader) error {
	kind, n := r.Next(), len(f.parts)
	if kind == '[' {
		_, err := f.scanParts(r)
		return err
	}
	at := r.Pos
	f.parts = append(f.parts, answerPart{})
	p := &f.parts[n]
	if kind == '"' {
		p.Text, p.HasText = llm.Piece(r.Piece()), true
		p.raw = r.Data[at:r.Pos]
		return nil
	}
	err := p.read(r)
	if err == errContent && f.inner < mostInner {
		r.Pos, f.parts = at, f.parts[:n]
		f.inner++
		err = f.scanObject(r, n)
		f.inner--
	}
	return err
}

// errContent is why a part cannot be read that is a content.
var errContent = errors.New("it holds parts of its own; expected a text or the like")

// read reads the part that comes next. Its fields may be in snake_case; what is
// in the usual case counts more.
func (p *answerPart) read(r *jsontext.Reader) (err error) {
	if r.Next() != '{' {
		return errNoObject
	}
	begin := r.Pos
	var other answerPart
	inner := false
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
		case "parts", "content":
			name := string(r.Key)
			if failure.UnreadIn(llm.Extra{name: wire.Span(r)}) != "" {
				inner = true
			}
		default:
			if name := string(r.Key); r.Next() == '"' && strings.EqualFold(name, "text") {
				other.Text, other.HasText = llm.Piece(r.Piece()), true
			}
		}
	}
	p.merge(&other)
	p.raw = r.Data[begin:r.Pos]
	switch {
	case err != nil || !inner:
	case p.FunctionCall != nil || p.InlineData != nil:
		err = errors.New("it holds parts of its own beside a call or data")
	default:
		err = errContent
	}
	return err
}

// merge takes what a part has under other names, and kinds that say nothing out
// of it: servers with fixed types write all of them.
func (p *answerPart) merge(other *answerPart) {
	if !p.HasText {
		p.Text, p.HasText = other.Text, other.HasText
	}
	p.ThoughtSignature = cmp.Or(p.ThoughtSignature, other.ThoughtSignature)
	p.FunctionCall = cmp.Or(p.FunctionCall, other.FunctionCall)
	p.InlineData = cmp.Or(p.InlineData, other.InlineData)
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
