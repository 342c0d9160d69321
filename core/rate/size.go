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
	outputs [known]int32 // of the last answers
	n       int          // how many there were
	p95     float64      // of them
	scale   float64      // of the input: what was counted for what was estimated
}

func newSizes() *sizes { return &sizes{scale: 1} }

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

// settle notes what a request did cost whose input was estimated.
func (s *sizes) settle(estimated float64, input, output int) {
	if estimated > 0 && input > 0 {
		ratio := min(max(float64(input)/estimated, 0.1), 10)
		weight := max(1/float64(s.n+1), 1.0/32) // the mean at first
		s.scale += (ratio - s.scale) * weight
	}
	s.outputs[s.n%known] = int32(min(output, 1<<30))
	s.n++
	if s.n <= 20 || s.n%20 == 0 {
		s.p95 = float64(nth(s.outputs, min(s.n, known), (min(s.n, known)*95+99)/100-1))
	}
}

// nth is the k-th of the first n numbers, by size. The sort of package slices
// would be 5 KB of the library.
func nth(of [known]int32, n, k int) int32 {
	for i := 1; i < n; i++ {
		for j := i; j > 0 && of[j] < of[j-1]; j-- {
			of[j], of[j-1] = of[j-1], of[j]
		}
	}
	return of[k]
}
