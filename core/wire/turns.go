package wire

import (
	"slices"
	"strconv"

	"github.com/llmagg/llmagg/core/internal/jsontext"
	"github.com/llmagg/llmagg/core/llm"
)

// Turn is a message of a format of blocks, in which the roles "user" and
// "assistant" take turns.
type Turn[B any] struct {
	Role    string
	Content []B

	results []B // of tools: they stand before anything else in their turn
}

// WriteTurns writes turns, each block by write.
func WriteTurns[B any](w *jsontext.Writer, turns []Turn[B], write func(b *B, w *jsontext.Writer)) {
	jsontext.WriteList(w, turns, func(t *Turn[B], w *jsontext.Writer) {
		o := w.Object()
		o.Str("role", t.Role)
		jsontext.WriteList(o.Field("content"), t.Content, write)
		o.End()
	})
}

// Turns collects the messages of a conversation for a format of blocks.
type Turns[B any] struct {
	*Call
	System []B

	turns   []Turn[B]
	oldCall string // the id of the last assistant message's function_call
}

// Add appends blocks, which it may keep, to the last turn if that has the same
// role.
func (t *Turns[B]) Add(role string, blocks ...B) {
	if len(blocks) > 0 {
		turn := t.of(role)
		turn.Content = joined(turn.Content, blocks)
	}
}

// instruct appends blocks, which it may keep, to the instructions.
func (t *Turns[B]) instruct(blocks ...B) { t.System = joined(t.System, blocks) }

// joined is both lists in one; a copy only where it has to be.
func joined[B any](list, more []B) []B {
	if len(list) == 0 {
		return more
	}
	return append(list, more...)
}

// AddResult appends what a tool answered.
func (t *Turns[B]) AddResult(blocks ...B) {
	turn := t.of("user")
	turn.results = append(turn.results, blocks...)
}

// of is the last turn, where that has the role, or a new one.
func (t *Turns[B]) of(role string) *Turn[B] {
	if n := len(t.turns); n == 0 || t.turns[n-1].Role != role {
		t.turns = append(t.turns, Turn[B]{Role: role})
	}
	return &t.turns[len(t.turns)-1]
}

// called notes whether the message that comes calls by the old function_call,
// which has no id, and gives it one.
func (t *Turns[B]) called(old bool) (id string) {
	t.oldCall = ""
	if old {
		t.oldCall = "call_" + strconv.Itoa(len(t.turns))
	}
	return t.oldCall
}

// ResultID is the id of the call that a message answers. at says where the
// message stands, vendor who needs the call.
func (t *Turns[B]) ResultID(m *llm.Message, at At, vendor string) (string, error) {
	switch {
	case m.Role != llm.RoleFunction:
		return m.ToolCallID, nil
	case t.oldCall == "":
		return "", llm.Errorf(llm.BadRequest, "%s answers the function %q, but the message before it calls none; %s needs the call", at, m.Name, vendor)
	}
	return t.oldCall, nil
}

// Joined are the instructions and the turns. Instructions alone are what the
// user says.
func (t *Turns[B]) Joined() (system []B, turns []Turn[B]) {
	if len(t.turns) == 0 {
		return nil, []Turn[B]{{Role: "user", Content: t.System}}
	}
	for i := range t.turns {
		m := &t.turns[i]
		m.Content = joined(m.results, m.Content)
	}
	return t.System, t.turns
}

// IsUnthought tells whether a conversation stands in the middle of an answer
// without thoughts: between a call and the answer to its result, where another
// vendor's model made the call, or one that did not think, or behind the
// beginning of an answer.
func IsUnthought[B any](turns []Turn[B], isResult, isThought func(B) bool) bool {
	n := len(turns)
	if n > 0 && turns[n-1].Role == "assistant" {
		n++
	} else if n < 2 || len(turns[n-1].Content) == 0 || !isResult(turns[n-1].Content[0]) {
		return false
	}
	return !slices.ContainsFunc(turns[n-2].Content, isThought)
}

// IsThought tells whether a part that was kept is a thought.
func IsThought(p llm.AnswerPart) bool { return p.Type == "thinking" || p.Type == "redacted_thinking" }

// IsBlock tells whether a part that was kept is a whole block.
func IsBlock(p llm.AnswerPart) bool {
	return p.Type != "text" && p.Type != "tool_call" && len(p.Raw) > 0
}
