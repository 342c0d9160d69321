package exchange

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/llmagg/llmagg/core/internal/jsontext"
	"github.com/llmagg/llmagg/core/wire/eventstream"
)

// A stream, an event and a whole body have the same characters in front of
// their JSON passed over, and no byte of another character.
func TestWhatStandsBeforeJSONIsTheSameEverywhere(t *testing.T) {
	const object = "{} "
	for r := range rune(1 << 16) {
		text := []byte(string(r) + object)
		n, more := eventstream.Before(text)
		require.False(t, more, "%U", r)
		require.Equal(t, len(jsontext.Bare(text)) == len("{}"), n == len(text)-len(object), "%U", r)
		require.Contains(t, []int{0, len(text) - len(object)}, n, "%U", r)
	}
}
