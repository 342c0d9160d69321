package llm

import (
	"bytes"
	"strconv"
)

// listed reads an object in the place of a list of objects: each element under
// its number, as PHP writes a list that has lost elements, or the only element.
// read is called where an element comes next, with its number, -1 for the only
// one.
func (r *reader) listed(read func(number int)) {
	if !r.numbered() {
		read(-1)
		return
	}
	for more := r.Object(); more; more = r.NextField() {
		if number, err := strconv.Atoi(string(r.Key)); err == nil && number >= 0 && r.Next() == '{' {
			read(number)
		}
	}
}

// numbered tells whether the name of the first field of the object that comes
// next is a number.
func (r *reader) numbered() bool {
	rest := bytes.TrimLeft(r.Data[r.Pos+1:], " \t\r\n")
	return len(rest) > 1 && rest[0] == '"' && rest[1] >= '0' && rest[1] <= '9'
}
