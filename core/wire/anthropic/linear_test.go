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
