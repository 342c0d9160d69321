package rate

import "bytes"

// Size is what a request may cost, as far as it can be told before it is sent.
type Size struct {
	Input float64 // tokens of the request's text
	Most  int     // of the answer, as the request says; 0: it does not say
}

// What texts cost, in tokens.
const (
	bytesPerToken    = 3.5
	bytesPerTokenCJK = 1.5 // of texts that are not written with Latin letters
	imageTokens      = 1000
	unknownOutput    = 256 // of an answer, as long as none is known
)

// SizeOf estimates a request by its JSON. most is the request's own limit of
// the answer's tokens, 0 without one.
func SizeOf(json []byte, most int) Size {
	text, images := len(json), 0
	for rest := json; ; {
		at := bytes.Index(rest, dataURL)
		if at < 0 {
			break
		}
		rest = rest[at+len(dataURL):]
		end := bytes.IndexByte(rest, '"')
		if end < 0 {
			end = len(rest)
		}
		text -= end
		rest = rest[end:]
		images++
	}
	per := bytesPerToken
	if foreign(json[:min(len(json), 4096)]) {
		per = bytesPerTokenCJK
	}
	return Size{Input: float64(text)/per + float64(images*imageTokens), Most: most}
}

var dataURL = []byte(`"data:`)

// foreign tells whether a good part of a text is written with letters that
// take three bytes, or is escaped.
func foreign(text []byte) bool {
	wide := bytes.Count(text, []byte(`\u`)) * 6
	for _, c := range text {
		if c >= 0xe0 {
			wide += 3
		}
	}
	return wide*3 > len(text)
}

// known is how many answers of a route are remembered.
const known = 200

// sizes remembers what requests and answers of a route did cost.
type sizes struct {
	outputs [known]int32 // of the last answers, in their order
	sorted  [known]int32 // the same, by size
	n       int          // how many there were
	p95     float64      // of them
	scale   float64      // of the input: what was counted for what was estimated

	admission
}

// expect is what a request is likely to cost.
func (s *sizes) expect(of Size) float64 {
	output := s.p95
	if s.n == 0 {
		output = unknownOutput
	}
	if of.Most > 0 {
		output = min(output, float64(of.Most))
	}
	return max(of.Input*s.scale+output, 1)
}

// most is what a request costs if its answer is as long as it may be.
func (s *sizes) most(of Size) float64 {
	if of.Most == 0 {
		return s.expect(of)
	}
	return of.Input*s.scale + float64(of.Most)
}

// settle notes what a request did cost whose input was estimated.
func (s *sizes) settle(estimated float64, input, output int) {
	if estimated > 0 && input > 0 {
		ratio := min(max(float64(input)/estimated, 0.1), 10)
		weight := max(1/float64(s.n+1), 1.0/32) // the mean at first
		s.scale += (ratio - s.scale) * weight
	}
	s.note(int32(min(output, 1<<30)))
}

// note remembers the tokens of an answer, and forgets the oldest where there
// are enough.
func (s *sizes) note(output int32) {
	slot, kept := s.n%known, min(s.n, known)
	at := kept // of the place that becomes free
	if kept == known {
		at = s.place(s.outputs[slot], kept)
	}
	s.outputs[slot] = output
	to := s.place(output, kept)
	if to > at { // the free place is one of those before
		to--
		copy(s.sorted[at:to], s.sorted[at+1:to+1])
	} else {
		copy(s.sorted[to+1:at+1], s.sorted[to:at])
	}
	s.sorted[to] = output
	s.n++
	kept = min(s.n, known)
	s.p95 = float64(s.sorted[(kept*95+99)/100-1])
}

// place is the first of the sorted sizes that is not less.
func (s *sizes) place(output int32, kept int) int {
	low, high := 0, kept
	for low < high {
		if middle := (low + high) / 2; s.sorted[middle] < output {
			low = middle + 1
		} else {
			high = middle
		}
	}
	return low
}
