package client

import (
	"cmp"

	"github.com/llmagg/llmagg/core/failure"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/wire"
)

// streamEnd is the judge of one stream's end. The goroutine that reads the
// stream owns it.
type streamEnd struct {
	*wire.Ending
	asked    int // choices that were asked for
	choices  []choiceState
	finished int // of these
	skipped  int // events that were no JSON
}

type choiceState struct {
	index    int
	finished bool
	brought  bool      // something that a caller can use
	unread   string    // a field of what came that cannot be read
	reason   string    // the last
	beside   llm.Extra // what stood beside it
}

func (s *streamEnd) phase() wire.Phase {
	switch {
	case len(s.choices) == 0:
		return wire.Waiting
	case s.finished < len(s.choices) && s.skipped > 0:
		return wire.Torn
	case s.finished < len(s.choices):
		return wire.Open
	case s.finished < s.asked:
		return wire.Early
	}
	return wire.Finished
}

// is gives the ruling on a sign.
func (s *streamEnd) is(what wire.Sign) wire.Ruling { return s.Ending[s.phase()][what] }

// note takes a chunk into account, and takes words that are no finish reasons
// out of it. The error is the failure that one of its choices is.
func (s *streamEnd) note(c *llm.Chunk) *llm.Error {
	for i := range c.Choices {
		choice := &c.Choices[i]
		state := s.choice(choice.Index)
		if len(s.choices) > wire.MaxChoices {
			return llm.Errorf(llm.BadResponse, "the stream has more than %d choices; %d were asked for", wire.MaxChoices, s.asked)
		}
		brought := !failure.IsEmpty(&choice.Delta)
		state.brought = state.brought || brought
		if !brought && len(choice.Delta.Extra) > 0 {
			if e := failure.OfMessage(&choice.Delta); e != nil {
				return e
			}
			state.unread = cmp.Or(state.unread, failure.UnreadIn(choice.Delta.Extra))
		}
		if !state.brought && len(choice.Extra) > 0 {
			state.unread = cmp.Or(state.unread, failure.UnreadIn(choice.Extra))
		}
		if choice.FinishReason != "" && !failure.IsReason(choice.FinishReason) {
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
		if e := failure.OfFinish(choice.FinishReason, false, choice.Extra); e != nil {
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
		c := &s.choices[i]
		if e := failure.OfFinish(c.reason, !c.brought, c.beside); e != nil {
			return e
		}
		if !c.brought && c.unread != "" {
			return failure.OfUnread(c.unread)
		}
	}
	return nil
}

// onlyReasons takes words that are no finish reasons out of a whole answer.
func onlyReasons(r *llm.Response) {
	for i := range r.Choices {
		if c := &r.Choices[i]; c.FinishReason != "" && !failure.IsReason(c.FinishReason) {
			c.FinishReason = ""
		}
	}
}
