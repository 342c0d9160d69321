package wire

import "github.com/llmagg/llmagg/core/llm"

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
	if !c.Payload.Mentions(`"cache_control"`) {
		return
	}
	mark := func(extra llm.Extra, where string) {
		if IsThere(extra["cache_control"]) {
			c.Leave(where + ".cache_control")
		}
	}
	for i := range r.Messages {
		m := &r.Messages[i]
		mark(m.Extra, "messages")
		for j := range m.Parts {
			mark(m.Parts[j].Extra, "messages.content")
		}
		for j := range m.ToolCalls {
			mark(m.ToolCalls[j].Extra, "messages.tool_calls")
		}
	}
	for i := range r.Tools {
		mark(r.Tools[i].Extra, "tools")
	}
}
