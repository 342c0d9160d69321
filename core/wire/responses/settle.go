package responses

import "slices"

// This file brings the items of the last event together with those before it.

// settle brings the items of the last event together with those that came
// before it: by their ids, else the first message with the first message, and
// so on, since servers give them other ids there, and leave items out.
func (s *stream) settle(output []itemFields) {
	came := map[string][]*answerItem{}
	for _, it := range s.items {
		came[it.kind] = append(came[it.kind], it)
	}
	unmatched := s.items
	if len(output) > 0 {
		s.items = make([]*answerItem, 0, len(output))
	}
	matched := map[*answerItem]bool{}
	for i := range output {
		f := &output[i]
		before := came[f.kind]
		for len(before) > 0 && matched[before[0]] {
			before = before[1:]
		}
		if came[f.kind] = before; len(before) > 0 {
			it := s.meant(f, before, matched)
			s.mixed = s.mixed || it != before[0] && it.kind == "message"
			matched[it] = true
			s.items = append(s.items, it)
			if it.opened && it.kind == "message" && len(before) > 1 && !slices.ContainsFunc(output[i+1:], func(g itemFields) bool { return g.id == f.id }) {
				s.gather(it, f, before, matched)
			}
			s.end(it, f)
		} else if it := s.begin(f, -1); it != nil {
			s.end(it, f)
		}
	}
	for _, it := range unmatched {
		if len(output) > 0 && !matched[it] {
			s.items = append(s.items, it)
		}
		if it.isCall() {
			s.endEmpty(it)
		}
		for _, p := range it.parts {
			if p.begun != "" && p.whole == 0 {
				s.endText(p, p.begun)
			}
		}
	}
}

// gather takes it, the only message that the server lists under its id, for all
// that came under this id at several places: the server counted output_index
// up with each piece.
func (s *stream) gather(it *answerItem, f *itemFields, messages []*answerItem, matched map[*answerItem]bool) {
	size := 0
	for _, other := range messages {
		if other.id == it.id && (other == it || !matched[other]) {
			size += other.kindOfPart().Bytes
			matched[other] = true
		}
	}
	for _, part := range listed(f.content) {
		if whole := len(partText(part)); size > it.part(0).size() {
			it.part(0).whole = whole // the pieces said it
			s.differs = s.differs || whole != size
		}
		return
	}
}

// meant is which of the items, all of f's kind, the last event says again as f:
// the one with its id, else the first. matched ones have been said.
func (s *stream) meant(f *itemFields, items []*answerItem, matched map[*answerItem]bool) *answerItem {
	first := items[0]
	if first.call == f.callID && f.callID != "" || first.id == f.id && (first.call == "" || first.call == f.callID) { // some give all items one id
		return first
	}
	for _, id := range [...]string{f.callID, f.id} {
		if it := s.byID[id]; it != nil && id != "" && it.kind == f.kind && !matched[it] {
			return it
		}
	}
	return first
}
