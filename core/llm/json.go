package llm

import (
	"encoding/json"
	"errors"
	"io"
	"maps"
	"slices"
	"strings"

	jsoniter "github.com/json-iterator/go"
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

type (
	iterator = jsoniter.Iterator
	stream   = jsoniter.Stream
)

// decode reads one value with read and turns the iterator's error, if any,
// into an ordinary one.
func decode(data []byte, read func(*iterator)) error {
	it := JSON.BorrowIterator(data)
	defer JSON.ReturnIterator(it)
	read(it)
	if it.Error != nil {
		return tidy(it.Error)
	}
	if it.WhatIsNext() != jsoniter.InvalidValue || it.Error != io.EOF {
		return errTrailing
	}
	return nil
}

// tidy leaves out the piece of the input that the JSON library quotes: it says
// little and may be anything.
func tidy(err error) error {
	text, _, _ := strings.Cut(err.Error(), ", error found in")
	if _, rest, ok := strings.Cut(text, ": "); ok {
		text = rest
	}
	return errors.New(text)
}

var errTrailing = errors.New("unexpected text behind the JSON value")

// encode collects what write puts into a stream. The result is the caller's.
func encode(dst []byte, write func(*stream)) ([]byte, error) {
	s := JSON.BorrowStream(nil)
	defer JSON.ReturnStream(s)
	write(s)
	if s.Error != nil {
		return nil, s.Error
	}
	return append(dst, s.Buffer()...), nil
}

// object writes the fields of one JSON object and minds the commas.
type object struct {
	s    *stream
	more bool
}

func startObject(s *stream) object { s.WriteObjectStart(); return object{s: s} }

func (o *object) field(name string) *stream {
	if o.more {
		o.s.WriteMore()
	}
	o.more = true
	o.s.WriteObjectField(name)
	return o.s
}

func (o *object) str(name, value string) { o.field(name).WriteString(value) }

func (o *object) strUnlessEmpty(name, value string) {
	if value != "" {
		o.str(name, value)
	}
}

func (o *object) raw(name string, value json.RawMessage) {
	if len(value) > 0 {
		o.field(name).WriteRaw(string(value))
	}
}

func (o *object) extra(e Extra) {
	if len(e) == 0 {
		return
	}
	for _, k := range slices.Sorted(maps.Keys(e)) {
		o.raw(k, e[k])
	}
}

func (o *object) end() { o.s.WriteObjectEnd() }

// The lenient readers: a value of another type than expected is skipped and
// reads as the zero value, as the tolerance clauses of the design want it.

func readString(it *iterator) string {
	if it.WhatIsNext() == jsoniter.StringValue {
		return it.ReadString()
	}
	it.Skip()
	return ""
}

func readInt(it *iterator) int {
	if it.WhatIsNext() == jsoniter.NumberValue {
		return int(it.ReadFloat64())
	}
	it.Skip()
	return 0
}

func readRaw(it *iterator) json.RawMessage {
	if it.WhatIsNext() == jsoniter.NilValue {
		it.Skip()
		return nil
	}
	return it.SkipAndReturnBytes()
}

// readFields calls field for each field of the object that comes next;
// anything but an object is skipped.
func readFields(it *iterator, field func(it *iterator, key string)) bool {
	if it.WhatIsNext() != jsoniter.ObjectValue {
		it.Skip()
		return false
	}
	it.ReadMapCB(func(it *iterator, key string) bool {
		field(it, key)
		return it.Error == nil
	})
	return true
}

// readItems calls item for each element of the array that comes next; anything
// but an array is skipped.
func readItems(it *iterator, item func(it *iterator)) {
	if it.WhatIsNext() != jsoniter.ArrayValue {
		it.Skip()
		return
	}
	it.ReadArrayCB(func(it *iterator) bool {
		item(it)
		return it.Error == nil
	})
}

func (e *Extra) read(it *iterator, key string) {
	if *e == nil {
		*e = Extra{}
	}
	(*e)[key] = it.SkipAndReturnBytes()
}

// marshalWithExtra writes v (a struct) and, inside the same object, extra.
func marshalWithExtra(v any, extra Extra) ([]byte, error) {
	data, err := JSON.Marshal(v)
	if err != nil || len(extra) == 0 {
		return data, err
	}
	return encode(data[:len(data)-1], func(s *stream) {
		o := object{s: s, more: len(data) > 2}
		o.extra(extra)
		o.end()
	})
}

// unmarshalWithExtra reads data into v (a pointer to a struct) and returns the
// fields whose names are not among known.
func unmarshalWithExtra(data []byte, v any, known func(string) bool) (Extra, error) {
	if err := JSON.Unmarshal(data, v); err != nil {
		return nil, err
	}
	var extra Extra
	err := decode(data, func(it *iterator) {
		readFields(it, func(it *iterator, key string) {
			if known(key) {
				it.Skip()
				return
			}
			extra.read(it, key)
		})
	})
	return extra, err
}

func readFloat(it *iterator) float64 {
	if it.WhatIsNext() == jsoniter.NumberValue {
		return it.ReadFloat64()
	}
	it.Skip()
	return 0
}
