package anthropic

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

// What is kept of a block in pieces is the block, wherever its texts were cut:
// inside a character, between the halves of a pair, behind padding.
func TestBlocksInPiecesAreKeptWhole(t *testing.T) {
	for name, c := range map[string]struct {
		start, want string
		deltas      []string
	}{
		"a thought": {`{"type":"thinking","thinking":"","signature":""}`, `{"type":"thinking","thinking":"a😀ä.","signature":"c2ln"}`,
			[]string{`{"type":"thinking_delta","thinking":"a\ud83d"}`, `{"type":"thinking_delta","thinking":"\ude00` + "\xc3" + `"}`,
				`{"type":"thinking_delta","thinking":"` + "\xa4" + `."}`, `{"type":"signature_delta","signature":"c2"}`, `{"type":"signature_delta","signature":"ln"}`}},
		"half a character at the end": {`{"type":"thinking","thinking":""}`, `{"type":"thinking","thinking":"a\ufffd","signature":"s"}`,
			[]string{`{"type":"thinking_delta","thinking":"a\ud83d"}`, `{"type":"signature_delta","signature":"s"}`}},
		"a server's call": {`{"type":"server_tool_use","id":"s","name":"search","input":{}}`, `{"type":"server_tool_use","id":"s","name":"search","input":{"q":"😀"}}`,
			[]string{`{"type":"input_json_delta","partial_json":"{\"q\":\"\ud83d"}`, `{"type":"input_json_delta","partial_json":"\ude00\"}"}`}},
		"an unknown block": {`{"type":"new","text":"","of":{"name":"n"}}`, `{"type":"new","text":"a😀","of":{"name":"n","data":"eHh4"},"list":[{"n":1},{"n":2}],"is":3}`,
			[]string{`{"type":"new_delta","text":"a\ud83d","of":{"data":"eHg="},"is":2}`, `{"type":"new_delta","text":"\ude00","of":{"data":"eA=="},"is":3}`,
				`{"type":"new_delta","list":[{"n":1}]}`, `{"type":"new_delta","list":[{"n":2}]}`}},
	} {
		t.Run(name, func(t *testing.T) {
			events := []string{`{"type":"message_start","message":{"id":"m"}}`, `{"type":"content_block_start","index":0,"content_block":` + c.start + `}`}
			for _, d := range c.deltas {
				events = append(events, `{"type":"content_block_delta","index":0,"delta":`+d+`}`)
			}
			events = append(events, `{"type":"content_block_stop","index":0}`, `{"type":"message_delta","delta":{"stop_reason":"end_turn"}}`, `{"type":"message_stop"}`)
			r := gathered(t, callFor(t, "m", `{`+hello+`}`), events...)
			var parts []struct{ Raw json.RawMessage }
			require.NoError(t, json.Unmarshal(r.Choices[0].Message.Extra["parts"], &parts))
			require.Len(t, parts, 1)
			require.JSONEq(t, c.want, string(parts[0].Raw))
		})
	}
}
