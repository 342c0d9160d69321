package llm

import (
	"encoding/json"

	jsoniter "github.com/json-iterator/go"

	"github.com/llmagg/llmagg/core/internal/jsontext"
)

// JSON is the one JSON configuration of the core: exact floats, sorted map
// keys (the same request gives the same bytes), no HTML escaping, and raw
// messages checked when written. NaN and infinities are errors.
//
// Everything in the core reads and writes JSON through this value, so that the
// library behind it can be exchanged here.
var JSON = jsoniter.Config{
	EscapeHTML:             false,
	SortMapKeys:            true,
	ValidateJsonRawMessage: true,
}.Froze()

// Extra holds the fields of a JSON object that this package does not know, as
// they came. They are written again behind the known ones.
type Extra map[string]json.RawMessage

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
// fields whose names are not among known.
func unmarshalWithExtra(data []byte, v any, known func(string) bool) (Extra, error) {
	if err := JSON.Unmarshal(data, v); err != nil {
		return nil, err
	}
	var extra Extra
	r := newReader(data)
	for more := r.object(); more; more = r.nextField() {
		if known(string(r.key)) {
			r.skip()
		} else {
			r.extra(&extra)
		}
	}
	return extra, r.end()
}

// writeValue writes any value by the JSON library.
func writeValue(w *jsontext.Writer, v any) {
	data, err := JSON.Marshal(v)
	if err != nil {
		w.Fail(err)
		return
	}
	w.Raw(data)
}

// writeOptional writes a pointer's value, if it is there.
func writeOptional(o *jsontext.Object, name string, there bool, value any) {
	if there {
		writeValue(o.Field(name), value)
	}
}
