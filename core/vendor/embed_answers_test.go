package vendor

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/wire"
)

// The vendors that errors name make embeddings, or rank documents.
func TestVendorsThatErrorsName(t *testing.T) {
	names := func(told string) []string {
		told, _, found := strings.Cut(strings.TrimPrefix(told, "; "), " do, ")
		require.True(t, found)
		return strings.Split(strings.ReplaceAll(told, " and ", ", "), ", ")
	}
	for _, name := range names(wire.Embedders) {
		require.NotNil(t, embedderOf(name), name)
	}
	for _, name := range names(wire.Rankers) {
		v, _ := find(name)
		require.NotEmpty(t, v.Format(v.baseURL, "k").(wire.Reranker).RerankURL("m"), name)
	}
}

// A field that an answer leaves empty takes no vectors away from another one,
// whichever comes first.
func TestEmptyListsBesideVectors(t *testing.T) {
	for _, c := range []struct{ vendor, model, answer string }{
		{"openai", "m", `{"data":[{"index":0,"embedding":[1,2]}],"embeddings":null}`},
		{"openai", "m", `{"embeddings":{},"data":[{"index":0,"embedding":[1,2]}]}`},
		{"openai", "m", `{"data":[{"index":0,"embedding":[1,2]}],"embeddings":{"float":[[3,4]]}}`},
		{"openai", "m", `{"data":[],"embeddings":{"0":[1,2]}}`},
		{"cohere", "m", `{"embeddings":{"float":[[1,2]]},"data":[{"index":0,"embedding":[3,4]}]}`},
		{"cohere", "m", `{"embeddings":{"float":[[1,2]]},"data":[]}`},
		{"gemini", "m", `{"embeddings":[{"values":[1,2]}],"embedding":null}`},
		{"gemini", "m", `{"embedding":{"values":[1,2]},"embeddings":[]}`},
		{"bedrock", "amazon.titan-embed-text-v2:0", `{"embedding":[1,2],"embeddings":null}`},
		{"bedrock", "cohere.embed-english-v3", `{"embeddings":[[1,2]],"embedding":null}`},
	} {
		e := &wire.Embedding{Call: &wire.Call{Model: c.model}, Request: &llm.EmbeddingRequest{}, Texts: make([]string, 1)}
		require.NoError(t, embedderOf(c.vendor).Vectors([]byte(c.answer), e), c.answer)
		require.Equal(t, [][]float32{{1, 2}}, e.Vectors, c.answer)
	}
}
