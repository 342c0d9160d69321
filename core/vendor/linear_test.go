//go:build !race

package vendor

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/wire"
	"github.com/llmagg/llmagg/tests/lineartime"
	"github.com/stretchr/testify/require"
)

// Requests and answers of many texts are written and read in time that is
// linear in them, also where an answer comes in small pieces.
func TestVectorsTakeLinearTime(t *testing.T) {
	numbers := strings.Repeat("0.25,", 9) + "1"
	list := func(n int, format string, values ...any) string {
		return "[" + strings.TrimSuffix(strings.Repeat(fmt.Sprintf(format, values...)+",", n), ",") + "]"
	}
	answers := map[string]func(n int) string{
		"openai": func(n int) string {
			var data strings.Builder
			for i := range n {
				fmt.Fprintf(&data, `{"index":%d,"embedding":"AACAPwAAAEA="},`, n-1-i)
			}
			return `{"data":[` + strings.TrimSuffix(data.String(), ",") + `]}`
		},
		"cohere": func(n int) string { return `{"embeddings":{"float":` + list(n, `[%s]`, numbers) + `}}` },
		"gemini": func(n int) string { return `{"embeddings":` + list(n, `{"values":[%s]}`, numbers) + `}` },
		"vertex": func(n int) string {
			return `{"predictions":` + list(n, `{"embeddings":{"values":[%s]}}`, numbers) + `}`
		},
		"ollama":  func(n int) string { return `{"embeddings":` + list(n, `[%s]`, numbers) + `}` },
		"bedrock": func(n int) string { return `{"embeddings":` + list(n, `[%s]`, numbers) + `}` },
	}
	for _, row := range embedders {
		if answers[row[0]] == nil || row[1] == "gemini-embedding-2" {
			continue
		}
		t.Run(row[0]+" "+row[1], func(t *testing.T) {
			lineartime.Check(t, 100_000, func(n int) func() {
				texts, answer := slices.Repeat([]string{"a"}, n), answers[row[0]](n)
				return func() {
					e := &wire.Embedding{Call: &wire.Call{Model: row[1]}, Request: &llm.EmbeddingRequest{Input: texts}, Texts: texts}
					format := embedderOf(row[0])
					_, err := format.EmbedBody(e)
					require.NoError(t, err, row)
					l := e.NewLift()
					for from, to := 0, 0; from < len(answer); {
						to = min(to+200, len(answer))
						from += l.Add([]byte(answer[from:to]), to == len(answer))
					}
					require.NoError(t, format.Vectors(l.Text, e), row)
				}
			})
		})
	}
}
