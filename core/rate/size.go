package rate

import (
	"bytes"
	"time"
)

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

// admission learns what the server takes from a limit of tokens when it lets a
// request in: what its answer costs in the end, or what it asked for at most
// (max_tokens), of which nothing comes back. Where headers tell what remains,
// the latter is reserved until they disprove it. They do by two samples:
// requests that were told what remained when they were let in. The Limiter
// guards it.
type admission struct {
	says  bool    // requests say what they ask for at most
	usage bool    // the server takes what answers cost
	taken float64 // requests
	asked float64 // what they asked for at most
	costs float64 // what answers did cost lately
	mosts float64 // and what their requests asked for at most
	kept  float64 // of both, the difference that did not come back

	// others is what the requests of other processes asked for at most, where a
	// fleet shares the limit; fleet says that it does. It is as old as the last
	// lease.
	others float64
	fleet  bool

	// missed is what was missing in all, of what the bucket had when a request
	// was let in. The debits of later requests begin with it, so that what they
	// miss as well is taken once.
	missed float64

	marks      uint32 // given to samples
	from, next sample // from: its mark is 0 while there is none
	lost       bool   // refill may have been, since from
	remains    float64
	at         time.Time // when remains was told
}

// sample is a request; its mark is that of its debit.
type sample struct {
	mark         uint32
	at           time.Time // when it was taken
	taken, asked float64   // until then, itself included
	remains      float64
}

const (
	// apart is how many requests there are at least between two samples, unless
	// so little has gone that even two of them do not matter.
	apart = 16
	// distinct is how many requests the two ways to count must differ by: the
	// order in which requests arrive may differ by one or two.
	distinct = 4
	// mostly is the share of what requests ask for that must have gone.
	mostly = 0.8
	// often is as much of it as goes where others use the limit in the same way.
	often = 1.5
	// nearlyFull is the share of a bucket from which on refill may be lost.
	nearlyFull = 0.95
	// steady is how far apart samples of a fleet are at least: what others asked
	// for is known late, and they have leased what they have not spent yet.
	steady = 5 * time.Second
)

// takes counts a request that is let in, and marks it as the next sample.
func (a *sizes) takes(now time.Time, d *Debit, s Size) {
	a.says = a.says || s.Most > 0
	a.taken++
	d.asked = float32(a.most(s))
	a.asked += float64(d.asked)
	if a.next.mark == 0 {
		a.marks = max(a.marks+1, 1)
		d.mark = a.marks
		a.next = sample{mark: d.mark, at: now, taken: a.taken, asked: a.asked + a.others}
	}
}

// ends forgets a sample whose answer told nothing.
func (a *admission) ends(d *Debit) {
	if d.mark != 0 && a.next.mark == d.mark {
		a.next = sample{}
	}
}

// settles notes what an answer did cost.
func (a *sizes) settles(s Size, cost float64) {
	const fade = 31. / 32
	a.costs = a.costs*fade + cost
	a.mosts = a.mosts*fade + a.most(s)
}

// hears learns from what remains, of a bucket that holds so much and is
// refilled by perSecond. If the server turns out to take what answers cost,
// hears returns what comes back.
func (a *admission) hears(now time.Time, d *Debit, remains, holds, perSecond float64, shared bool) (back float64) {
	if remains >= holds*nearlyFull || a.remains+perSecond*now.Sub(a.at).Seconds() >= holds {
		if a.lost = true; perSecond == 0 {
			a.from = sample{}
		}
	}
	a.remains, a.at = remains, now
	if d.mark == 0 || a.next.mark != d.mark {
		return 0
	}
	s := a.next
	a.next, s.remains = sample{}, remains
	if a.from.mark == 0 {
		a.from, a.lost = s, false
		return 0
	}
	if a.fleet && s.at.Sub(a.from.at) < steady {
		return 0
	}
	n, asked := s.taken-a.from.taken, s.asked-a.from.asked
	each, cost := asked/n, asked*min(a.costs/max(a.mosts, 1), 1)
	gone := a.from.remains - remains + perSecond*s.at.Sub(a.from.at).Seconds()
	least := max(asked*mostly, (asked+cost)/2)
	if gone+2*each >= least && (n < apart || asked-cost < distinct*each) {
		return 0
	}
	// Lost refill counts as gone, so that it hides that little was taken, never
	// that much was; and what others use looks the same.
	unsure := gone >= least && (a.lost || shared && gone < asked*often)
	if a.from, a.lost = s, false; unsure {
		return 0
	}
	if a.usage = gone < least; a.usage {
		back = a.kept
	}
	a.kept = 0
	return back
}
