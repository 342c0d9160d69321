package responses

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// A piece of a text costs what it costs in chat completions: the chunk with its
// choice, and the text.
func TestAllocationsOfAPiece(t *testing.T) {
	s := atHost().Stream(callFor(t, `{`+hello+`}`))
	data := []byte(`{"type":"response.output_text.delta","item_id":"msg_1","output_index":0,"content_index":0,"delta":" token","logprobs":[],"obfuscation":"aB3"}`)
	piece := func() {
		if _, err := s.Chunk("response.output_text.delta", data); err != nil {
			t.Fatal(err)
		}
	}
	piece()
	require.LessOrEqual(t, testing.AllocsPerRun(100, piece), 2.0)
}
