package wire

import (
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/tests/lineartime"
)

// Calls get ids of their own, also as the strictest vendor has them, and the
// results of calls follow them in order; ids that are their own stay.
func TestOwnIDs(t *testing.T) {
	long := strings.Repeat("x", 70)
	for _, c := range []struct {
		said, sent string // a call as its id, a result as ">" and its id, "u" for the user
	}{
		{"a b >b >a", "a b >b >a"},
		{"a a >a >a", "a a_2 >a >a_2"},
		{"a >a a >a a >a", "a >a a_2 >a_2 a_3 >a_3"},
		{"a a_2 a >a_2 >a >a", "a a_2 a_3 >a_2 >a >a_3"},
		{"- - >- >-", " call_2 > >call_2"},
		{"f:0 f.0 >f.0 >f:0", "f:0 f.0_2 >f.0_2 >f:0"},
		{"a u a >a", "a u a_2 >a_2"}, // the first one was never answered
		{"a >a >a >b", "a >a >a >b"},
		{long + " " + long + " >" + long, long + " " + long[:64] + "_2 >" + long},
	} {
		var messages []llm.Message
		for _, word := range strings.Fields(c.said) {
			id, result := strings.CutPrefix(word, ">")
			if id == "-" {
				id = ""
			}
			switch {
			case word == "u":
				messages = append(messages, llm.Message{Role: llm.RoleUser})
			case result:
				messages = append(messages, llm.Message{Role: llm.RoleTool, ToolCallID: id})
			default:
				messages = append(messages, llm.Message{Role: llm.RoleAssistant, ToolCalls: []llm.ToolCall{{ID: id}}})
			}
		}
		ownIDs(messages)
		var sent []string
		for _, m := range messages {
			switch {
			case m.Role == llm.RoleUser:
				sent = append(sent, "u")
			case m.Role == llm.RoleTool:
				sent = append(sent, ">"+m.ToolCallID)
			default:
				sent = append(sent, m.ToolCalls[0].ID)
			}
		}
		require.Equal(t, c.sent, strings.Join(sent, " "), c.said)
	}
}

// A history that has the ids already that a repeated one would get takes time
// that is linear in it.
func TestOwnIDsInLinearTime(t *testing.T) {
	lineartime.Check(t, 8_000, func(n int) func() {
		ids := make([]string, 0, n)
		for i := range n / 2 {
			ids = append(ids, "x_"+strconv.Itoa(i))
		}
		for range n / 2 {
			ids = append(ids, "x")
		}
		return func() {
			var own CallIDs
			for _, id := range ids {
				own.Call(id)
			}
		}
	})
}
