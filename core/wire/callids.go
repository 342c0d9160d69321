package wire

import (
	"strconv"
	"strings"

	"github.com/llmagg/llmagg/core/llm"
)

// This file gives calls the ids that vendors take.

// PlainID makes the id of a call fit for a vendor that takes letters, digits
// and some other characters: the ids of other vendors may hold more.
func PlainID(id, others string) string {
	id = ShortID(id)
	return strings.Map(func(c rune) rune {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune(others, c) {
			return c
		}
		return '_'
	}, id)
}

// maxID is how long the id of a call may be at most vendors.
const maxID = 64

// ShortID is the id of a call, or the end of a long one, where ids differ. Some
// servers give none, and vendors refuse an empty one.
func ShortID(id string) string {
	if id == "" {
		return "call"
	}
	return id[max(0, len(id)-maxID):]
}

// CallIDs gives each call of a conversation an id of its own, and the results
// of calls theirs, in order: some servers count anew in each answer, or give
// calls no ids, and vendors refuse an id that comes twice. Its zero value is
// ready for use.
type CallIDs struct {
	last    map[string]int      // the number behind an id that came, as the strictest vendor has it, where it was given last
	waiting map[string][]string // the ids of calls without a result, by those that came
}

// Call is the id of the next call.
func (c *CallIDs) Call(came string) (own string) {
	if c.last == nil {
		c.last = map[string]int{}
	}
	if c.waiting == nil {
		c.waiting = map[string][]string{}
	}
	own, key := came, PlainID(came, "_-")
	n := c.last[key]
	for name := key; c.last[name] > 0; name = PlainID(own, "_-") {
		n++
		own = ShortID(came) + "_" + strconv.Itoa(n)
	}
	c.last[key] = max(n, 1)
	if own != came {
		c.last[PlainID(own, "_-")] = 1
	}
	c.waiting[came] = append(c.waiting[came], own)
	return own
}

// Result is the id of the call that the next result is of.
func (c *CallIDs) Result(came string) (own string) {
	waiting := c.waiting[came]
	if len(waiting) == 0 {
		return came
	}
	c.waiting[came] = waiting[1:]
	return waiting[0]
}

// Asked notes that the user speaks: earlier calls get no result any more.
func (c *CallIDs) Asked() { c.waiting = nil }

func ownIDs(messages []llm.Message) {
	var ids CallIDs
	for i := range messages {
		m := &messages[i]
		for k := range m.ToolCalls {
			m.ToolCalls[k].ID = ids.Call(m.ToolCalls[k].ID)
		}
		switch m.Role {
		case llm.RoleTool:
			m.ToolCallID = ids.Result(m.ToolCallID)
		case llm.RoleUser:
			ids.Asked()
		}
	}
}
