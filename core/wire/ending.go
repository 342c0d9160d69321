package wire

import "bytes"

// This file decides when a streamed answer is complete (S2 to S4): a table
// says what each sign of an end means in each phase. A finish reason only
// allows an end, for servers repeat and anticipate it.

// Phase is how far a streamed answer has come.
type Phase uint8

// The phases.
const (
	Waiting  Phase = iota // no choice has appeared
	Open                  // a choice that appeared has not finished
	Torn                  // the same, and an event was skipped
	Early                 // each that appeared has finished, but fewer than were asked for
	Finished              // each has finished: an end is allowed
	Phases   = iota
)

// Sign is what may end a stream.
type Sign uint8

// The signs.
const (
	Marked Sign = iota // the format's own mark of the end, such as [DONE]
	Closed             // the clean end of the body
	Broken             // the body ended otherwise
	Silent             // no piece of the answer for some time
	Signs  = iota
)

// Ruling is what a sign means in a phase.
type Ruling uint8

// The rulings.
const (
	GoesOn Ruling = iota
	Completes
	Breaks
)

// Ending is what each sign means in each phase of a format's streams.
type Ending [Phases][Signs]Ruling

// WholeOrBroken is S2. A cut is never an end, also where every choice has
// finished: a server that sends its reason early would have half its answer
// sold as whole.
var WholeOrBroken = Ending{
	Waiting:  {Marked: Breaks, Closed: Breaks, Broken: Breaks, Silent: GoesOn},
	Open:     {Marked: Completes, Closed: Breaks, Broken: Breaks, Silent: GoesOn},
	Torn:     {Marked: Breaks, Closed: Breaks, Broken: Breaks, Silent: GoesOn},
	Early:    {Marked: Completes, Closed: Completes, Broken: Breaks, Silent: GoesOn},
	Finished: {Marked: Completes, Closed: Completes, Broken: Breaks, Silent: Completes},
}

// MarkedOrBroken is S2 for formats that always say when an answer ends: the end
// of the body alone does not complete it. Some gateways give the finish reason
// and then nothing but signs of life: the silence completes that.
var MarkedOrBroken = func() Ending {
	e := WholeOrBroken
	for phase := range e {
		e[phase][Closed] = Breaks
	}
	return e
}()

// IsDone tells whether an event is OpenAI's [DONE], whatever stands around it.
// Gateways add it to other formats, too.
func IsDone(data []byte) bool {
	if len(data) == 0 || data[0] == '{' {
		return false
	}
	const done = "[DONE]"
	data = bytes.TrimLeft(bytes.TrimSpace(data), `"`)
	return len(data) >= len(done) && bytes.EqualFold(data[:len(done)], []byte(done))
}
