package jsontext

import (
	"math"
	"strconv"
)

// Integer reads a number as an integer; anything else is 0.
func (r *Reader) Integer() int { return int(r.Integer64()) }

// Integer64 is Integer for numbers of 64 bits; one that no float64 holds
// exactly is 0.
func (r *Reader) Integer64() int64 {
	f := r.Number()
	if math.Abs(f) >= 1<<53 {
		return 0
	}
	return int64(f)
}

// Index reads a place in a list, as a number or a text; absent is anything
// else.
func (r *Reader) Index(absent int) int {
	switch c := r.Next(); {
	case c == '"':
		if n, err := strconv.Atoi(r.Text()); err == nil && n >= 0 {
			return n
		}
	case c >= '0' && c <= '9':
		return r.Integer()
	default:
		r.Skip()
	}
	return absent
}

// Count reads a number of things, such as tokens, which may stand in quotes.
// Anything else, null and negative numbers among it, is none.
func (r *Reader) Count() (n int, ok bool) {
	switch c := r.Next(); {
	case c >= '0' && c <= '9':
		f := r.Number() // 0 for what is too large
		return int(f), f < 1<<53 && (f != 0 || c == '0')
	case c == '"':
		f, err := strconv.ParseFloat(r.Text(), 64)
		return int(f), err == nil && f >= 0 && f < 1<<53
	}
	r.Skip()
	return 0, false
}

// Number reads a number; anything else, and one that is too large, is 0.
func (r *Reader) Number() float64 {
	c := r.Next()
	if n, ok := r.few(); ok {
		return float64(n)
	}
	if c != '-' && (c < '0' || c > '9') || c == '-' && oddLength(r.Data[r.Pos:]) > 0 {
		r.Skip()
		return 0
	}
	from := r.Pos
	if !r.scanNumber() {
		return 0
	}
	f, err := strconv.ParseFloat(string(r.Data[from:r.Pos]), 64)
	if err != nil || math.IsInf(f, 0) {
		return 0
	}
	return f
}

// few reads a number that is nothing but a few digits, as most are; otherwise
// it reads nothing.
func (r *Reader) few() (n int64, ok bool) {
	for i, c := range r.Data[r.Pos:min(r.Pos+16, len(r.Data))] {
		switch {
		case '0' <= c && c <= '9':
			n = n*10 + int64(c-'0')
		case c == '.' || c|0x20 == 'e' || i == 0 || i > 1 && r.Data[r.Pos] == '0':
			return 0, false
		default:
			r.Pos += i
			return n, true
		}
	}
	return 0, false
}
