package jsontext

import (
	"encoding/json"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Field is one field of a JSON object: its key, decoded, and where its value
// stands in the scanned bytes.
type Field struct {
	Key        string
	Start, End int
}

// Fields are the fields of one object in their order, each name once.
type Fields struct {
	List     []Field
	Repeated []string       // names that came more than once; the last value counts
	at       map[string]int // where in list a name stands; nil while there are few
}

// fewFields is how many fields are searched faster than a map.
const fewFields = 32

// Put adds a field, or replaces one of the same name.
func (s *Fields) Put(f Field) {
	if i := s.Find(f.Key); i >= 0 {
		s.List[i] = f
		s.Repeated = append(s.Repeated, f.Key)
		return
	}
	if s.List == nil {
		s.List = make([]Field, 0, 8)
	}
	s.List = append(s.List, f)
	switch n := len(s.List); {
	case s.at != nil:
		s.at[f.Key] = n - 1
	case n == fewFields:
		s.at = make(map[string]int, 2*fewFields)
		for i, f := range s.List {
			s.at[f.Key] = i
		}
	}
}

// Reset forgets all fields and keeps the room of few.
func (s *Fields) Reset() {
	if s.at != nil {
		*s = Fields{}
	}
	s.List, s.Repeated = s.List[:0], nil
}

// Find says where in List a name stands, -1 for nowhere.
func (s *Fields) Find(key string) int {
	if s.at != nil {
		if i, ok := s.at[key]; ok {
			return i
		}
		return -1
	}
	for i := range s.List {
		if s.List[i].Key == key {
			return i
		}
	}
	return -1
}

// FieldsOf checks data, which must be one JSON object and nothing else, and
// returns its fields.
func FieldsOf(data []byte) (Fields, error) {
	if err := CheckUTF8(data); err != nil {
		return Fields{}, err
	}
	r := Reader{Data: data, Most: MaxDepth}
	if r.Next() != '{' {
		return Fields{}, r.Fail("expected a JSON object")
	}
	var fields Fields
	for more := r.Object(); more; more = r.NextField() {
		key := string(r.Key)
		from := r.Span()
		fields.Put(Field{key, from, r.Pos})
	}
	if r.Err != nil {
		return Fields{}, r.Err
	}
	if r.Next(); r.Pos < len(data) {
		return Fields{}, r.Fail("unexpected text after the object")
	}
	return fields, nil
}

// ItemsOf are the elements of an array, null ones among them, as parts of data.
// Raw values of a JSON library may leave nulls empty.
func ItemsOf(data []byte) ([]json.RawMessage, error) {
	r := Reader{Data: data, Most: MaxDepth}
	if r.Next() != '[' {
		return nil, r.Fail("expected a JSON array")
	}
	var items []json.RawMessage
	for more := r.Array(); more; more = r.NextItem() {
		if from := r.Span(); r.Err == nil {
			items = append(items, data[from:r.Pos])
		}
	}
	return items, r.End()
}

// CheckUTF8 tells where data is not valid UTF-8; nil where it is.
func CheckUTF8(data []byte) error {
	if utf8.Valid(data) {
		return nil
	}
	for i := 0; ; {
		r, n := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && n == 1 {
			return &syntaxError{i, "invalid UTF-8"}
		}
		i += n
	}
}

// Repeated is the first name that an object within the value data has more than
// once, and where that object stands, as "[0].content", "" for the value
// itself; found is false for none. data is JSON whose syntax has been checked.
func Repeated(data []byte) (name, at string, found bool) {
	w := repeats{Reader: Reader{Data: data, Most: MaxDepth}, names: make([][]byte, 0, 8)}
	if !w.value() {
		return "", "", false
	}
	for i := len(w.path) - 1; i >= 0; i-- {
		if at != "" && !strings.HasPrefix(w.path[i], "[") {
			at += "."
		}
		at += w.path[i]
	}
	return w.name, at, true
}

// repeats walks through values.
type repeats struct {
	Reader
	names [][]byte // of the objects around the place, those of the innermost last
	name  string   // that was found twice
	path  []string // to it, the innermost part first
}

// value moves behind the next value; true if a name was found twice in it.
func (w *repeats) value() bool {
	switch w.Next() {
	case '{':
		return w.object()
	case '[':
		i := 0
		for more := w.Array(); more; more = w.NextItem() {
			if w.value() {
				w.path = append(w.path, "["+strconv.Itoa(i)+"]")
				return true
			}
			i++
		}
		return false
	}
	w.Skip()
	return false
}

func (w *repeats) object() bool {
	from := len(w.names)
	var many map[string]bool // where there are more than a few
	for more := w.Object(); more; more = w.NextField() {
		key := w.Key
		if w.has(from, many, key) {
			w.name = string(key)
			return true
		}
		w.names = append(w.names, key)
		switch n := len(w.names) - from; {
		case many != nil:
			many[string(key)] = true
		case n == fewFields:
			many = make(map[string]bool, 2*fewFields)
			for _, name := range w.names[from:] {
				many[string(name)] = true
			}
		}
		if w.value() {
			w.path = append(w.path, string(key))
			return true
		}
	}
	w.names = w.names[:from]
	return false
}

func (w *repeats) has(from int, many map[string]bool, key []byte) bool {
	if many != nil {
		return many[string(key)]
	}
	for _, name := range w.names[from:] {
		if string(name) == string(key) {
			return true
		}
	}
	return false
}
