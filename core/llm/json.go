package llm

import (
	"encoding/json"
	"reflect"

	jsoniter "github.com/json-iterator/go"

	"github.com/llmagg/llmagg/core/internal/jsontext"
)

// JSON reads and writes JSON where it meets Go types: settings, tools, error
// bodies, the bodies of formats other than OpenAI's. Floats are exact, map keys
// are sorted (the same request gives the same bytes), HTML is not escaped, and
// raw messages are checked when they are written; NaN and infinities are
// errors.
//
// It is the only place that imports json-iterator, so that the library can be
// exchanged here. Requests are checked, and the answers and chunks of OpenAI's
// format are read and written, by core/internal/jsontext instead, which takes
// values of unexpected types and keeps the fields that it does not know.
var JSON = jsoniter.Config{
	EscapeHTML:             false,
	SortMapKeys:            true,
	ValidateJsonRawMessage: true,
}.Froze()

// exactJSON keeps all digits of numbers.
var exactJSON = jsoniter.Config{UseNumber: true}.Froze()

// Extra holds the fields of a JSON object that this package does not know, as
// they came. They are written again behind the known ones.
type Extra map[string]json.RawMessage

// Put sets a field.
func (e *Extra) Put(name string, value json.RawMessage) {
	if *e == nil {
		*e = Extra{}
	}
	(*e)[name] = value
}

// take removes a field; an object without any is nil.
func (e *Extra) take(name string) (value json.RawMessage) {
	value = (*e)[name]
	if delete(*e, name); len(*e) == 0 {
		*e = nil
	}
	return value
}

// marshalWithExtra writes v (a struct) and, inside the same object, extra.
func marshalWithExtra(v any, extra Extra) ([]byte, error) {
	data, err := JSON.Marshal(v)
	if err != nil || len(extra) == 0 {
		return data, err
	}
	return jsontext.Encode(data[:len(data)-1], func(w *jsontext.Writer) {
		o := w.Reopen()
		o.Extra(extra)
		o.End()
	})
}

// unmarshalWithExtra reads data into v (a pointer to a struct) and returns the
// fields that the struct does not have.
func unmarshalWithExtra(data []byte, v any) (Extra, error) {
	if err := JSON.Unmarshal(data, v); err != nil {
		return nil, err
	}
	var extra Extra
	r, known := newReader(data), placesOf(reflect.TypeOf(v).Elem())
	for more := r.Object(); more; more = r.NextField() {
		if _, is := known[string(r.Key)]; !is {
			r.extra(&extra)
		}
	}
	return extra, r.End()
}

// JSONOf writes a value of texts, numbers, lists, maps and JSON.
func JSONOf(v any) json.RawMessage {
	raw, err := JSON.Marshal(v)
	if err != nil { // not reachable: texts, numbers and JSON can always be written
		return nil
	}
	return raw
}

// WriteOptional writes a field by the JSON library, if it is there: what few
// requests and answers have.
func WriteOptional(o *jsontext.Object, name string, there bool, value any) {
	if !there {
		return
	}
	w := o.Field(name)
	data, err := JSON.Marshal(value)
	if err != nil {
		w.Fail(err)
		return
	}
	w.Raw(data)
}
