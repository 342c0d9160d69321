package client

import (
	"bytes"

	"github.com/llmagg/llmagg/core/llm"
)

// This file decides when a streamed answer is complete (S2 to S4): a state
// machine whose table says what each sign of an end means in each phase. A
// finish reason only allows an end, for servers repeat and anticipate it.

// phase is how far a streamed answer has come.
type phase uint8

const (
	waiting  phase = iota // no choice has appeared
	open                  // a choice that appeared has not finished
	torn                  // the same, and an event was skipped
	early                 // each that appeared has finished, but fewer than were asked for
	finished              // each has finished: an end is allowed
	phases   = iota
)

// sign is what may end a stream.
type sign uint8

const (
	marked sign = iota // the format's own mark of the end, such as [DONE]
	closed             // the clean end of the body
	broken             // the body ended otherwise
	silent             // no piece of the answer for endSilence
	signs  = iota
)

// ruling is what a sign means in a phase.
type ruling uint8

const (
	goesOn ruling = iota
	completes
	breaks
)

// ending is how the streams of a wire format end. A format that ends otherwise
// (by an event's type, by a field) has a mark of its own; one whose complete
// streams end otherwise has a table of its own.
type ending struct {
	mark func(kind string, data []byte) bool
	on   [phases][signs]ruling
}

// wholeOrBroken is S2. A cut is never an end, also where every choice has
// finished: a server that sends its reason early would have half its answer
// sold as whole.
var wholeOrBroken = [phases][signs]ruling{
	waiting:  {marked: breaks, closed: breaks, broken: breaks, silent: goesOn},
	open:     {marked: completes, closed: breaks, broken: breaks, silent: goesOn},
	torn:     {marked: breaks, closed: breaks, broken: breaks, silent: goesOn},
	early:    {marked: completes, closed: completes, broken: breaks, silent: goesOn},
	finished: {marked: completes, closed: completes, broken: breaks, silent: completes},
}

var (
	openaiEnding = &ending{mark: isDone, on: wholeOrBroken}
	// Gemini has no mark. Gateways that speak its format add OpenAI's.
	geminiEnding = &ending{mark: isDone, on: wholeOrBroken}
)

// isDone tells whether an event is [DONE], whatever stands around it.
func isDone(_ string, data []byte) bool {
	if len(data) == 0 || data[0] == '{' {
		return false
	}
	const done = "[DONE]"
	data = bytes.TrimLeft(bytes.TrimSpace(data), `"`)
	return len(data) >= len(done) && bytes.EqualFold(data[:len(done)], []byte(done))
}

// streamEnd is the judge of one stream's end. The goroutine that reads the
// stream owns it.
type streamEnd struct {
	*ending
	asked    int // choices that were asked for
	choices  []choiceState
	finished int // of these
	skipped  int // events that were no JSON
}

type choiceState struct {
	index    int
	finished bool
	brought  bool      // something that a caller can use
	reason   string    // the last
	beside   llm.Extra // what stood beside it
}

func (s *streamEnd) phase() phase {
	switch {
	case len(s.choices) == 0:
		return waiting
	case s.finished < len(s.choices) && s.skipped > 0:
		return torn
	case s.finished < len(s.choices):
		return open
	case s.finished < s.asked:
		return early
	}
	return finished
}

// is gives the ruling on a sign.
func (s *streamEnd) is(what sign) ruling { return s.on[s.phase()][what] }

// note takes a chunk into account, and takes words that are no finish reasons
// out of it. The error is the failure that one of its choices is.
func (s *streamEnd) note(c *llm.Chunk) *llm.Error {
	for i := range c.Choices {
		choice := &c.Choices[i]
		state := s.choice(choice.Index)
		if len(s.choices) > maxChoices {
			return llm.Errorf(llm.BadResponse, "the stream has more than %d choices; %d were asked for", maxChoices, s.asked)
		}
		brought := !emptyMessage(&choice.Delta)
		state.brought = state.brought || brought
		if !brought && len(choice.Delta.Extra) > 0 {
			if e := judgeMessage(&choice.Delta); e != nil {
				return e
			}
		}
		if choice.FinishReason != "" && endOf(choice.FinishReason) == endNone {
			choice.FinishReason = ""
		}
		if reason := choice.FinishReason; reason != "" {
			if state.reason, state.beside = reason, choice.Extra; !state.finished {
				state.finished = true
				s.finished++
			}
		} else if len(choice.Extra) == 0 {
			continue
		}
		// Whether it is empty shows at the end only: text may follow a reason.
		if e := judgeFinished(choice.FinishReason, false, choice.Extra); e != nil {
			return e
		}
	}
	return nil
}

func (s *streamEnd) choice(index int) *choiceState {
	for i := range s.choices {
		if s.choices[i].index == index {
			return &s.choices[i]
		}
	}
	s.choices = append(s.choices, choiceState{index: index})
	return &s.choices[len(s.choices)-1]
}

// failure is what a stream that ended well is nonetheless: an answer that
// brought nothing and does not say why (E1).
func (s *streamEnd) failure() *llm.Error {
	for i := range s.choices {
		if e := judgeFinished(s.choices[i].reason, !s.choices[i].brought, s.choices[i].beside); e != nil {
			return e
		}
	}
	return nil
}

// onlyReasons takes words that are no finish reasons out of a whole answer.
func onlyReasons(r *llm.Response) {
	for i := range r.Choices {
		if c := &r.Choices[i]; c.FinishReason != "" && endOf(c.FinishReason) == endNone {
			c.FinishReason = ""
		}
	}
}
