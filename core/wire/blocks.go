package wire

import (
	"encoding/json"
	"maps"
	"slices"
	"sort"

	"github.com/llmagg/llmagg/core/llm"
)

// Blocks keeps the blocks of an answer apart that are open at the same time. A
// format's own server ends each before it begins the next; servers that speak
// its format begin several, mix their pieces, and end none. B is what the
// format keeps of a block. One goroutine uses it.
type Blocks[B any] struct {
	Block B    // the block at hand, which pieces are added to
	Index int  // of that block
	Open  bool // it has not ended

	parked map[int]B // the others that are open, by index
}

// TurnTo takes up the block with this index; false if none is open.
func (b *Blocks[B]) TurnTo(index int) bool {
	if b.Open && b.Index == index {
		return true
	}
	next, ok := b.parked[index]
	if ok {
		delete(b.parked, index)
		b.Begin(index, next)
	}
	return ok
}

// Begin begins a block, and lays the block at hand aside. None with its index
// may be open: see TurnTo.
func (b *Blocks[B]) Begin(index int, block B) {
	b.park()
	b.Block, b.Index, b.Open = block, index, true
}

// park lays the block at hand aside, if it is open.
func (b *Blocks[B]) park() {
	if b.Open {
		if b.parked == nil {
			b.parked = map[int]B{}
		}
		b.parked[b.Index] = b.Block
	}
}

// EndAll ends the blocks that nobody has ended, in the order of the answer, by
// end, which ends the block at hand. It joins what they still had to say.
func (b *Blocks[B]) EndAll(end func() *llm.Message) *llm.Message {
	m := &llm.Message{NullContent: true}
	if len(b.parked) == 0 { // nearly always
		return JoinDeltas(m, end())
	}
	b.park()
	indexes := slices.Collect(maps.Keys(b.parked))
	sort.SliceStable(indexes, func(i, k int) bool { return indexes[i] < indexes[k] })
	for _, index := range indexes {
		b.Block, b.Index, b.Open = b.parked[index], index, true
		m = JoinDeltas(m, end())
	}
	b.parked = nil
	return m
}

// Repeats are calls whose input came in pieces and is said once more: the next
// chunk has them, to be compared with the pieces.
type Repeats []llm.ToolCall

// Add takes all of a call's input; an empty one says nothing.
func (r *Repeats) Add(index int, id, name string, input json.RawMessage) {
	if all := ArgumentsOf(input); all != "{}" {
		*r = append(*r, llm.ToolCall{Index: index, ID: id, Type: "function", Function: llm.FunctionCall{Name: name, Arguments: all}})
	}
}

// Into gives them to the choice of the next chunk.
func (r *Repeats) Into(c *llm.ChunkChoice) {
	if *r != nil {
		c.Says(&llm.Message{NullContent: true, ToolCalls: *r})
		*r = nil
	}
}

// JoinDeltas adds a delta to the delta before it; each may be nil.
func JoinDeltas(m, d *llm.Message) *llm.Message {
	switch {
	case d == nil:
		return m
	case m == nil:
		return d
	}
	m.Content += d.Content
	m.ReasoningContent += d.ReasoningContent
	m.NullContent = m.NullContent && d.NullContent
	m.ToolCalls = append(m.ToolCalls, d.ToolCalls...)
	if d.Extra != nil {
		m.Extra = d.Extra
	}
	return m
}
