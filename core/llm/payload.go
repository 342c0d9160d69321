package llm

import (
	"bytes"
	"maps"
	"slices"
	"strconv"

	"github.com/llmagg/llmagg/core/internal/jsontext"
	"github.com/llmagg/llmagg/core/internal/shown"
)

// Payload is a request as it is sent: one JSON object, checked once. Each
// attempt replaces its model and stream fields. It is immutable and safe for
// concurrent use.
type Payload struct {
	// Options of the call, not part of the JSON.
	Options CallOptions
	// Model is the request's own model, "" if it has none.
	Model string
	// N is the number of choices asked for, 1 by default.
	N int
	// Stream tells whether the request asked for a stream.
	Stream bool

	usage  bool // stream_options.include_usage is true
	silent bool // stream_options.include_usage is false
	parts  bool // see HasParts
	shaped bool // the messages have to be written again

	data   []byte
	fields []jsontext.Field
	few    [4]jsontext.Field // memory for the fields of most requests

	notChat error // see [Payload.NotChat]

	refused error // see [Payload.Refused]
}

// The kinds of values that known request fields take.
type fieldKind byte

const (
	kindAny fieldKind = iota + 1
	kindString
	kindNumber
	kindInteger
	kindBool
	kindArray
	kindObject
	kindStringOrArray
	kindStringOrObject
)

var kindText = map[fieldKind]string{
	kindString: "a string", kindNumber: "a number", kindInteger: "an integer", kindBool: "true or false",
	kindArray: "an array", kindObject: "an object", kindStringOrArray: "a string or an array of strings",
	kindStringOrObject: "a string or an object",
}

// OwnRequest checks a request that arrives as JSON text and keeps it, with the
// call's options: the payload owns data from now on. Errors are
// INVALID_ARGUMENT and say what and where: text that is not JSON, invalid
// UTF-8, nesting beyond 512 levels, missing or empty messages, an unknown role,
// a known field of the wrong type. A call inside of another (Bare) does not
// judge the names of fields again: what came through "extra_body" may have any.
func OwnRequest(data []byte, o CallOptions) (*Payload, error) { return ownRequest(data, span{}, o) }

func ownRequest(data []byte, plain span, o CallOptions) (*Payload, error) {
	p, err := readPayload(data, plain, o.Bare)
	if err != nil {
		return nil, err
	}
	if len(o.ExtraBody) == 0 {
		p.Options = o // the payload is ours yet
		return p, nil
	}
	p = p.WithOptions(o)
	return p, p.refused
}

// readPayload checks a request. plain is where messages stand that need no
// check; anyName lets fields of every name pass.
func readPayload(data []byte, plain span, anyName bool) (*Payload, error) {
	p := &Payload{data: data, N: 1}
	fields, wrong, err := p.requestFields(data, plain)
	if err != nil {
		return nil, unreadable(data, err)
	}
	p.fields = fields
	seen := false
	var extra Extra
	for _, f := range fields {
		value := data[f.Start:f.End]
		known := requestFieldOf(f.Key)
		if known == nil {
			if extra, err = foreignField(f.Key, value, extra, anyName); err != nil {
				return nil, err
			}
			continue
		}
		if value[0] == 'n' { // null: as if it were not there
			continue
		}
		if form := known.kind.expects(value); form != "" {
			if f.Key == "messages" {
				form += `, such as [{"role": "user", "content": "…"}]`
			}
			return nil, Errorf(InvalidArgument, "request field %q is %s; expected %s", f.Key, shown.Value(value), form)
		}
		switch f.Key {
		case "messages":
			seen = true
			err = wrong
		case "model":
			if err = JSON.Unmarshal(value, &p.Model); err == nil {
				err = CheckName("the request's model", p.Model)
			}
		case "stream":
			p.Stream = value[0] == 't'
		case "n":
			if p.N, err = strconv.Atoi(string(value)); err != nil || p.N < 1 || p.N > 128 {
				err = Errorf(InvalidArgument, "request field \"n\" is %s; expected 1 to 128", shown.Value(value))
			}
		case "stream_options":
			asked := string(memberOf(value, "include_usage"))
			p.usage, p.silent = asked == "true", asked == "false"
		}
		if err != nil {
			return nil, err
		}
	}
	if !seen {
		return nil, withoutMessages(fields)
	}
	if err := besideMessages(data, fields); err != nil && !anyName {
		return nil, err
	}
	return p.rewritten(extra, anyName)
}

