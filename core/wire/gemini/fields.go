package gemini

import (
	"encoding/json"
	"errors"
	"strings"

	"github.com/llmagg/llmagg/core/internal/jsontext"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/wire"
)

// fields are the fields of one object of an answer, whose values are taken one
// by one; the others are passed on. Its values stand in the answer's bytes.
// Reading a stream's events into maps instead took five times as long.
type fields struct {
	data  []byte
	dirty bool // data is no valid UTF-8
	found jsontext.Fields
}

var errNoObject = errors.New("it is no object")

func readerOf(data []byte, dirty bool) jsontext.Reader {
	return jsontext.Reader{Data: data, Most: wire.MaxAnswerDepth, Dirty: dirty, Halves: true, Lenient: true}
}

// names are those of the fields that answers have, so that each is not copied
// again and again.
var names = func() map[string]string {
	all := map[string]string{}
	for _, name := range []string{"candidates", "createTime", "content", "index", "safetyRatings", "avgLogprobs", "role", "parts", "text", "thoughtSignature"} {
		all[name] = name
	}
	for name, other := range snake {
		all[name], all[other] = name, other
	}
	return all
}()

// fieldsIn reads the object that comes next.
func fieldsIn(r *jsontext.Reader) (f fields, err error) {
	if r.Next() != '{' {
		return f, errNoObject
	}
	f.data, f.dirty = r.Data, r.Dirty
	for more := r.Object(); more; more = r.NextField() {
		f.add(r)
	}
	return f, r.Err
}

// add reads a field.
func (f *fields) add(r *jsontext.Reader) {
	name, ok := names[string(r.Key)]
	if !ok {
		name = string(r.Key)
	}
	from := r.Span()
	f.found.Put(jsontext.Field{Key: name, Start: from, End: r.Pos})
}

// see is a field's value, nil where it is null or absent. Some gateways spell
// names in snake_case.
func (f *fields) see(name string) []byte { return f.value(name, false) }

// take is see, and the field is not passed on.
func (f *fields) take(name string) []byte { return f.value(name, true) }

func (f *fields) value(name string, taken bool) []byte {
	i := f.found.Find(name)
	if i < 0 {
		if other := snake[name]; other != "" {
			i = f.found.Find(other)
		}
	}
	if i < 0 {
		return nil
	}
	at := &f.found.List[i]
	raw := f.data[at.Start:at.End]
	if taken {
		at.End = at.Start
	}
	if len(raw) == 0 || raw[0] == 'n' {
		return nil
	}
	return raw
}

// text takes a string; any other value reads as "". before is what probably
// stands there again.
func (f *fields) text(name, before string) string {
	raw := f.take(name)
	if raw == nil {
		return ""
	}
	r := readerOf(raw, f.dirty)
	return r.TextLike(before)
}

// rest are the fields that were not taken, as copies; nil without any.
func (f *fields) rest() llm.Extra {
	var e llm.Extra
	for _, at := range f.found.List {
		if at.End > at.Start {
			if e == nil {
				e = llm.Extra{}
			}
			e[strings.ToValidUTF8(at.Key, "\uFFFD")] = validCopy(f.data[at.Start:at.End])
		}
	}
	return e
}

// put adds a field to those that are passed on.
func put(e *llm.Extra, name string, value json.RawMessage) {
	if *e == nil {
		*e = llm.Extra{}
	}
	(*e)[name] = value
}

// validCopy copies a value whose bytes may be no UTF-8.
func validCopy(raw []byte) json.RawMessage {
	return jsontext.ToValid(append([]byte(nil), raw...))
}
