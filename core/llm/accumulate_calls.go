package llm

import (
	"cmp"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/llmagg/llmagg/core/internal/jsontext"
)

// partialCalls are the tool calls of one choice. A delta belongs to a call by
// its id, else by its index, else by its place; a new id, or a name after
// complete arguments, begins a new call whatever the index says (S5).
type partialCalls struct {
	list    []*partialCall
	byIndex map[int]*partialCall    // once they are many; the last one of each index that a server sent
	byID    map[string]*partialCall // likewise
	taken   map[int]bool            // likewise: the places
	most    int                     // the highest place
}

type partialCall struct {
	id, kind  string
	index     int // as the server sent it; -1 for none
	place     int // its index for the caller
	custom    bool
	name      strings.Builder
	arguments segments // or a custom tool's input
	inside    joints   // unknown fields beside name and arguments
	extra     joints

	held    string // a placeholder that came instead of arguments
	coded   *coded // arguments that were encoded twice, nil for none
	again   again  // what the pieces of the arguments do
	scanned int    // how many bytes of the arguments have been looked at
	scan    jsonEnd
}

// manyCalls is from how many tool calls on they are found by maps: a server
// that sends very many must not make their joining slow.
const manyCalls = 32

// addCalls joins the tool-call deltas of d, and corrects their indexes.
func (p *partialChoice) addCalls(d *Message) (changed bool) {
	copied := false
	for i := range d.ToolCalls {
		delta := d.ToolCalls[i]
		unnamed := len(p.calls.list) > 0 && p.calls.unname(&delta)
		to := p.calls.find(&delta)
		if to == nil && delta.isEmpty() {
			continue
		}
		if to == nil {
			if to = p.calls.sameAgain(&delta); to == nil {
				to = p.calls.begin(&delta)
			}
		}
		differs := unnamed || delta.Index != to.place
		if to.repeats(&delta) {
			delta.Function, differs = FunctionCall{}, true
			if delta.Custom != nil {
				delta.Custom = &CustomCall{}
			}
		}
		delta.Index = to.place
		if delta.ID != "" && to.id != "" && delta.ID != to.id {
			p.calls.alias(to, delta.ID)
			delta.ID, differs = to.id, true
		}
		differs = p.unsay(to, &delta) || differs
		if called, text := delta.said(); p.halves != nil || !jsontext.Half("").Whole(*text) || !jsontext.Half("").Whole(*called) {
			if delta.Custom != nil {
				copied := *delta.Custom
				delta.Custom = &copied
				called, text = delta.said()
			}
			name := "call " + strconv.Itoa(to.place)
			differs = p.mend(name, text) || differs
			differs = p.mend(name+" name", called) || differs
		}
		if delta.Custom == nil && delta.Function.Arguments != "" {
			differs = to.withhold(&delta.Function.Arguments, p.finish != "") || differs
		}
		p.calls.join(to, &delta)
		if !differs {
			continue
		}
		if !copied {
			d.ToolCalls, copied, changed = slices.Clone(d.ToolCalls), true, true
		}
		d.ToolCalls[i] = delta
	}
	return changed
}

// sameAgain is the call that d, which has another index, says once more: its
// id, its name and all of its arguments; nil for none.
func (c *partialCalls) sameAgain(d *ToolCall) *partialCall {
	if d.ID == "" || d.Custom != nil || d.Function.Name == "" {
		return nil
	}
	to := c.withID(d.ID)
	if to == nil || to.custom || to.name.String() != d.Function.Name || !isWholeAgain(to, d.Function.Arguments) {
		return nil
	}
	return to
}

// Nameless tells whether a choice has a call without the name of its function,
// which nobody could make.
func (a *Accumulator) Nameless() bool {
	for _, p := range a.choices {
		for _, to := range p.calls.list {
			if to.name.Len() == 0 && !to.custom {
				return true
			}
		}
	}
	return false
}

