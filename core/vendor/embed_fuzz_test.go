package vendor

import (
	"encoding/json"
	"math"
	"testing"
	"unicode/utf8"

	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/wire"
	"github.com/stretchr/testify/require"
)

// embedders are the formats that make vectors, each with a model.
var embedders = [][2]string{
	{"openai", "text-embedding-3-small"}, {"cohere", "embed-v4.0"}, {"voyage", "voyage-3"}, {"jina", "jina-embeddings-v3"}, {"gemini", "gemini-embedding-001"},
	{"vertex", "text-embedding-005"}, {"vertex", "gemini-embedding-2"}, {"ollama", "e"},
	{"bedrock", "amazon.titan-embed-text-v2:0"}, {"bedrock", "amazon.titan-embed-text-v1"}, {"bedrock", "cohere.embed-v4:0"},
}

func embedderOf(name string) wire.Embedder {
	v, _ := find(name)
	return v.Format("https://host/v1", "k").(wire.Embedder)
}

// stringsOf collects all texts of a JSON value.
func stringsOf(v any, all map[string]bool) {
	switch v := v.(type) {
	case string:
		all[v] = true
	case []any:
		for _, one := range v {
			stringsOf(one, all)
		}
	case map[string]any:
		for _, one := range v {
			stringsOf(one, all)
		}
	}
}

// Whatever passes the check of a request for vectors translates to JSON with
// all of its texts, or to an error that says why not.
func FuzzEmbedRequest(f *testing.F) {
	f.Add([]byte(`{"input":["a","b\"\\\u2028"],"dimensions":3,"input_type":"query","user":"u","truncate":true}`))
	f.Add([]byte(`{"input":"a","input_type":"similarity","autoTruncate":false,"normalize":null,"texts":[1],"inputText":"b"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := llm.ParseEmbedding(data, llm.CallOptions{})
		if err != nil {
			require.Equal(t, llm.InvalidArgument, llm.CodeOfError(err))
			return
		}
		for _, row := range embedders {
			format := embedderOf(row[0])
			most, _ := format.EmbedLimits(row[1])
			e := &wire.Embedding{Call: &wire.Call{Model: row[1]}, Request: r, Texts: r.Input[:min(len(r.Input), most)]}
			body, err := format.EmbedBody(e)
			if err != nil {
				require.Contains(t, []llm.Code{llm.BadRequest, llm.Unsupported}, llm.CodeOfError(err), row)
				continue
			}
			var value any
			require.NoError(t, json.Unmarshal(body, &value), "%s: %s", row, body)
			all := map[string]bool{}
			stringsOf(value, all)
			for _, text := range e.Texts {
				require.True(t, all[text] || !utf8.ValidString(text), "%s: %q in %s", row, text, body)
			}
		}
	})
}

// Whatever an answer holds, it gives one vector of finite numbers for each
// text, all of one length, or an error.
func FuzzEmbedAnswer(f *testing.F) {
	f.Add([]byte(`{"data":[{"index":1,"embedding":[1,2]},{"index":0,"embedding":"AACAPwAAAEA="}],"usage":{"prompt_tokens":1,"total_tokens":1}}`), 2)
	f.Add([]byte(`{"embeddings":{"float":[[1]]},"meta":{"billed_units":{"input_tokens":1e3}},"inputTextTokenCount":1.5}`), 1)
	f.Add([]byte(`{"embeddings":[{"values":[0]},{"values":[0]}]}`), 2)
	f.Add([]byte(`{"predictions":[{"embeddings":{"values":[1],"statistics":{"token_count":-1e300,"truncated":true}}}],"embedding":{"values":[2]},"usageMetadata":{"promptTokenCount":null}}`), 2)
	f.Add([]byte(`{"embeddings":[[3.5e38,1]],"embedding":[1e-50],"prompt_eval_count":"a"}`), 1)
	f.Fuzz(func(t *testing.T, data []byte, texts int) {
		if texts < 1 || texts > 100 {
			return
		}
		for _, row := range embedders {
			e := &wire.Embedding{Call: &wire.Call{Model: row[1]}, Request: &llm.EmbeddingRequest{Dimensions: texts % 2}, Texts: make([]string, texts)}
			l := e.NewLift()
			l.Add(data, true)
			if err := embedderOf(row[0]).Vectors(l.Text, e); err != nil {
				require.Equal(t, llm.BadResponse, llm.CodeOfError(err), row)
				continue
			}
			require.Len(t, e.Vectors, texts, row)
			for _, v := range e.Vectors {
				require.Len(t, v, len(e.Vectors[0]), row)
				for _, x := range v {
					require.False(t, math.IsNaN(float64(x)) || math.IsInf(float64(x), 0), row)
				}
			}
		}
	})
}

// Whatever passes the check of a request for a ranking translates to JSON, and
// whatever an answer holds, it is a ranking of the documents or an error.
func FuzzRerank(f *testing.F) {
	f.Add([]byte(`{"query":"a","documents":["b","c"],"top_n":1,"x":{}}`), []byte(`{"results":[{"index":1,"relevance_score":0.5},{"index":0,"relevance_score":1}],"meta":{"tokens":{"input_tokens":3}}}`))
	f.Add([]byte(`{"query":"a","documents":["b","c"]}`), []byte(`{"data":[{"index":-1,"relevance_score":1}],"results":[{"index":0}],"usage":{"total_tokens":18}}`))
	f.Fuzz(func(t *testing.T, request, answer []byte) {
		r, err := llm.ParseRerank(request, llm.CallOptions{})
		if err != nil {
			require.Equal(t, llm.InvalidArgument, llm.CodeOfError(err))
			return
		}
		for _, name := range []string{"cohere", "jina", "voyage", "siliconflow", "vllm"} {
			v, _ := find(name)
			format := v.Format("https://host/v1", "k").(wire.Reranker)
			ranking := &wire.Ranking{Call: &wire.Call{Model: "m"}, Request: r}
			body := format.RerankBody(ranking)
			require.True(t, json.Valid(body), "%s: %s", name, body)
			if err := format.Ranks(answer, ranking); err != nil {
				require.Equal(t, llm.BadResponse, llm.CodeOfError(err), name)
				continue
			}
			seen := map[int]bool{}
			for i, one := range ranking.Response.Results {
				require.False(t, one.Index < 0 || one.Index >= len(r.Documents) || seen[one.Index], name)
				require.False(t, i > 0 && one.Score > ranking.Response.Results[i-1].Score, name)
				seen[one.Index] = true
			}
		}
	})
}