// rewritten is the payload with tools, choice and formats as chat completions
// write them, and with the fields of extra, which may have any shape.
func (p *Payload) rewritten(extra Extra, anyShape bool) (*Payload, error) {
	var shapes Extra
	var err error
	if !anyShape {
		if shapes, err = shapesOf(p.data, p.fields, p.shaped); err != nil {
			return nil, err
		}
	}
	if extra != nil {
		p.fields = slices.DeleteFunc(p.fields, func(f jsontext.Field) bool { return f.Key == "extra_body" })
	}
	switch {
	case shapes != nil:
		maps.Copy(shapes, extra)
		p = p.merge(shapes)
	case extra != nil:
		p = p.merge(extra)
	}
	return p, p.refused
}

// foreignField looks at a field that [Request] does not have; extra is what
// "extra_body" held.
func foreignField(name string, value []byte, extra Extra, anyName bool) (Extra, error) {
	switch {
	case anyName: // a merged "extra_body" may have one in it, which is the server's
		return extra, nil
	case name == "extra_body":
		extra, err := parseExtraBody(value)
		if extra == nil {
			extra = Extra{}
		}
		return extra, err
	}
	return extra, checkForeign(name, value)
}

// expects says what a value would have to be, "" where it fits.
func (k fieldKind) expects(v []byte) string {
	if !k.fits(v) {
		return kindText[k]
	}
	var err error
	switch {
	case k == kindInteger:
		_, err = strconv.ParseUint(string(bytes.TrimPrefix(v, []byte("-"))), 10, 64)
	case isNumber(v):
		_, err = strconv.ParseFloat(string(v), 64)
	}
	if err != nil { // it is beyond the range
		return "a number that fits into 64 bits"
	}
	return ""
}

func isNumber(v []byte) bool { return v[0] == '-' || v[0] >= '0' && v[0] <= '9' }

func (k fieldKind) fits(v []byte) bool {
	c, number := v[0], isNumber(v)
	switch k {
	case kindString:
		return c == '"'
	case kindNumber:
		return number
	case kindInteger:
		return number && !bytes.ContainsAny(v, ".eE")
	case kindBool:
		return c == 't' || c == 'f'
	case kindArray:
		return c == '['
	case kindObject:
		return c == '{'
	case kindStringOrArray:
		return c == '"' || c == '['
	case kindStringOrObject:
		return c == '"' || c == '{'
	}
	return true
}

// requestFields is [jsontext.FieldsOf] for a request. It looks at the messages
// on the way: wrong says what the caller has to change in them.
func (p *Payload) requestFields(data []byte, plain span) (_ []jsontext.Field, wrong, err error) {
	if err := jsontext.CheckUTF8(data); err != nil {
		return nil, nil, err
	}
	r := newReader(data)
	r.Most = jsontext.MaxDepth
	if r.Next() != '{' {
		return nil, nil, r.Fail("expected a JSON object")
	}
	fields := jsontext.Fields{List: p.few[:0]}
	for more := r.Object(); more; more = r.NextField() {
		name := nameOf(r.Key)
		isArray := r.Next() == '['
		from := r.Pos
		switch {
		case name != "messages" || !isArray:
			r.Skip()
		case from == plain.from:
			r.Pos = plain.to
		default:
			wrong = r.checkMessages()
		}
		fields.Put(jsontext.Field{Key: name, Start: from, End: r.Pos})
	}
	p.parts, p.shaped, p.notChat = r.parts, r.shaped, r.notChat
	if err := shown.Twice(fields); err != nil && wrong == nil {
		wrong = Errorf(InvalidArgument, "the request %v", err)
	}
	if err = r.End(); err == nil && wrong == nil {
		wrong = twiceWithin(data, fields.List, plain)
	}
	return fields.List, wrong, err
}

