package wire

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/llmagg/llmagg/core/llm"
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
