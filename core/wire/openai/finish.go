package openai

import (
	"github.com/llmagg/llmagg/core/failure"
	"github.com/llmagg/llmagg/core/internal/jsontext"
	"github.com/llmagg/llmagg/core/llm"
)

// This file finds the end of a choice where it is not called finish_reason:
// servers that translate other formats leave that format's name, put it beside
// the choices or into the delta, or only say that all is done.

// The names of an end's reason, and of a mark that says no more than that it is
// one. In a choice finish_reason has been read.
const (
	noEnd = iota
	endMark
	endReason
)

func endNamed(name string) int {
	switch name {
	case "finish_reason", "finishReason", "finish_details", "stop_reason", "stopReason", "done_reason", "doneReason", "stop_type", "native_finish_reason":
		return endReason
	case "done", "is_done", "finished", "is_finished", "is_end", "stop", "eos":
		return endMark
	}
	return noEnd
}

// markedEnd is the reason where fields only say that the answer has ended.
const markedEnd = "\x00"

// reasonIn is the reason of an end among unknown fields, or [markedEnd], or "".
// Only words that are known to be reasons count.
func reasonIn(fields llm.Extra) (reason string) {
	for name, raw := range fields {
		switch endNamed(name) {
		case endReason:
			if word := wordOf(raw); failure.IsKnownReason(word) && (reason == "" || reason == markedEnd || word < reason) {
				reason = word
			}
		case endMark:
			if reason == "" && string(raw) == "true" {
				reason = markedEnd
			}
		}
	}
	return reason
}

// wordOf is a text, or the word in an object as in "finish_details".
func wordOf(raw []byte) (word string) {
	r := jsontext.Reader{Data: raw, Most: jsontext.MaxDepth, Lenient: true}
	return r.WordLike("")
}

// isEndEvent tells whether an event's name says that the stream has ended.
func isEndEvent(name string) bool {
	switch name {
	case "":
		return false
	case "done", "end", "complete", "completed", "finish", "finished", "eos", "message_stop":
		return true
	}
	return false
}

// ends is what a stream has told of its choices; the first 64 have a bit each.
type ends struct{ seen, finished, called uint64 }

func bitOf(choice int) uint64 { return 1 << min(uint(choice), 63) }

// all tells whether every choice that appeared has ended.
func (e *ends) all() bool { return e.seen != 0 && e.seen == e.finished }

// find adds the reasons of a chunk's choices that stand elsewhere.
func (e *ends) find(c *llm.Chunk, data []byte) {
	outside, looked := "", false
	for i := range c.Choices {
		choice := &c.Choices[i]
		bit := bitOf(choice.Index)
		e.seen |= bit
		if len(choice.Delta.ToolCalls) > 0 {
			e.called |= bit
		}
		if choice.FinishReason == "" || !failure.IsReason(choice.FinishReason) {
			reason := ""
			if len(choice.Extra) > 0 {
				reason = reasonIn(choice.Extra)
			}
			if reason == "" && len(choice.Delta.Extra) > 0 {
				reason = reasonIn(choice.Delta.Extra)
			}
			if reason == "" && len(c.Extra) > 0 {
				if !looked {
					outside, looked = reasonIn(c.Extra), true
				}
				reason = outside
			}
			if reason == "" {
				continue
			}
			choice.FinishReason = e.word(reason, bit)
		}
		e.finished |= bit
	}
	if open := e.seen &^ e.finished; len(c.Choices) == 0 && open != 0 && len(c.Extra) > 0 {
		if reason := reasonIn(c.Extra); reason != "" && failure.Of(data) == nil {
			e.finish(c, reason, open)
		}
	}
}

// finish ends the open choices.
func (e *ends) finish(c *llm.Chunk, reason string, open uint64) {
	for index := range 64 {
		if bit := uint64(1) << index; open&bit != 0 {
			c.Choices = append(c.Choices, llm.ChunkChoice{Index: index, Delta: llm.Message{NullContent: true}, FinishReason: e.word(reason, bit)})
		}
	}
	e.finished |= open
}

func (e *ends) word(reason string, bit uint64) string {
	switch {
	case reason != markedEnd:
		return reason
	case e.called&bit != 0:
		return "tool_calls"
	}
	return "stop"
}

// findReasons is find for a whole answer.
func findReasons(r *llm.Response) {
	for i := range r.Choices {
		c := &r.Choices[i]
		if c.FinishReason != "" && failure.IsReason(c.FinishReason) {
			continue
		}
		for _, fields := range []llm.Extra{c.Extra, c.Message.Extra, r.Extra} {
			reason := reasonIn(fields)
			if reason == "" {
				continue
			}
			var e ends
			if len(c.Message.ToolCalls) > 0 {
				e.called = 1
			}
			c.FinishReason = e.word(reason, 1)
			break
		}
	}
}
