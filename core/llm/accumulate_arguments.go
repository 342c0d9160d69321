package llm

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// This file decides what a piece of a call's name or arguments is: a piece, all
// of them so far or once more, or a placeholder.

// newName takes out of a piece of the name what came of it before: some servers
// repeat it, or send all of it so far.
func (c *partialCall) newName(name string) string {
	if c.name.Len() == 0 {
		return name
	}
	return strings.TrimPrefix(name, c.name.String())
}

// unsay leaves in a delta what its name adds to the call that it belongs to.
func (p *partialChoice) unsay(to *partialCall, d *ToolCall) (changed bool) {
	name, _ := d.said()
	rest := to.newName(*name)
	if len(rest) == len(*name) {
		return false
	}
	if d.Custom != nil {
		copied := *d.Custom
		d.Custom = &copied
		name = &d.Custom.Name
	}
	if *name = rest; rest != "" && p.halves != nil { // it has the character that was cut
		delete(p.halves, "call "+strconv.Itoa(to.place)+" name")
	}
	return true
}

// isPlaceholder tells whether a piece is what some servers put in the place of
// arguments before these come.
func isPlaceholder(piece string) bool {
	piece = strings.TrimSpace(piece)
	switch piece {
	case "{}", "[]", "null", `""`:
		return true
	case "":
		return false
	}
	first, last := piece[0], piece[len(piece)-1]
	return (first == '{' && last == '}' || first == '[' && last == ']') && strings.TrimSpace(piece[1:len(piece)-1]) == ""
}

// withhold keeps a placeholder back until more of the call has come, or its
// choice has finished: real arguments replace it. It also removes what comes
// behind complete arguments: these once more, or a placeholder. changed says
// whether piece is another.
func (c *partialCall) withhold(piece *string, finished bool) (changed bool) {
	if changed = c.decode(piece); *piece == "" {
		return changed
	}
	text := *piece
	switch first := text[0]; {
	case c.arguments.Len() > 0:
		if again := first == '{' && isWholeAgain(c, text); !again && (!isPlaceholder(text) || !c.complete()) {
			return c.again.cut(&c.arguments, piece) || changed
		}
		*piece = ""
	case !finished && isPlaceholder(text):
		c.held, *piece = text, ""
	case c.held == "":
		return changed
	case strings.TrimSpace(text) == "":
		*piece = ""
	case first == '{', first == '[', first == '"':
		c.held = ""
		return changed
	default:
		c.held, *piece = "", c.held+text
	}
	return true
}

// coded is arguments that were encoded twice, as far as they have come.
type coded struct {
	text    strings.Builder
	escaped bool // the next character is no end
}

// decode keeps arguments back that begin as a text does until the text has
// ended, and encodes them once then.
func (c *partialCall) decode(piece *string) (changed bool) {
	text := *piece
	begun := c.coded != nil
	switch {
	case !begun && (!strings.HasPrefix(strings.TrimLeft(text, " \t\r\n"), `"`) || c.arguments.Len() > 0 && !c.complete()):
		return false
	case !begun || len(text) > c.coded.text.Len() && strings.HasPrefix(text, c.coded.text.String()): // all so far
		begun, c.coded = false, new(coded)
	}
	for i := range len(text) {
		switch {
		case c.coded.escaped:
			c.coded.escaped = false
		case text[i] == '\\':
			c.coded.escaped = true
		case text[i] == '"' && begun:
			*piece = once(strings.TrimSpace(c.coded.text.String()+text[:i+1])) + text[i+1:]
			c.coded = nil
			return true
		case text[i] == '"':
			begun = true
		}
	}
	c.coded.text.WriteString(text)
	*piece = ""
	return true
}

// released is what waited for more when no more comes: a placeholder, or
// arguments that begin with all that came before them, of which JSON tells
// whether they are more of these or all of them.
func (c *partialCall) released() (text string) {
	text, c.held = c.held, ""
	if c.coded != nil {
		text, c.coded = text+c.coded.text.String(), nil
	}
	if again := c.again.held; again != "" {
		have := c.arguments.String()
		if c.again.held = ""; !c.custom && !json.Valid([]byte(have+again)) && json.Valid([]byte(again)) {
			again = again[len(have):]
		}
		text += again
	}
	return text
}

// WholeCalls makes the calls of an answer that has ended such that applications
// can read their arguments as JSON: an object that was encoded twice is one,
// and those of a call without any are {}. Arguments that stop in their middle
// were cut off, whatever the finish reason says: it becomes "length", and the
// server's own word stands beside it. A call without arguments stays as it is
// where the finish reason does not say that the model was done (length,
// content_filter, none): it may have been cut off in front of them, and {}
// makes it one that can be run.
func WholeCalls(r *Response) {
	for i := range r.Choices {
		c := &r.Choices[i]
		done := saysDone(c.FinishReason)
		if cut := c.Message.wholeCalls(done); !cut || !done && c.FinishReason != "" {
			continue
		}
		if done && c.Extra[nativeReason] == nil {
			c.Extra = maps.Clone(c.Extra)
			c.Extra.Put(nativeReason, JSONOf(c.FinishReason))
		}
		c.FinishReason = "length"
	}
}