// twiceWithin is the error that a value of the request has a name twice, nil
// for none. plain is where messages stand that need no check.
func twiceWithin(data []byte, fields []jsontext.Field, plain span) error {
	for _, f := range fields {
		if first := data[f.Start]; first != '{' && first != '[' || f.End == plain.to {
			continue
		}
		if name, at, found := jsontext.Repeated(data[f.Start:f.End]); found {
			if at != "" && at[0] != '[' {
				at = "." + at
			}
			return Errorf(InvalidArgument, "%s has the key %s twice", shown.Name(f.Key+at), shown.Name(name))
		}
	}
	return nil
}

// nameOf is the name of a field, without a copy where [Request] has it.
func nameOf(key []byte) string {
	if f := requestFieldOf(string(key)); f != nil {
		return f.name
	}
	return string(key)
}

// AppendBody appends the JSON that an attempt posts: the request with the
// route's model and "stream" as given, and with "stream_options" that ask for
// usage if withUsage is true. Fields that are null are omitted; everything else
// is as the caller wrote it.
func (p *Payload) AppendBody(dst []byte, model string, stream, withUsage bool) []byte {
	dst = append(dst, '{')
	dst = append(dst, `"model":`...)
	dst = jsontext.AppendText(dst, model)
	for _, f := range p.fields {
		value := p.data[f.Start:f.End]
		if value[0] == 'n' || f.Key == "model" || f.Key == "stream" || f.Key == "stream_options" && (!stream || withUsage) {
			continue
		}
		dst = append(dst, ',')
		dst = jsontext.AppendText(dst, f.Key)
		dst = append(dst, ':')
		dst = append(dst, value...)
	}
	if stream {
		dst = append(dst, `,"stream":true`...)
		if withUsage {
			dst = append(dst, `,"stream_options":`...)
			dst = p.appendStreamOptions(dst)
		}
	} else {
		dst = append(dst, `,"stream":false`...) // S8; a few servers stream unless told otherwise
	}
	return append(dst, '}')
}

// appendStreamOptions writes the caller's stream_options with include_usage.
func (p *Payload) appendStreamOptions(dst []byte) []byte {
	dst = append(dst, `{"include_usage":true`...)
	for _, f := range p.fields {
		if f.Key != "stream_options" || p.data[f.Start] != '{' {
			continue
		}
		inner, err := jsontext.FieldsOf(p.data[f.Start:f.End])
		if err != nil {
			break
		}
		for _, g := range inner.List {
			if g.Key == "include_usage" {
				continue
			}
			dst = append(dst, ',')
			dst = jsontext.AppendText(dst, g.Key)
			dst = append(dst, ':')
			dst = append(dst, p.data[f.Start+g.Start:f.Start+g.End]...)
		}
	}
	return append(dst, '}')
}

// WantsUsage reports whether the caller asked for usage in streams.
func (p *Payload) WantsUsage() bool { return p.usage }

// RefusesUsage reports whether the caller's stream_options ask for no usage.
func (p *Payload) RefusesUsage() bool { return p.silent }

// JSON is the request's text as it was given. It must not be changed.
func (p *Payload) JSON() []byte { return p.data }

// AnswerTokens is how many tokens the request lets the answer have: the larger
// of max_tokens and max_completion_tokens, 0 where neither says.
func (p *Payload) AnswerTokens() int {
	most, _ := strconv.Atoi(string(p.Field("max_tokens")))
	longer, _ := strconv.Atoi(string(p.Field("max_completion_tokens")))
	return max(most, longer, 0)
}

// Request decodes the payload, for wire formats that translate it. The result
// is the caller's own.
func (p *Payload) Request() (*Request, error) {
	r := &Request{}
	if err := r.take(p.data, p.fields, nil); err != nil {
		return nil, Errorf(InvalidArgument, "the request cannot be read: %v", err)
	}
	if r.ResponseFormat != nil {
		r.ResponseFormat.Join()
	}
	r.Options = p.Options
	return r, nil
}

// WithOptions returns the same request with other call options, and with the
// fields of their ExtraBody.
func (p *Payload) WithOptions(o CallOptions) *Payload {
	extra := o.ExtraBody
	o.ExtraBody = nil
	q := *p
	q.Options = o
	if len(extra) == 0 {
		return &q
	}
	if err := checkExtraBody(extra); err != nil {
		q.refused = ofOption("extra_body", err)
		return &q
	}
	return q.merge(extra)
}
