package wire

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"math"
	"slices"
	"strconv"

	"github.com/llmagg/llmagg/core/llm"
)

// Lift takes the vectors in base64 out of the JSON text of an answer while its
// pieces arrive, and leaves their numbers (0, 1, …) instead of them, which
// [liftedVector] reads: then the text is short, and nothing of the vectors is
// copied. What it does not understand stays in the text as it is.
type Lift struct {
	Text    []byte // what is left
	Size    int64  // bytes that have been added
	vectors [][]float32

	memory func(dimensions int) []float32 // nil, or as Embedding.Memory
	slab   []float32                      // memory of the next vectors
	texts  int
	now    []float32 // the vector that is being read
	within bool      // the next byte belongs to it
	off    bool      // the rest stays as it is
	odd    bool      // a number is not finite
	waits  int64     // bytes that Add has not taken
}

// NewLift begins an answer to e.
func (e *Embedding) NewLift() *Lift {
	e.finite = false
	e.lift = &Lift{memory: e.Memory, texts: len(e.Texts)}
	return e.lift
}

const (
	liftedKey = `"embedding"`
	// liftedLead is how long the key, the colon and the quote of a vector may
	// be.
	liftedLead = len(liftedKey) + 8
	// slabSize is how many numbers memory is taken for at once.
	slabSize = 1 << 18
)

// Add takes what it can of text, the next bytes of the answer, and returns how
// many bytes that was: fewer than a hundred remain, unless it is the last of
// the text.
func (l *Lift) Add(text []byte, last bool) (n int) {
	l.Size += int64(len(text)) - l.waits
	for n < len(text) {
		took := 0
		switch {
		case l.off:
			l.Text = append(l.Text, text[n:]...)
			took = len(text) - n
		case l.within:
			took = l.vector(text[n:])
		default:
			took = l.between(text[n:], last)
		}
		if n += took; took == 0 && !l.off && !last {
			break
		} else if took == 0 && l.within { // a string that does not end
			l.giveUp()
		}
	}
	if last && l.within {
		l.giveUp()
	}
	l.waits = int64(len(text) - n)
	return n
}

// between takes text up to the next vector's first character.
func (l *Lift) between(text []byte, last bool) int {
	at := bytes.Index(text, []byte(liftedKey))
	switch {
	case at < 0 && last:
		at = len(text)
	case at < 0:
		at = max(0, len(text)-len(liftedKey)+1)
	default:
		lead := leadOf(text[at:], last)
		switch {
		case lead < 0: // not all of it is there
		case lead == 0 || l.escaped(text[:at]):
			at += len(liftedKey)
		case len(l.vectors) == l.texts: // one too many
			l.off = true
		default:
			l.within = true
			l.begin()
			l.Text = append(l.Text, text[:at+len(liftedKey)]...)
			l.Text = strconv.AppendInt(append(l.Text, ':'), int64(len(l.vectors)), 10)
			return at + lead
		}
	}
	l.Text = append(l.Text, text[:at]...)
	return at
}

// leadOf is the length of the key, the colon and the quote at text's beginning;
// 0 where something else follows the key, -1 where too little is there to tell.
func leadOf(text []byte, last bool) int {
	colon := false
	for i := len(liftedKey); i < liftedLead; i++ {
		switch {
		case i == len(text) && last:
			return 0
		case i == len(text):
			return -1
		case text[i] == ' ' || text[i] == '\t' || text[i] == '\n' || text[i] == '\r':
		case text[i] == ':' && !colon:
			colon = true
		case text[i] == '"' && colon:
			return i + 1
		default:
			return 0
		}
	}
	return 0
}

// escaped tells whether the quote behind before belongs to a string.
func (l *Lift) escaped(before []byte) bool {
	if len(before) == 0 {
		before = l.Text
	}
	return len(before) > 0 && before[len(before)-1] == '\\'
}

// begin gives l.now room.
func (l *Lift) begin() {
	l.now = nil
	if len(l.vectors) == 0 {
		return
	}
	dimensions := len(l.vectors[0])
	if len(l.slab) < dimensions {
		vectors := min(l.texts-len(l.vectors), slabSize/max(dimensions, 1)+1)
		l.slab = make([]float32, max(vectors, 1)*dimensions)
	}
	l.now, l.slab = l.slab[:0:dimensions], l.slab[dimensions:]
}

