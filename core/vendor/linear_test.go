//go:build !race

package vendor

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/wire"
	"github.com/stretchr/testify/require"
)

// Requests and answers of many texts are written and read in time that is
// linear in them, also where an answer comes in small pieces.
func TestVectorsTakeLinearTime(t *testing.T) {
	const n = 100_000
	texts := make([]string, n)
	numbers := strings.Repeat("0.25,", 9) + "1"
	var data, values, predictions, lists strings.Builder
	for i := range n {
		texts[i] = "a"
		fmt.Fprintf(&data, `{"index":%d,"embedding":"AACAPwAAAEA="},`, n-1-i)
		fmt.Fprintf(&values, `{"values":[%s]},`, numbers)
		fmt.Fprintf(&predictions, `{"embeddings":{"values":[%s]}},`, numbers)
		fmt.Fprintf(&lists, `[%s],`, numbers)
	}
	list := func(b *strings.Builder) string { return "[" + strings.TrimSuffix(b.String(), ",") + "]" }
	answers := map[string]string{
		"openai": `{"data":` + list(&data) + `}`, "cohere": `{"embeddings":{"float":` + list(&lists) + `}}`, "gemini": `{"embeddings":` + list(&values) + `}`,
		"vertex": `{"predictions":` + list(&predictions) + `}`, "ollama": `{"embeddings":` + list(&lists) + `}`, "bedrock": `{"embeddings":` + list(&lists) + `}`,
	}
	for _, row := range embedders {
		answer := answers[row[0]]
		if answer == "" || row[1] == "gemini-embedding-2" {
			continue
		}
		began := time.Now()
		e := &wire.Embedding{Call: &wire.Call{Model: row[1]}, Request: &llm.EmbeddingRequest{Input: texts}, Texts: texts}
		format := embedderOf(row[0])
		_, err := format.EmbedBody(nil, e)
		require.NoError(t, err, row)
		l := e.NewLift()
		for from, to := 0, 0; from < len(answer); {
			to = min(to+200, len(answer))
			from += l.Add([]byte(answer[from:to]), to == len(answer))
		}
		require.NoError(t, format.Vectors(l.Text, e), row)
		require.Less(t, time.Since(began), 20*time.Second, "%s: quadratic reading takes minutes", row)
	}
}
