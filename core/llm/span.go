package llm

// span is one field of a JSON object: its key, decoded, and where its value
// stands in the scanned bytes.
type span struct {
	key        string
	start, end int
}

// spans are the fields of one object in their order, each name once.
type spans struct {
	list []span
	at   map[string]int // where in list a name stands; nil while there are few
}

// fewSpans is how many fields are searched faster than a map.
const fewSpans = 32

// put adds a field, or replaces one of the same name.
func (s *spans) put(f span) {
	if i := s.find(f.key); i >= 0 {
		s.list[i] = f
		return
	}
	if s.list == nil {
		s.list = make([]span, 0, 8)
	}
	s.list = append(s.list, f)
	switch n := len(s.list); {
	case s.at != nil:
		s.at[f.key] = n - 1
	case n == fewSpans:
		s.at = make(map[string]int, 2*fewSpans)
		for i, f := range s.list {
			s.at[f.key] = i
		}
	}
}

func (s *spans) find(key string) int {
	if s.at != nil {
		if i, ok := s.at[key]; ok {
			return i
		}
		return -1
	}
	for i := range s.list {
		if s.list[i].key == key {
			return i
		}
	}
	return -1
}
