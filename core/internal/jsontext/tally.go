package jsontext

import (
	"strings"
	"unicode/utf8"
)

// Tally tells of a text that came in pieces whether a whole text begins with
// it, without keeping it. White space does not count, since servers trim what
// they say once more.
type Tally struct {
	Size  int // bytes that came
	count int // of them, without white space
	tail  int // white space at the end
	sum   uint64
	odd   bool // a piece has half a surrogate pair
}

const prime = 1099511628211 // FNV-1a's

// Add takes a piece.
func (t *Tally) Add(piece string) {
	t.odd = t.odd || strings.IndexByte(piece, 0xed) >= 0 && !utf8.ValidString(piece)
	t.Size += len(piece)
	for i := range len(piece) {
		c := piece[i]
		if t.tail++; c > ' ' {
			t.sum = (t.sum ^ uint64(c)) * prime
			t.count, t.tail = t.count+1, 0
		}
	}
}

// Rest is what a whole text has behind the text that came. It agrees if it
// begins with that text, and also where it is shorter: servers leave thoughts
// and the like out of what they say once more.
func (t *Tally) Rest(whole string) (rest string, agrees bool) {
	if t.odd {
		if t.Size >= len(whole) || !utf8.RuneStart(whole[t.Size]) {
			return "", true
		}
		return whole[t.Size:], true
	}
	at, count, sum := 0, 0, uint64(0)
	for ; at < len(whole) && count < t.count; at++ {
		if c := whole[at]; c > ' ' {
			sum = (sum ^ uint64(c)) * prime
			count++
		}
	}
	switch {
	case count < t.count:
		return "", true
	case sum != t.sum:
		return "", false
	}
	space := len(whole[at:]) - len(strings.TrimLeftFunc(whole[at:], func(c rune) bool { return c <= ' ' }))
	return whole[at+min(space, t.tail):], true
}
