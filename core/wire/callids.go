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

// ownIDs gives each call of a conversation an id of its own, and the results of
// calls theirs, in order: some servers count anew in each answer, or give calls
// no ids, and vendors refuse an id that comes twice.
func ownIDs(messages []llm.Message) {
	seen := map[string]int{}         // how often an id came, as the strictest vendor has it
	waiting := map[string][]string{} // the ids of calls without a result, by those that came
	for i := range messages {
		m := &messages[i]
		for k := range m.ToolCalls {
			came := m.ToolCalls[k].ID
			own, key := came, PlainID(came, "_-")
			for n := seen[key]; seen[PlainID(own, "_-")] > 0; {
				n++
				own = ShortID(came) + "_" + strconv.Itoa(n)
			}
			seen[key]++
			if own != came {
				seen[PlainID(own, "_-")]++
			}
			waiting[came] = append(waiting[came], own)
			m.ToolCalls[k].ID = own
		}
		if own := waiting[m.ToolCallID]; m.Role == llm.RoleTool && len(own) > 0 {
			waiting[m.ToolCallID] = own[1:]
			m.ToolCallID = own[0]
		} else if m.Role == llm.RoleUser {
			waiting = map[string][]string{} // those calls get no result any more
		}
	}
}
