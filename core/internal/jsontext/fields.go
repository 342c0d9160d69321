package jsontext

// Field is one field of a JSON object: its key, decoded, and where its value
// stands in the scanned bytes.
type Field struct {
	Key        string
	Start, End int
}

// Fields are the fields of one object in their order, each name once.
type Fields struct {
	List []Field
	at   map[string]int // where in list a name stands; nil while there are few
}

// fewFields is how many fields are searched faster than a map.
const fewFields = 32

// Put adds a field, or replaces one of the same name.
func (s *Fields) Put(f Field) {
	if i := s.find(f.Key); i >= 0 {
		s.List[i] = f
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

func (s *Fields) find(key string) int {
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
