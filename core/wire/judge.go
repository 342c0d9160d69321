package wire

import (
	"cmp"
	"slices"

	"github.com/llmagg/llmagg/core/failure"
	"github.com/llmagg/llmagg/core/llm"
)

// Judge judges one stream's end. The goroutine that reads the stream owns it.
type Judge struct {
	ending   *Ending
	asked    int // choices that were asked for
	choices  []choiceState
	finished int // of these
	skipped  int // events that were no JSON
}

// NewJudge makes the judge of a stream; asked is how many choices were asked
// for.
func NewJudge(e *Ending, asked int) Judge { return Judge{ending: e, asked: asked} }

type choiceState struct {
	index    int
	finished bool
	brought  bool      // something that a caller can use
	unread   string    // a field of what came that cannot be read
	reason   string    // the last
	called   bool      // a piece of a call has come
	named    bool      // and the name of one
	beside   llm.Extra // what stood beside it
}

// Phase is how far the stream has come.
func (j *Judge) Phase() Phase {
	switch {
	case len(j.choices) == 0:
		return Waiting
	case j.finished < len(j.choices) && j.skipped > 0:
		return Torn
	case j.finished < len(j.choices):
		return Open
	case j.finished < j.asked:
		return Early
	}
	return Finished
}

// Is gives the ruling on a sign.
func (j *Judge) Is(what Sign) Ruling { return j.ending[j.Phase()][what] }

// Note takes a chunk into account, and takes words that are no finish reasons
// out of it. The error is the failure that one of its choices is.
func (j *Judge) Note(c *llm.Chunk) *llm.Error {
	for i := range c.Choices {
		choice := &c.Choices[i]
		state := j.choice(choice.Index)
		if len(j.choices) > MaxChoices {
			return llm.Errorf(llm.BadResponse, "the stream has more than %d choices; %d were asked for", MaxChoices, j.asked)
		}
		brought := !failure.IsEmpty(&choice.Delta) || choice.Brings(failure.IsEmpty)
		state.brought = state.brought || brought
		if len(choice.Delta.Parts) > 0 {
			if e := failure.OfPieces(&choice.Delta); e != nil {
				return e
			}
		}
		if len(choice.Delta.ToolCalls) > 0 {
			if e := state.call(choice.Delta.ToolCalls); e != nil {
				return e
			}
		}
		if !brought && len(choice.Extra)+len(choice.Delta.Extra) > 0 {
			if e := failure.OfHole(choice); e != nil {
				return e
			}
		}
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
				j.finished++
			}
		} else if len(choice.Extra) == 0 {
			continue
		}
		// Whether it is empty shows at the end only: text may follow a reason.
		if e := failure.OfFinish(choice.FinishReason, false, choice.Extra); e != nil {
			return e
		}
		choice.FinishReason = inOpenAIsWords(choice.FinishReason, &choice.Extra)
	}
	return nil
}

// call notes whether calls have names: without any a piece is missing.
func (c *choiceState) call(calls []llm.ToolCall) *llm.Error {
	for i := range calls {
		call := &calls[i]
		if e := failure.OfCall(call); e != nil {
			return e
		}
		c.called = c.called || call.ID != "" || call.Function.Arguments != ""
		c.named = c.named || call.Function.Name != "" || call.Custom != nil
	}
	return nil
}

// Skip counts an event that was skipped.
func (j *Judge) Skip() { j.skipped++ }

// Skipped is the number of skipped events.
func (j *Judge) Skipped() int { return j.skipped }

// IsBare tells whether no choice has brought anything, nor says by its reason
// why.
func (j *Judge) IsBare() bool {
	return !slices.ContainsFunc(j.choices, func(c choiceState) bool {
		return c.brought || c.called || c.reason != "" && failure.InOpenAIsWords(c.reason) != "stop"
	})
}

func (j *Judge) choice(index int) *choiceState {
	for i := range j.choices {
		if j.choices[i].index == index {
			return &j.choices[i]
		}
	}
	j.choices = append(j.choices, choiceState{index: index})
	return &j.choices[len(j.choices)-1]
}

// Failure is the failure of a stream that ended correctly but has an empty
// answer without a reason (E1).
func (j *Judge) Failure() *llm.Error {
	for i := range j.choices {
		c := &j.choices[i]
		if e := failure.OfFinish(c.reason, !c.brought, c.beside); e != nil {
			return e
		}
		if c.called && !c.named {
			return failure.OfNameless()
		}
		if !c.brought && c.unread != "" {
			return failure.OfUnread(c.unread)
		}
	}
	return nil
}

// inOpenAIsWords translates a finish reason. The server's own word stands
// beside it then, in the field that OpenRouter has for it.
func inOpenAIsWords(reason string, beside *llm.Extra) string {
	word := failure.InOpenAIsWords(reason)
	if word == reason {
		return reason
	}
	const native = "native_finish_reason"
	if _, taken := (*beside)[native]; !taken {
		Rest(beside, native, llm.JSONOf(reason))
	}
	return word
}

// InOpenAIsWords translates the finish reasons of a whole answer, takes words
// that are none out of it, and completes calls without arguments.
func InOpenAIsWords(r *llm.Response) {
	OnlyReasons(r)
	for i := range r.Choices {
		c := &r.Choices[i]
		c.FinishReason = inOpenAIsWords(c.FinishReason, &c.Extra)
	}
	llm.WholeCalls(r)
}

// OnlyReasons takes words that are no finish reasons out of a whole answer.
func OnlyReasons(r *llm.Response) {
	for i := range r.Choices {
		if c := &r.Choices[i]; c.FinishReason != "" && !failure.IsReason(c.FinishReason) {
			c.FinishReason = ""
		}
	}
}
