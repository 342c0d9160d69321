package bedrock

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// A block that arrives in pieces is kept as a whole, wherever its texts were
// cut: inside a character, between the halves of a pair, behind padding.
func TestBlocksInPiecesAreKeptWhole(t *testing.T) {
	for name, c := range map[string]struct {
		start, want string
		deltas      []string
	}{
		"a thought": {``, `{"reasoningContent":{"reasoningText":{"text":"a😀","signature":"c2ln"}}}`,
			[]string{`{"reasoningContent":{"text":"a\ud83d"}}`, `{"reasoningContent":{"text":"\ude00"}}`, `{"reasoningContent":{"signature":"c2"}}`, `{"reasoningContent":{"signature":"ln"}}`}},
		"a redacted thought": {``, `{"reasoningContent":{"redactedContent":"eHh4eHh4"}}`,
			[]string{`{"reasoningContent":{"redactedContent":"eHg="}}`, `{"reasoningContent":{"redactedContent":"eHg\u003d"}}`, `{"reasoningContent":{"redactedContent":"eHg="}}`}},
		"a server's call": {`{"toolUse":{"toolUseId":"s","name":"search","type":"server_tool_use"}}`, `{"toolUse":{"toolUseId":"s","name":"search","type":"server_tool_use","input":{"q":"😀"}}}`,
			[]string{`{"toolUse":{"input":"{\"q\":\"\ud83d"}}`, `{"toolUse":{"input":"\ude00\"}"}}`}},
		"a server's call without an input": {`{"toolUse":{"toolUseId":"s","name":"now","type":"server_tool_use"}}`, `{"toolUse":{"toolUseId":"s","name":"now","type":"server_tool_use","input":{}}}`, nil},
		"a server's call that began with its input": {`{"toolUse":{"toolUseId":"s","name":"now","type":"server_tool_use","input":{"a":1}}}`,
			`{"toolUse":{"toolUseId":"s","name":"now","type":"server_tool_use","input":{"a":1}}}`, nil},
		"a server's result": {`{"toolResult":{"toolUseId":"s","type":"search"}}`, `{"toolResult":{"toolUseId":"s","type":"search","content":[{"text":"a"},{"text":"a"},{"json":{"b":1}}]}}`,
			[]string{`{"toolResult":[{"text":"a"}]}`, `{"toolResult":[{"text":"a"}]}`, `{"toolResult":[{"json":{"b":1}}]}`}},
		"an image": {`{"image":{"format":"png"}}`, `{"image":{"format":"png","source":{"bytes":"eHh4"}}}`,
			[]string{`{"image":{"source":{"bytes":"eA=="}}}`, `{"image":{"source":{"bytes":"eA=="}}}`, `{"image":{"source":{"bytes":"eA=="}}}`}},
	} {
		t.Run(name, func(t *testing.T) {
			events := []sent{{"messageStart", `{}`}}
			if c.start != "" {
				events = append(events, sent{"contentBlockStart", fmt.Sprintf(`{"contentBlockIndex":0,"start":%s}`, c.start)})
			}
			for _, d := range c.deltas {
				events = append(events, sent{"contentBlockDelta", fmt.Sprintf(`{"contentBlockIndex":0,"delta":%s}`, d)})
			}
			events = append(events, sent{"contentBlockStop", `{"contentBlockIndex":0}`}, sent{"messageStop", `{"stopReason":"end_turn"}`}, sent{"metadata", `{}`})
			r, complete := streamed(t, "m", `{`+hello+`}`, events...)
			require.True(t, complete)
			var parts []struct{ Raw json.RawMessage }
			require.NoError(t, json.Unmarshal(r.Choices[0].Message.Extra["parts"], &parts))
			require.Len(t, parts, 1)
			require.JSONEq(t, c.want, string(parts[0].Raw))
		})
	}
}