// unname takes away the word for no name, which some servers write into the
// pieces after the first; a call may be named so by its first piece only.
func (c *partialCalls) unname(d *ToolCall) bool {
	if d.Custom != nil || !isNoWord(d.Function.Name) || d.ID != "" && !isNoWord(d.ID) && c.withID(d.ID) == nil {
		return false
	}
	to := c.open(d)
	if to == nil || to.name.Len() == 0 || to.name.String() == d.Function.Name {
		return false
	}
	d.Function.Name = ""
	if isNoWord(d.ID) {
		d.ID = ""
	}
	return true
}

// open is the call that d's index names, else the last one.
func (c *partialCalls) open(d *ToolCall) *partialCall {
	if d.Index >= 0 {
		return c.withIndex(d.Index)
	}
	return c.list[len(c.list)-1]
}

func isNoWord(text string) bool { return text == "null" || text == "None" }

// flush gives up the wait for half a character in a call's arguments or name.
func (c *partialCalls) flush(waiting, lost string, d *Message) {
	for _, to := range c.list {
		delta := ToolCall{Index: to.place}
		if to.custom {
			delta.Custom = &CustomCall{}
		}
		name, text := delta.said()
		switch at := "call " + strconv.Itoa(to.place); waiting {
		case at:
			*text = lost
			to.arguments.WriteString(lost)
		case at + " name":
			*name = lost
			to.name.WriteString(lost)
		default:
			continue
		}
		d.ToolCalls = append(d.ToolCalls[:len(d.ToolCalls):len(d.ToolCalls)], delta)
	}
}

// alias notes an id of a call.
func (c *partialCalls) alias(to *partialCall, id string) {
	if c.byID != nil {
		c.byID[id] = to
	}
}

func (c *partialCalls) join(to *partialCall, d *ToolCall) {
	if d.ID != "" && to.id == "" {
		to.id = d.ID
		c.alias(to, d.ID)
	}
	to.kind = cmp.Or(d.Type, to.kind)
	if f := d.Custom; f != nil {
		to.custom = true
		to.addPiece(f.Name, f.Input, f.Extra)
	} else {
		to.addPiece(d.Function.Name, d.Function.Arguments, d.Function.Extra)
	}
	if d.Extra != nil {
		to.extra.add(d.Extra, inDelta)
	}
}

// addPiece joins a piece of a call.
func (to *partialCall) addPiece(name, text string, inside Extra) {
	to.name.WriteString(name)
	to.arguments.WriteString(text)
	if inside != nil {
		to.inside.add(inside, inDelta)
	}
}

// find is the call that a delta belongs to; nil where it begins one.
func (c *partialCalls) find(d *ToolCall) *partialCall {
	if len(c.list) == 0 {
		return nil
	}
	if len(c.list) >= manyCalls {
		c.remember()
	}
	name, text := d.said()
	if d.ID != "" {
		if same := c.withID(d.ID); same != nil && (d.Index < 0 || same.index < 0 || d.Index == same.index || *name == "" || same.awaits(d)) {
			if same.begins(d) && !same.repeats(d) || same.anew(d) {
				return nil
			}
			if d.Index >= 0 && same.index >= 0 && c.open(d) == nil { // what follows at that index is this call's, too
				same.index = d.Index
				if c.byIndex != nil {
					c.byIndex[d.Index] = same
				}
			}
			return same
		}
	}
	to := c.open(d)
	switch {
	case to == nil:
		return nil
	case to.repeats(d):
		return to
	case to.begins(d), to.anew(d):
		return nil
	}
	// Some servers make up another id for every piece of one call: those have
	// no name, or the same at the same index, and go on with what is not
	// complete.
	if d.ID != "" && to.id != "" && d.ID != to.id && (*name != "" && !to.goesOn(d) || *text == "" || to.complete()) {
		return nil
	}
	return to
}

// awaits tells whether d, which has c's id at another index, is c with its
// arguments, which c was begun without. Some servers use a function's name as
// the id of each of its calls: those begin alike.
func (c *partialCall) awaits(d *ToolCall) bool {
	name, text := d.said()
	return *name == c.name.String() && c.arguments.Len() == 0 && c.held == "" && *text != "" && !isPlaceholder(*text)
}

