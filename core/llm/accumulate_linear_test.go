//go:build !race

package llm

import (
	"fmt"
	"testing"

	"github.com/llmagg/llmagg/tests/lineartime"
	"github.com/stretchr/testify/require"
)

// Joining is linear in the pieces, of whatever kind they are.
func TestPiecesAreJoinedInLinearTime(t *testing.T) {
	const pieces = 50_000
	for name, delta := range map[string]func(i int) string{
		"text":             func(int) string { return `{"content":"x"}` },
		"reasoning":        func(int) string { return `{"reasoning":"x"}` },
		"reasoning, apart": func(i int) string { return fmt.Sprintf(`{"reasoning":"x","reasoning_content":"%d"}`, i) },
		"parts":            func(int) string { return `{"content":[{"type":"text","text":"x"}]}` },
		"parts and texts": func(i int) string {
			return []string{`{"content":"x"}`, `{"content":[{"type":"image_url","image_url":{"url":"x"}}]}`}[i%2]
		},
		"parts by index": func(i int) string { return fmt.Sprintf(`{"content":[{"type":"text","text":"x","index":%d}]}`, i) },
		"thinking":       func(int) string { return `{"content":[{"type":"thinking","thinking":[{"type":"text","text":"x"}]}]}` },
		"arguments":      func(int) string { return `{"tool_calls":[{"index":0,"function":{"name":"f","arguments":"{"}}]}` },
		"calls with index 0": func(i int) string {
			return fmt.Sprintf(`{"tool_calls":[{"index":0,"id":"%d","function":{"name":"f","arguments":"{}"}}]}`, i)
		},
		"calls without an id": func(int) string { return `{"tool_calls":[{"function":{"name":"f","arguments":"{}"}}]}` },
		"changing ids": func(i int) string {
			return fmt.Sprintf(`{"tool_calls":[{"index":0,"id":"%d","function":{"arguments":"["}}]}`, i)
		},
		"calls that take turns": func(i int) string {
			return fmt.Sprintf(`{"tool_calls":[{"index":%d,"id":"%d","function":{"name":"f","arguments":"["}}]}`, i%50, i%50)
		},
		"images":          func(i int) string { return fmt.Sprintf(`{"images":[{"image_url":{"url":"%d"}}]}`, i) },
		"padded audio":    func(int) string { return `{"audio":{"id":"a","data":"eA=="}}` },
		"audio":           func(int) string { return `{"audio":{"id":"a","data":"xxxx"}}` },
		"lists":           func(i int) string { return fmt.Sprintf(`{"annotations":[{"n":%d}]}`, i) },
		"lists by index":  func(i int) string { return fmt.Sprintf(`{"x":[{"index":%d,"text":"x"}]}`, i%3) },
		"lists by id":     func(i int) string { return fmt.Sprintf(`{"x":[{"index":0,"id":"%d"}]}`, i) },
		"objects":         func(i int) string { return fmt.Sprintf(`{"x":{"k%d":{"text":"x"}}}`, i) },
		"the same text":   func(int) string { return `{"x":"same"}` },
		"halves":          func(i int) string { return "{\"content\":\"" + "\U0001F600"[i%4:i%4+1] + "\"}" },
		"names in pieces": func(i int) string { return fmt.Sprintf(`{"tool_calls":[{"index":0,"function":{"name":"%d"}}]}`, i) },
	} {
		t.Run(name, func(t *testing.T) {
			lineartime.Check(t, pieces, func(n int) func() {
				return func() {
					var d ChunkDecoder
					var a Accumulator
					for i := range n {
						c, err := d.Decode([]byte(`{"choices":[{"index":0,"delta":` + delta(i) + `}]}`))
						require.NoError(t, err)
						a.Add(c)
					}
					require.Len(t, a.Response().Choices, 1)
				}
			})
		})
	}
}
