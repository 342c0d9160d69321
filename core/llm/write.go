package llm

import (
	"encoding/json"
	"errors"
	"maps"
	"math"
	"slices"
	"strconv"
)

// writer appends JSON text, field by field, to the caller's bytes: for what is
// written once for each call and each chunk. Other values go through [JSON].
// The first error stays in err.
type writer struct {
	buf      []byte
	gathered bool // unknown fields of answers are gathered: see [Response.AppendGathered]
	err      error
}

// encode appends what write writes to dst; nil with an error.
func encode(dst []byte, write func(*writer)) ([]byte, error) {
	w := writer{buf: dst}
	write(&w)
	return w.done()
}

func (w *writer) done() ([]byte, error) {
	if w.err != nil {
		return nil, w.err
	}
	return w.buf, nil
}

func (w *writer) comma()          { w.buf = append(w.buf, ',') }
func (w *writer) beginArray()     { w.buf = append(w.buf, '[') }
func (w *writer) endArray()       { w.buf = append(w.buf, ']') }
func (w *writer) null()           { w.buf = append(w.buf, "null"...) }
func (w *writer) bool(v bool)     { w.buf = strconv.AppendBool(w.buf, v) }
func (w *writer) int(v int)       { w.buf = strconv.AppendInt(w.buf, int64(v), 10) }
func (w *writer) int64(v int64)   { w.buf = strconv.AppendInt(w.buf, v, 10) }
func (w *writer) uint64(v uint64) { w.buf = strconv.AppendUint(w.buf, v, 10) }
func (w *writer) text(v string)   { w.buf = appendText(w.buf, v) }
func (w *writer) raw(v []byte)    { w.buf = append(w.buf, v...) }
func (w *writer) object() object  { w.buf = append(w.buf, '{'); return object{w: w} }

// float writes a number as ECMAScript does, and so other writers of JSON too.
func (w *writer) float(v float64) {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		w.fail(errors.New("JSON has no number for " + strconv.FormatFloat(v, 'g', -1, 64)))
		return
	}
	form := byte('f')
	if abs := math.Abs(v); abs != 0 && (abs < 1e-6 || abs >= 1e21) {
		form = 'e'
	}
	w.buf = strconv.AppendFloat(w.buf, v, form, -1, 64)
}

// value writes any value by the JSON library.
func (w *writer) value(v any) {
	data, err := JSON.Marshal(v)
	if err != nil {
		w.fail(err)
		return
	}
	w.raw(data)
}

func (w *writer) fail(err error) {
	if w.err == nil {
		w.err = err
	}
}

// appendText writes a JSON string. s is valid UTF-8.
func appendText(dst []byte, s string) []byte {
	dst = append(dst, '"')
	from := 0
	for i := range len(s) {
		c := s[i]
		if c >= 0x20 && c != '"' && c != '\\' {
			continue
		}
		dst = append(dst, s[from:i]...)
		from = i + 1
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\r':
			dst = append(dst, '\\', 'r')
		case '\t':
			dst = append(dst, '\\', 't')
		default:
			const digits = "0123456789abcdef"
			dst = append(dst, '\\', 'u', '0', '0', digits[c>>4], digits[c&15])
		}
	}
	return append(append(dst, s[from:]...), '"')
}

// object writes the fields of one JSON object and minds the commas.
type object struct {
	w    *writer
	more bool
}

// field begins a field, whose name needs no escapes.
func (o *object) field(name string) *writer {
	w := o.w
	if o.more {
		w.buf = append(w.buf, ',')
	}
	o.more = true
	w.buf = append(append(append(w.buf, '"'), name...), '"', ':')
	return w
}

func (o *object) str(name, value string) { o.field(name).text(value) }

func (o *object) strUnlessEmpty(name, value string) {
	if value != "" {
		o.str(name, value)
	}
}

// optional writes a pointer's value, if it is there.
func (o *object) optional(name string, there bool, value any) {
	if there {
		o.field(name).value(value)
	}
}

func (o *object) raw(name string, value json.RawMessage) {
	if len(value) > 0 {
		o.field(name).raw(value)
	}
}

// foreign is raw for a name that somebody else chose.
func (o *object) foreign(name string, value json.RawMessage) {
	if len(value) == 0 {
		return
	}
	w := o.w
	if o.more {
		w.comma()
	}
	o.more = true
	w.text(name)
	w.buf = append(append(w.buf, ':'), value...)
}

func (o *object) extra(e Extra) {
	for _, k := range namesOf(e) {
		o.foreign(k, e[k])
	}
}

// namesOf gives the names of the fields in their order.
func namesOf(e Extra) []string {
	if len(e) < 2 {
		for k := range e {
			return []string{k}
		}
		return nil
	}
	return slices.Sorted(maps.Keys(e))
}

// rest writes the unknown fields of an answer's object: behind the known ones,
// or, where they are gathered, in an object "extra", but for the flat ones,
// which the reader knows.
func (o *object) rest(e Extra, flat ...string) {
	if len(e) == 0 || !o.w.gathered {
		o.extra(e)
		return
	}
	names := namesOf(e)
	apart := names[:0]
	for _, k := range names {
		if slices.Contains(flat, k) {
			o.raw(k, e[k])
		} else {
			apart = append(apart, k)
		}
	}
	if len(apart) == 0 {
		return
	}
	extra := o.field("extra").object()
	for _, k := range apart {
		extra.foreign(k, e[k])
	}
	extra.end()
}

func (o *object) end() { o.w.buf = append(o.w.buf, '}') }