// vector takes what text has of the current vector.
func (l *Lift) vector(text []byte) int {
	chars := text
	end := bytes.IndexByte(text, '"')
	if end >= 0 {
		chars = text[:end]
	}
	whole := max(0, len(chars)-1) &^ 15 // behind it may be padding
	if end < 0 {
		whole = max(0, whole-16)
	}
	if more := whole / 16 * 3; cap(l.now)-len(l.now) < more {
		l.now = slices.Grow(l.now, max(more, len(l.now))) // twice as much: few are outgrown (L1)
	}
	before := len(l.now)
	var ok, finite bool
	l.now, ok, finite = appendFloats(l.now, chars[:whole])
	l.odd = l.odd || !finite
	if ok && end >= 0 {
		ok = l.rest(chars[whole:])
	}
	switch {
	case !ok:
		l.now = l.now[:before]
		l.giveUp()
		return 0
	case end < 0 && len(l.now) > slabSize/4: // no model has as many dimensions
		l.giveUp()
		return whole
	case end < 0:
		return whole
	}
	l.end()
	return end + 1
}

// rest reads the characters of a vector behind the last group of sixteen.
func (l *Lift) rest(chars []byte) bool {
	var raw [12]byte
	n, err := base64.StdEncoding.Decode(raw[:], chars)
	if err != nil || n%4 != 0 || bytes.ContainsAny(chars, "\r\n") {
		return false
	}
	from := len(l.now)
	for i := 0; i < n; i += 4 {
		l.now = append(l.now, math.Float32frombits(binary.LittleEndian.Uint32(raw[i:])))
	}
	l.odd = l.odd || !Vector(l.now[from:]).finite()
	return true
}

// end keeps the current vector. The first one tells how much memory all need.
func (l *Lift) end() {
	switch {
	case l.now == nil:
		l.now = []float32{}
	case len(l.vectors) > 0 && len(l.now) != len(l.vectors[0]):
		l.off = true // the answer is none
	case len(l.vectors) == 0 && l.memory != nil:
		if own := l.memory(len(l.now)); own != nil {
			n := copy(own, l.now)
			l.now, l.slab = own[:n:n], own[n:]
		}
	}
	l.vectors = append(l.vectors, l.now)
	l.now, l.within = nil, false
}

// giveUp puts what was read of the current vector back, and leaves the rest of
// the text as it is.
func (l *Lift) giveUp() {
	l.off, l.within = true, false
	raw := make([]byte, 0, 4*len(l.now))
	for _, x := range l.now {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(x))
	}
	number := strconv.Itoa(len(l.vectors))
	l.Text = append(l.Text[:len(l.Text)-len(number)], '"')
	l.Text = base64.StdEncoding.AppendEncode(l.Text, raw)
	l.now = nil
}

// liftedVector is a vector as [Vector] reads it, or one that was lifted out of
// the text.
type liftedVector struct {
	Vector
	number int // from 1; 0: it was not lifted
}

// UnmarshalJSON reads any of the three forms.
func (v *liftedVector) UnmarshalJSON(data []byte) error {
	*v = liftedVector{}
	if len(data) == 0 || data[0] < '0' || data[0] > '9' {
		return v.Vector.UnmarshalJSON(data)
	}
	n, err := strconv.Atoi(string(data))
	if err != nil {
		return llm.Errorf(llm.BadResponse, "a vector is neither a list of numbers nor base64")
	}
	v.number = n + 1
	return nil
}

// lifted are the vectors of an answer out of which they may have been lifted,
// each no more than once.
func (e *Embedding) lifted(n int, at func(i int) *liftedVector) ([]Vector, error) {
	all := make([]Vector, n)
	e.finite = e.lift != nil && !e.lift.odd
	for i := range all {
		v := at(i)
		all[i] = v.Vector
		if v.number == 0 {
			e.finite = false
			continue
		}
		if e.lift == nil || v.number > len(e.lift.vectors) || e.lift.vectors[v.number-1] == nil {
			return nil, llm.Errorf(llm.BadResponse, "vector %d of the answer is neither a list of numbers nor base64", i)
		}
		all[i] = e.lift.vectors[v.number-1]
		e.lift.vectors[v.number-1] = nil
	}
	return all, nil
}
