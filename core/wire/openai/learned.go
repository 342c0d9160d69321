package openai

import (
	"slices"
	"strings"

	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/wire"
)

// learned are quirks that the row of a known vendor has, and that any server
// may turn out to have: it says so when it refuses a request. The next ones
// follow the quirk, and the attempt's left_out names it.
var learned = [...]struct {
	name, words string // words of such a refusal
	quirks      wire.Quirks
}{
	{"messages.tool_calls.id", "toolcallid toolcalls callid length", wire.Quirks{ToolIDs: 9}},
	{"messages.role", "alternate alternating beginning role roles", wire.Quirks{Turns: wire.OneSystem | wire.Alternate}},
	{wire.OmitSystem, "system alternate alternating", wire.Quirks{Turns: wire.NoSystem | wire.Alternate}},
	{"tools.function.parameters", "parameters properties schema", wire.Quirks{WholeTools: true}},
}

// roles is the place of the order of messages among them.
const roles = 1

// following is the request as a server wants it that has the quirk; p itself
// where that changes nothing. c is told what is lost.
func following(quirk int, c *wire.Call, p *llm.Payload) *llm.Payload {
	whole := c.Payload
	c.Payload = p
	defer func() { c.Payload = whole }()
	f := fit{call: c, quirks: &learned[quirk].quirks}
	f.toolIDs()
	f.tools()
	f.turns()
	if f.err != nil || f.changes == nil {
		return p
	}
	return p.With(f.changes)
}

// follow is the request as the server wants it by what it has refused.
func follow(c *wire.Call, p *llm.Payload) *llm.Payload {
	for i := range learned {
		before := p
		if slices.Contains(c.Omit, learned[i].name) {
			p = following(i, c, p)
		}
		if p != before {
			c.Leave(learned[i].name)
		}
	}
	return p
}

// suspects are the quirks that would change the request as it is sent.
func (w *format) suspects(c *wire.Call) (s []wire.Suspect) {
	call := *c
	p, err := w.fitting(&call)
	turns := false // the order of messages may be the reason: first that
	for i := range learned {
		if turns && learned[i].name == wire.OmitSystem || err != nil || following(i, &call, p) == p {
			continue
		}
		turns = i == roles && !slices.Contains(c.Omit, learned[i].name)
		s = append(s, wire.Suspect{Name: learned[i].name, Words: strings.Fields(learned[i].words), Named: true})
	}
	return s
}

// tools writes the parameters of functions whole.
func (f *fit) tools() {
	raw := f.call.Payload.Field("tools")
	if !f.quirks.WholeTools || !wire.IsThere(raw) {
		return
	}
	var all []llm.Extra
	f.read("tools", raw, &all)
	changed := false
	for _, t := range all {
		var function llm.Extra
		if len(t["function"]) == 0 || llm.JSON.Unmarshal(t["function"], &function) != nil || function == nil {
			continue
		}
		old := function["parameters"]
		if whole := wire.WholeParameters(&llm.Function{Parameters: old}); len(whole) != len(old) {
			function["parameters"] = whole
			t["function"], changed = llm.JSONOf(function), true
		}
	}
	if changed {
		f.put("tools", llm.JSONOf(all))
	}
}
