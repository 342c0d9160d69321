package jsontext

import "bytes"

// List begins the list that comes next, as Array does, whose NextItem follows.
// In the place of a list an object is one, too: of no element where it is
// empty, as Lua and PHP write empty lists; of the values of its fields where
// these are numbers, as PHP writes a list that has lost elements; else it is
// the only element. Null has none; anything else is an error.
func (r *Reader) List() bool {
	switch r.Next() {
	case '[':
		return r.Array()
	case '{':
		return r.oddList()
	case 'n':
		r.Skip()
		return false
	}
	return r.Stop(r.Fail("expected a list"))
}

// oddList begins an object in the place of a list.
func (r *Reader) oddList() bool {
	switch {
	case r.IsEmptyObject():
		r.Skip()
		return false
	case r.depth >= maxOddLists:
		return r.Stop(r.Fail("expected a list"))
	case r.IsNumbered():
		if !r.open('}') {
			return false
		}
		r.numbered |= 1 << r.depth
		return r.numberedField()
	}
	r.lone |= 1 << r.depth
	return r.arrive()
}

// maxOddLists is how deep an object in the place of a list may stand.
const maxOddLists = 63

// nextOdd is NextItem of an object in the place of a list; odd tells whether
// the list at hand is one.
func (r *Reader) nextOdd() (more, odd bool) {
	if r.depth > maxOddLists {
		return false, false
	}
	switch at := uint64(1) << r.depth; {
	case r.lone&at != 0:
		r.lone &^= at
		return false, true
	case r.numbered&at != 0:
		if r.more('}') {
			return r.numberedField(), true
		}
		r.numbered &^= at
		return false, true
	}
	return false, false
}

// numberedField moves to the value of the next field whose name is a number.
func (r *Reader) numberedField() bool {
	at := uint64(1) << r.depth
	for r.field() {
		if len(r.Key) > 0 && r.Key[0] >= '0' && r.Key[0] <= '9' {
			return true
		}
		if r.Skip(); !r.more('}') {
			break
		}
	}
	r.numbered &^= at
	return false
}

// IsNumbered tells whether the name of the first field of the object that comes
// next is a number.
func (r *Reader) IsNumbered() bool {
	rest := r.inside()
	return len(rest) > 1 && rest[0] == '"' && rest[1] >= '0' && rest[1] <= '9'
}

// IsEmptyObject tells whether the object that comes next has no fields.
func (r *Reader) IsEmptyObject() bool {
	rest := r.inside()
	return len(rest) > 0 && rest[0] == '}'
}

// inside is what stands behind the brace that comes next.
func (r *Reader) inside() []byte { return bytes.TrimLeft(r.Data[r.Pos+1:], " \t\r\n") }
