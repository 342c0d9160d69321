package openai

import (
	"unicode/utf8"

	"github.com/llmagg/llmagg/core/failure"
	"github.com/llmagg/llmagg/core/llm"
)

// numbers reads the numbers of choices in a stream whose request asked for one.
// Servers give the only choice another number than 0, or number their pieces
// instead: then they are pieces of one choice (S5). The second piece, if its
// number is the next, waits for the third one to tell: where a server sends
// several choices unasked, nothing of one may come into another.
type numbers struct {
	begun   bool
	settled bool       // these are the numbers of choices
	counts  bool       // these are the numbers of pieces
	first   int        // of the first piece
	last    int        // of the last one
	tokens  int        // of the choice with the last number
	held    *llm.Chunk // the piece that waits

	answers, parts uint64 // the other choices that are answers of their own, and that are parts of the first one
}

// take gives the choice of a chunk the number that its readers look for. The
// chunk is nil if the piece waits.
func (n *numbers) take(c *llm.Chunk) (*llm.Chunk, error) {
	choice := &c.Choices[0]
	if n.begun && len(c.Choices) == 1 {
		if !choice.IsNumbered() { // of the choice at hand: only one was asked for
			choice.Index = n.last
		} else if n.settled {
			n.last = choice.Index
		}
	}
	if n.settled || len(c.Choices) > 1 && !n.counts {
		n.settled = true
		for i := range c.Choices {
			n.swap(&c.Choices[i])
		}
		return n.release(c), nil
	}
	token, ended := c.HasToken(), choice.FinishReason != "" && failure.IsReason(choice.FinishReason)
	if n.counts {
		if len(c.Choices) > 1 || choice.Index < n.last && token {
			return nil, llm.Errorf(llm.BadResponse, "it has %d choices, the first with the number %d, though the server has numbered the pieces of one choice up to %d", len(c.Choices), choice.Index, n.last)
		}
		n.last, choice.Index = max(n.last, choice.Index), 0
		return c, nil
	}
	follows := n.begun && choice.Index == n.last+1 && n.tokens < 2 && (token || ended) &&
		!failure.HasFailureField(c.Extra) && utf8.ValidString(choice.Delta.Content)
	switch {
	case !n.begun:
		n.begun, n.first = true, choice.Index
	case follows && n.held != nil:
		n.counts, n.last, choice.Index = true, choice.Index, 0
		return n.release(c), nil
	case follows:
		n.held, n.last, n.tokens = c, choice.Index, 1
		return nil, nil
	case choice.Index != n.last:
		ended = true // another choice begins, or goes on
	}
	n.last = choice.Index
	if token {
		n.tokens++
	}
	n.settled = ended || n.tokens > 1
	n.swap(choice)
	return n.release(c), nil
}

// swap gives the first choice the number 0. If another comes with that, it has
// the first one's.
func (n *numbers) swap(c *llm.ChunkChoice) {
	switch {
	case c.Index == n.first, n.isPart(c):
		c.Index = 0
	case c.Index == 0:
		c.Index = n.first
	}
}

// isPart tells whether another choice is a part of the first one, as
// [llm.Response.JoinCalls] sees it: it began with a call, and not with a text.
func (n *numbers) isPart(c *llm.ChunkChoice) bool {
	bit := bitOf(c.Index)
	switch {
	case (n.answers|n.parts)&bit != 0:
	case c.Delta.HasCalls() && c.Delta.PlainText() == "":
		n.parts |= bit
	default:
		n.answers |= bit
	}
	return n.parts&bit != 0
}

// release puts the piece that waited in front of those of c.
func (n *numbers) release(c *llm.Chunk) *llm.Chunk {
	held := n.held
	if n.held = nil; held == nil {
		return c
	}
	if !n.counts {
		n.swap(&held.Choices[0])
		c.Choices = append(held.Choices, c.Choices...)
		return c
	}
	held.Choices[0].Index = 0
	var both llm.Accumulator
	both.Add(held)
	both.Add(c)
	both.Rest()
	joined := both.Response().AsChunk()
	joined.Object = c.Object
	return joined
}
