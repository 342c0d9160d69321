package wire

import "github.com/llmagg/llmagg/core/llm"

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
