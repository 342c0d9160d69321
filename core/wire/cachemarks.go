package wire

import (
	"strconv"

	"github.com/llmagg/llmagg/core/llm"
)

// textMark is where a part of a message's text ends that has a mark for the
// cache among its fields.
type textMark struct {
	end   int
	extra llm.Extra
}

// textMarks are the marks on the texts of an answer's message; ok tells that it
// holds nothing but texts.
func textMarks(m *llm.Message) (marks []textMark, ok bool) {
	end := 0
	for i := range m.Parts {
		p := &m.Parts[i]
		if p.Type != "text" && p.Type != "" {
			return nil, false
		}
		end += len(p.Text)
		if IsThere(p.Extra["cache_control"]) {
			marks = append(marks, textMark{end, p.Extra})
		}
	}
	return marks, true
}

// NoCacheMarks notes where the request of c has marks for the cache
// ("cache_control"), for a format that has none.
func (c *Call) NoCacheMarks(r *llm.Request) {
	CacheMarks(c, r, func(_ llm.Extra, where string) { c.Leave(where + ".cache_control") })
}

// mostMarks is how many marks Claude takes.
const mostMarks = 4

// FewCacheMarks leaves out the marks that are too many for Claude. The first
// one stays, which is that of tools or instructions, and the last ones: those
// of the newest turns.
func FewCacheMarks(c *Call, r *llm.Request) {
	var marked []llm.Extra
	if IsThere(r.Extra["cache_control"]) {
		marked = append(marked, nil)
	}
	CacheMarks(c, r, func(extra llm.Extra, _ string) { marked = append(marked, extra) })
	for i := 1; i <= len(marked)-mostMarks; i++ {
		delete(marked[i], "cache_control")
		c.Leave("cache_control (more than " + strconv.Itoa(mostMarks) + ")")
	}
}

// CacheMarks calls mark for each mark of a request, those of tools first.
func CacheMarks(c *Call, r *llm.Request, mark func(extra llm.Extra, where string)) {
	if !c.Payload.Mentions(`"cache_control"`) {
		return
	}
	look := func(extra llm.Extra, where string) {
		if IsThere(extra["cache_control"]) {
			mark(extra, where)
		}
	}
	for i := range r.Tools {
		look(r.Tools[i].Extra, "tools")
	}
	for i := range r.Messages {
		m := &r.Messages[i]
		for j := range m.Parts {
			look(m.Parts[j].Extra, "messages.content")
		}
		for j := range m.ToolCalls {
			look(m.ToolCalls[j].Extra, "messages.tool_calls")
		}
		look(m.Extra, "messages")
	}
}
