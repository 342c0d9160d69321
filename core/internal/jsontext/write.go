package jsontext

import (
	"encoding/json"
	"errors"
	"maps"
	"math"
	"slices"
	"strconv"
	"unsafe"
)

// Writer appends JSON text, field by field, to the caller's bytes: for what is
// written once for each call and each chunk. The first error stays in Err.
type Writer struct {
	Buf      []byte
	Gathered bool // Rest writes unknown fields into an object of their own
	Err      error
}

// Encode appends what write writes to dst; nil with an error.
func Encode(dst []byte, write func(*Writer)) ([]byte, error) {
	w := Writer{Buf: dst}
	write(&w)
	return w.Done()
}

// Done gives the text; nil with an error.
func (w *Writer) Done() ([]byte, error) {
	if w.Err != nil {
		return nil, w.Err
	}
	return w.Buf, nil
}

// Comma separates the elements of an array.
func (w *Writer) Comma() { w.Buf = append(w.Buf, ',') }

// BeginArray begins an array.
func (w *Writer) BeginArray() { w.Buf = append(w.Buf, '[') }

// EndArray ends an array.
func (w *Writer) EndArray() { w.Buf = append(w.Buf, ']') }

// WriteList writes a list, each item by write.
func WriteList[T any](w *Writer, list []T, write func(item *T, w *Writer)) {
	w.BeginArray()
	for i := range list {
		if i > 0 {
			w.Comma()
		}
		write(&list[i], w)
	}
	w.EndArray()
}

// Object begins an object. Called, not inlined: 3.2 KB less of the library.
//
//go:noinline
func (w *Writer) Object() Object { w.Buf = append(w.Buf, '{'); return Object{w: w} }

// Reopen continues an object in Buf that lacks its closing brace.
func (w *Writer) Reopen() Object { return Object{w: w, more: w.Buf[len(w.Buf)-1] != '{'} }

// Null writes null.
func (w *Writer) Null() { w.Buf = append(w.Buf, "null"...) }

// Bool writes true or false.
func (w *Writer) Bool(v bool) { w.Buf = strconv.AppendBool(w.Buf, v) }

// Int writes an integer.
func (w *Writer) Int(v int) { w.Buf = strconv.AppendInt(w.Buf, int64(v), 10) }

// Int64 writes an integer.
func (w *Writer) Int64(v int64) { w.Buf = strconv.AppendInt(w.Buf, v, 10) }

// Uint64 writes an integer.
func (w *Writer) Uint64(v uint64) { w.Buf = strconv.AppendUint(w.Buf, v, 10) }

// Text writes a string.
func (w *Writer) Text(v string) { w.Buf = AppendText(w.Buf, v) }

// Raw writes JSON text as it is.
func (w *Writer) Raw(v []byte) { w.Buf = append(w.Buf, v...) }

// Float writes a number as ECMAScript does, and so other writers of JSON too.
func (w *Writer) Float(v float64) {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		w.Fail(errors.New("JSON has no number for " + strconv.FormatFloat(v, 'g', -1, 64)))
		return
	}
	form := byte('f')
	if abs := math.Abs(v); abs != 0 && (abs < 1e-6 || abs >= 1e21) {
		form = 'e'
	}
	w.Buf = strconv.AppendFloat(w.Buf, v, form, -1, 64)
}

// Fail notes the first error.
func (w *Writer) Fail(err error) {
	if w.Err == nil {
		w.Err = err
	}
}

// AppendText writes a JSON string. s is valid UTF-8.
func AppendText(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for {
		// One body of plainLength for both kinds of text: a second one costs each
		// call twelve more lines of the processor's code cache.
		n := plainLength(unsafe.Slice(unsafe.StringData(s), len(s)))
		dst = append(dst, s[:n]...)
		if n == len(s) {
			return append(dst, '"')
		}
		c := s[n]
		s = s[n+1:]
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
}

// Object writes the fields of one JSON object and the commas between them.
type Object struct {
	w    *Writer
	more bool
}

// Gathered is the writer's.
func (o *Object) Gathered() bool { return o.w.Gathered }

// Field begins a field, whose name needs no escapes. It is called, not written
// out: its 90 copies had 27 KB of the library.
//
//go:noinline
func (o *Object) Field(name string) *Writer {
	w := o.w
	if o.more {
		w.Buf = append(w.Buf, ',')
	}
	o.more = true
	w.Buf = append(append(append(w.Buf, '"'), name...), '"', ':')
	return w
}

// Str writes a field whose value is a text.
func (o *Object) Str(name, value string) { o.Field(name).Text(value) }

// StrUnlessEmpty is Str for a field that "" leaves out.
func (o *Object) StrUnlessEmpty(name, value string) {
	if value != "" {
		o.Str(name, value)
	}
}

// Raw writes a field whose value is JSON text, if there is one. Called, not
// inlined: 2.1 KB less of the library.
//
//go:noinline
func (o *Object) Raw(name string, value json.RawMessage) {
	if len(value) > 0 {
		o.Field(name).Raw(value)
	}
}

// Foreign is Raw for a name that somebody else chose.
func (o *Object) Foreign(name string, value json.RawMessage) {
	if len(value) == 0 {
		return
	}
	w := o.w
	if o.more {
		w.Comma()
	}
	o.more = true
	w.Text(name)
	w.Buf = append(append(w.Buf, ':'), value...)
}

// Extra writes fields in the order of their names.
func (o *Object) Extra(e map[string]json.RawMessage) {
	for _, k := range NamesOf(e) {
		o.Foreign(k, e[k])
	}
}

// NamesOf gives the names of the fields in their order.
func NamesOf(e map[string]json.RawMessage) []string {
	if len(e) < 2 {
		for k := range e {
			return []string{k}
		}
		return nil
	}
	return slices.Sorted(maps.Keys(e))
}

// Rest writes the unknown fields of an answer's object: behind the known ones,
// or, where they are gathered, in an object "extra", but for the flat ones,
// which the reader knows.
func (o *Object) Rest(e map[string]json.RawMessage, flat ...string) {
	if len(e) == 0 || !o.w.Gathered {
		o.Extra(e)
		return
	}
	names := NamesOf(e)
	apart := names[:0]
	for _, k := range names {
		if slices.Contains(flat, k) {
			o.Raw(k, e[k])
		} else {
			apart = append(apart, k)
		}
	}
	if len(apart) == 0 {
		return
	}
	extra := o.Field("extra").Object()
	for _, k := range apart {
		extra.Foreign(k, e[k])
	}
	extra.End()
}

// End closes the object. Called, not inlined: 3.7 KB less of the library.
//
//go:noinline
func (o *Object) End() { o.w.Buf = append(o.w.Buf, '}') }
