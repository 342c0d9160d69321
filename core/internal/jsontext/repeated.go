package jsontext

import (
	"strconv"
	"strings"
)

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
