package wire

import "math"

// digits have what each character of base64 means at each of the four places
// of a group: its bits of the group's three bytes, the first byte lowest.
// What is no character of base64 has bits above them.
var digits [4][256]uint32

const notBase64 = 0xff << 24

func init() {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	for place := range digits {
		for c := range digits[place] {
			digits[place][c] = notBase64
		}
		for value := range alphabet {
			x := uint32(value) << (18 - 6*place)
			digits[place][alphabet[value]] = x>>16 | x&0xff00 | x&0xff<<16
		}
	}
}

// appendFloats appends the float32 numbers that text, base64 in whole groups of
// sixteen characters, holds in little-endian order, three in a group. The
// library needs more time for bytes alone, which then have to become numbers.
// It tells whether all of text was base64, and whether all numbers are finite:
// to look at them again later costs as much as to read them from memory.
func appendFloats(dst []float32, text []byte) (_ []float32, ok, finite bool) {
	at := len(dst)
	dst = dst[:at+len(text)/16*3]
	to := dst[at:]
	a, b, c, d := &digits[0], &digits[1], &digits[2], &digits[3]
	var all, over uint32
	for len(text) >= 16 && len(to) >= 3 {
		s := text[:16:16]
		one := a[s[0]] | b[s[1]] | c[s[2]] | d[s[3]]
		two := a[s[4]] | b[s[5]] | c[s[6]] | d[s[7]]
		three := a[s[8]] | b[s[9]] | c[s[10]] | d[s[11]]
		four := a[s[12]] | b[s[13]] | c[s[14]] | d[s[15]]
		all |= one | two | three | four
		x, y, z := one|two<<24, two>>8|three<<16, three>>16|four<<8
		over |= overflow(x) | overflow(y) | overflow(z)
		to[0], to[1], to[2] = math.Float32frombits(x), math.Float32frombits(y), math.Float32frombits(z)
		text, to = text[16:], to[3:]
	}
	return dst, all < 1<<24, over < 1<<31
}

// overflow adds one to the exponent of a number: that of infinities and NaN
// runs over into the highest bit.
func overflow(bits uint32) uint32 { return bits&0x7f800000 + 0x00800000 }
