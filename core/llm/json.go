package llm

import (
	"encoding/json"
	"maps"
	"slices"

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

type stream = jsoniter.Stream

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

// optional writes a pointer's value, if it is there.
func (o *object) optional(name string, there bool, value any) {
	if there {
		o.field(name).WriteVal(value)
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

// gathered marks a stream whose objects gather their unknown fields.
type gathered struct{}

func isGathered(s *stream) bool { return s.Attachment != nil }

// encodeGathered is encode for readers that decode into fixed types: see
// [Response.AppendGathered].
func encodeGathered(dst []byte, write func(*stream)) ([]byte, error) {
	return encode(dst, func(s *stream) {
		s.Attachment = gathered{}
		write(s)
	})
}

// rest writes the unknown fields of an answer's object: behind the known ones,
// or, where the stream gathers them, in an object "extra", but for the flat
// ones, which the reader knows.
func (o *object) rest(e Extra, flat ...string) {
	if len(e) == 0 || !isGathered(o.s) {
		o.extra(e)
		return
	}
	var others []string
	for _, k := range slices.Sorted(maps.Keys(e)) {
		if slices.Contains(flat, k) {
			o.raw(k, e[k])
		} else {
			others = append(others, k)
		}
	}
	if len(others) == 0 {
		return
	}
	extra := startObject(o.field("extra"))
	for _, k := range others {
		extra.raw(k, e[k])
	}
	extra.end()
}

func (o *object) end() { o.s.WriteObjectEnd() }

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