// goesOn tells whether a delta with c's index and name is a piece of c's
// arguments, which are not complete: those of another call begin like JSON.
func (c *partialCall) goesOn(d *ToolCall) bool {
	name, text := d.said()
	return d.Index == c.index && *name == c.name.String() && !c.custom && c.arguments.Len() > 0 && *text != "" &&
		strings.IndexByte("{[\" \t\r\n", (*text)[0]) < 0
}

// begins tells whether a delta with a name is the beginning of another call
// than c.
func (c *partialCall) begins(d *ToolCall) bool {
	name, text := d.said()
	switch {
	case c.held != "" && *name == c.name.String(): // of one index: its arguments
		return *text != "" && (d.Index < 0 && d.ID == "" || isPlaceholder(*text))
	case *name == "" || c.arguments.Len() == 0 && c.held == "" || c.name.Len() == 0:
		return false
	case *name != c.name.String(), d.Custom == nil && c.custom:
		return true
	case c.custom: // nothing tells where its input ends
		return *text != "" && d.ID == "" && d.Index < 0
	}
	return strings.TrimSpace(*text) != "" && c.complete()
}

// repeats tells whether a delta is the whole call once more, as some servers
// end a stream. Without ids it may be a second call that is like the first.
func (c *partialCall) repeats(d *ToolCall) bool {
	if c.id == "" || d.ID != c.id && (d.ID != "" || d.Index < 0 || d.Index != c.index) {
		return false
	}
	name, text := d.said()
	return *name != "" && *name == c.name.String() && c.custom == (d.Custom != nil) && isWholeAgain(c, *text)
}

// begin makes the call that a delta begins.
func (c *partialCalls) begin(d *ToolCall) *partialCall {
	to := &partialCall{index: d.Index, place: d.Index}
	switch {
	case len(c.list) == 0 && d.Index < 0:
		to.place = 0
	case d.Index < 0 || len(c.list) > 0 && c.isTaken(d.Index):
		to.place = c.most + 1
	}
	c.most = max(c.most, to.place)
	c.list = append(c.list, to)
	if c.byIndex != nil {
		c.note(to)
	}
	return to
}

func (c *partialCalls) note(to *partialCall) {
	c.taken[to.place] = true
	if to.index >= 0 {
		c.byIndex[to.index] = to
	}
	if to.id != "" {
		c.byID[to.id] = to
	}
}

func (c *partialCalls) remember() {
	if c.byIndex != nil {
		return
	}
	c.byIndex, c.byID, c.taken = map[int]*partialCall{}, map[string]*partialCall{}, map[int]bool{}
	for _, to := range c.list {
		c.note(to)
	}
}

func (c *partialCalls) withID(id string) *partialCall {
	if c.byID != nil {
		return c.byID[id]
	}
	return c.last(func(to *partialCall) bool { return to.id == id })
}

func (c *partialCalls) withIndex(index int) *partialCall {
	if c.byIndex != nil {
		return c.byIndex[index]
	}
	return c.last(func(to *partialCall) bool { return to.index == index })
}

func (c *partialCalls) isTaken(place int) bool {
	if c.taken != nil {
		return c.taken[place]
	}
	return c.last(func(to *partialCall) bool { return to.place == place }) != nil
}

func (c *partialCalls) last(fits func(*partialCall) bool) *partialCall {
	for _, to := range slices.Backward(c.list) {
		if fits(to) {
			return to
		}
	}
	return nil
}

// whole gives the calls in the order of their indexes.
func (c *partialCalls) whole() (calls []ToolCall) {
	list := slices.Clone(c.list) // whichever came first
	sort.SliceStable(list, func(i, j int) bool { return list[i].place < list[j].place })
	for _, to := range list {
		call := ToolCall{Index: -1, // a whole message numbers its calls by their place
			ID: to.id, Type: to.kind, Extra: to.extra.extra()}
		if to.custom {
			call.Custom = &CustomCall{to.name.String(), to.arguments.String(), to.inside.extra()}
		} else {
			call.Function = to.function()
		}
		calls = append(calls, call)
	}
	return calls
}

func (to *partialCall) function() FunctionCall {
	return FunctionCall{to.name.String(), to.arguments.String() + to.held, to.inside.extra()}
}
