//go:build !race

package anthropic

import (
	"fmt"
	"testing"

	"github.com/llmagg/llmagg/tests/lineartime"
	"github.com/stretchr/testify/require"
)

// Very many blocks that are open at the same time are read in linear time.
func TestAnswersAreReadInLinearTime(t *testing.T) {
	lineartime.Check(t, 40_000, func(n int) func() {
		return func() {
			s := &stream{}
			read := func(kind, format string, values ...any) {
				_, err := s.Chunk(kind, fmt.Appendf(nil, format, values...))
				require.NoError(t, err)
			}
			for i := range n {
				read("content_block_start", `{"index":%d,"content_block":{"type":"text","text":""}}`, i)
			}
			for i := range n {
				read("content_block_delta", `{"index":%d,"delta":{"type":"text_delta","text":"x"}}`, n-1-i)
			}
			read("message_delta", `{"delta":{"stop_reason":"end_turn"}}`)
		}
	})
}

// So are the pieces of one block, of whatever kind they are.
func TestPiecesAreReadInLinearTime(t *testing.T) {
	for name, c := range map[string][2]string{
		"thoughts": {"thinking", `"type":"thinking_delta","thinking":"x"`}, "signatures": {"thinking", `"type":"signature_delta","signature":"x"`},
		"inputs": {"server_tool_use", `"type":"input_json_delta","partial_json":" "`}, "citations": {"text", `"type":"citations_delta","citation":{"a":1}`},
		"unknown": {"new", `"type":"new_delta","a":{"data":"eA=="},"b":[{"c":1}],"d":"x"`},
	} {
		t.Run(name, func(t *testing.T) {
			lineartime.Check(t, 40_000, func(n int) func() {
				return func() {
					s := &stream{}
					read := func(event string) {
						_, err := s.Chunk("", []byte(event))
						require.NoError(t, err)
					}
					read(`{"type":"content_block_start","index":0,"content_block":{"type":"` + c[0] + `"}}`)
					for range n {
						read(`{"type":"content_block_delta","index":0,"delta":{` + c[1] + `}}`)
					}
					read(`{"type":"message_delta","delta":{"stop_reason":"end_turn"}}`)
				}
			})
		})
	}
}
