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

// Telling is what the answers of formats of blocks tell, and have told: their
// chunks. One goroutine uses it.
type Telling struct {
	ID, Model  string
	Created    int64   // seconds since the Unix epoch
	SchemaTool string  // whose input is the answer; "" for none
	Calls      int     // so far
	Kept       Kept    // of the answer
	Again      Repeats // that the next chunk has
	Begins     bool    // the text at hand is the first of its block

	unseen bool       // a delta has told of a block that nothing else shows
	room   *llm.Chunk // of the last delta that Delta gave
}

// NewChunk is a chunk with one choice, in one piece of memory.
func NewChunk(id, model string, created int64) *llm.Chunk {
	of := &struct {
		llm.Chunk
		choice [1]llm.ChunkChoice
	}{}
	of.ID, of.Object, of.Created, of.Model, of.Choices = id, "chat.completion.chunk", created, model, of.choice[:]
	return &of.Chunk
}

// Delta is an empty delta, for which its chunk needs no more memory.
func (t *Telling) Delta() *llm.Message {
	t.room = NewChunk(t.ID, t.Model, t.Created)
	return &t.room.Choices[0].Delta
}

// IsAnswer tells whether the call of a tool of this name is the answer.
func (t *Telling) IsAnswer(tool string) bool { return t.SchemaTool != "" && tool == t.SchemaTool }

// Tell is a chunk with a delta; nil for one without choices.
func (t *Telling) Tell(d *llm.Message) *llm.Chunk {
	c := t.room
	if t.room = nil; c == nil || d != &c.Choices[0].Delta {
		c = NewChunk(t.ID, t.Model, t.Created)
		if d == nil {
			c.Choices = nil
			return c
		}
		c.Choices[0].Delta = *d
	}
	if t.Begins {
		c.Choices[0].BeginsText()
		t.Begins = false
	}
	t.Again.Into(&c.Choices[0])
	return c
}

// Piece is the chunk of a piece of the answer; nil for none.
func (t *Telling) Piece(d *llm.Message, err error) (*llm.Chunk, error) {
	switch {
	case err != nil || d == nil && t.Again == nil:
		return nil, err
	case d == nil:
		d = &llm.Message{NullContent: true}
	}
	return t.Tell(d), nil
}

// Call begins a call.
func (t *Telling) Call(id, name string) *llm.Message {
	call := llm.ToolCall{Index: t.Calls, ID: id, Type: "function", Function: llm.FunctionCall{Name: name}}
	t.Calls++
	return &llm.Message{NullContent: true, ToolCalls: []llm.ToolCall{call}}
}

// Unseen tells, once, of a block that no other field of a message shows, such
// as the work of a server's own tool, which may take long: it is a first token,
// too. The list at the end replaces the one here. d is a delta that is sent
// anyway.
func (t *Telling) Unseen(d *llm.Message, raw json.RawMessage) *llm.Message {
	if t.unseen {
		return d
	}
	t.unseen = true
	begun := Kept{Owner: t.Kept.Owner}
	begun.Keep(llm.AnswerPart{Type: "other"}, raw)
	return JoinDeltas(d, &llm.Message{NullContent: true, Extra: begun.Extra()})
}

// Argument is a piece of the input of the call with this number, or of the
// answer.
func (t *Telling) Argument(text string, call int, answers bool) *llm.Message {
	if answers {
		return &llm.Message{Content: text}
	}
	return &llm.Message{NullContent: true, ToolCalls: []llm.ToolCall{{Index: call, Function: llm.FunctionCall{Arguments: text}}}}
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