// nativeReason is where a server's own finish reason stands, as OpenRouter's.
const nativeReason = "native_finish_reason"

// saysDone tells whether a finish reason says that the model was done.
func saysDone(reason string) bool {
	return reason == "stop" || reason == "tool_calls" || reason == "function_call"
}

// isCut is what [WholeCalls] sees, as far as the answer has come.
func (p *partialChoice) isCut() bool {
	return slices.ContainsFunc(p.calls.list, func(c *partialCall) bool {
		return !c.custom && !c.complete() && (c.coded != nil || c.scan.depth > 0 && c.arguments.beginsWith("{"))
	})
}

// wholeCalls tells whether the arguments of a call stop in their middle. A call
// of nothing in the old form, which some servers add to each answer, is none.
func (m *Message) wholeCalls(done bool) (cut bool) {
	for i := range m.ToolCalls {
		if c := &m.ToolCalls[i]; c.Custom == nil {
			cut = c.Function.whole(done) || cut
		}
	}
	if f := m.FunctionCall; f != nil {
		cut = f.whole(done) || cut
		if done && f.isEmpty() {
			m.FunctionCall = nil
		}
	}
	return cut
}

func (f *FunctionCall) whole(done bool) (cut bool) {
	text := strings.TrimSpace(f.Arguments)
	switch empty := text == "" || isPlaceholder(text); {
	case f.Name == "":
	case empty && done:
		f.Arguments = "{}"
	case empty:
	case text[0] == '"':
		f.Arguments = once(text)
		return text[len(text)-1] != '"'
	case text[0] == '{':
		var all jsonEnd
		all.feed(text)
		return all.depth > 0
	}
	return false
}

// once is arguments that may have been encoded twice, encoded once.
func once(arguments string) string {
	var object string
	if arguments[0] != '"' || exactJSON.UnmarshalFromString(arguments, &object) != nil || !strings.HasPrefix(object, "{") || !json.Valid([]byte(object)) {
		return arguments
	}
	return object
}

// moveFunction makes a call in the old form a tool call where another one came
// before it: a message has room for one.
func (p *partialChoice) moveFunction(d *Message) (changed bool) {
	if d.FunctionCall == nil || !p.moved && (p.function == nil || !p.function.begins(&ToolCall{Index: 0, Function: *d.FunctionCall})) {
		return false
	}
	p.moved = true
	d.ToolCalls = append(d.ToolCalls[:len(d.ToolCalls):len(d.ToolCalls)], ToolCall{Index: -1, Type: "function", Function: *d.FunctionCall})
	d.FunctionCall = nil
	return true
}

// isWholeAgain compares no more than a few times as many bytes as a piece has,
// so that hostile pieces cost linear time.
func isWholeAgain(c *partialCall, arguments string) bool {
	if c.custom {
		return len(arguments) > 1 && len(arguments) == c.arguments.Len() && arguments == c.arguments.String()
	}
	if len(arguments) < 2 || c.arguments.Len() > 4*len(arguments) || !c.complete() {
		return false
	}
	return sameJSON(once(arguments), c.arguments.String())
}

// anew tells whether a piece without a name and another id is the arguments of
// another call, whose head the server lost, and gives it c's name: nothing
// follows an object that is complete. An object that goes on with what c's
// begins with may be c's so far.
func (c *partialCall) anew(d *ToolCall) bool {
	text := strings.TrimSpace(d.Function.Arguments)
	if d.ID != "" && d.ID != c.id || d.Custom != nil || d.Function.Name != "" || c.name.Len() == 0 || !strings.HasPrefix(text, "{") || isPlaceholder(text) || !c.complete() {
		return false
	}
	if c.arguments.Len() <= 4*len(text) {
		have := c.arguments.String()
		if all := rewritten(have); all == "" || all == rewritten(text) || strings.HasPrefix(text, strings.TrimRight(have, "\"}] \t\r\n")) {
			return false
		}
	}
	d.Function.Name = c.name.String()
	return true
}

// complete tells whether the arguments are a whole object or list. An input of
// a custom tool is any text.
func (c *partialCall) complete() bool {
	if c.custom {
		return false
	}
	if held := c.again.held; held != "" {
		var all jsonEnd
		all.feed(held)
		return all.ended
	}
	for piece := range c.arguments.pieces(c.scanned) {
		c.scan.feed(piece)
	}
	c.scanned = c.arguments.Len()
	return c.scan.ended
}

// jsonEnd finds the end of an object or a list whose text comes in pieces.
type jsonEnd struct {
	depth           int
	quoted, escaped bool
	ended           bool
}

func (e *jsonEnd) feed(text string) {
	for i := range len(text) {
		switch c := text[i]; {
		case e.escaped:
			e.escaped = false
		case e.quoted:
			e.escaped, e.quoted = c == '\\', c != '"'
		case c == '"':
			e.quoted = true
		case c == '{', c == '[':
			e.depth++
			e.ended = false
		case c == '}', c == ']':
			e.depth--
			e.ended = e.depth == 0
		}
	}
}
