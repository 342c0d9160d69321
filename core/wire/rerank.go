package wire

import (
	"sort"

	"github.com/llmagg/llmagg/core/llm"
)

// Reranker is a [Format] whose vendors rank documents.
type Reranker interface {
	// RerankURL is the endpoint for a model; "" where the vendor has none.
	RerankURL(model string) string
	// RerankBody is the JSON to post.
	RerankBody(r *Ranking) []byte
	// Ranks reads an answer into r.Response.
	Ranks(data []byte, r *Ranking) error
}

// Rankers ends the error of a route that ranks no documents: some vendors that
// do.
const Rankers = `; cohere, jina, voyage, qwen and siliconflow do, as "cohere/rerank-v3.5"`

// Ranking is one request for a ranking as its format sees it.
type Ranking struct {
	*Call
	Request *llm.RerankRequest
	Texts   bool // the server calls the documents so

	// Told by Ranks.
	Response llm.RerankResponse
}

// Place puts results in order, the best first, and no more than were asked for.
// Each document may have one; fewer than were asked for are an error.
func (r *Ranking) Place(n int, at func(i int) (index *int, score *float64)) error {
	for i := range n {
		index, score := at(i)
		if index == nil || score == nil || !r.Response.Rank(len(r.Request.Documents), *index, *score) {
			return llm.Errorf(llm.BadResponse, "result %d of the answer has no score for a document that was sent, or one for the second time", i)
		}
	}
	if n < r.Request.Wanted() {
		return llm.Errorf(llm.BadResponse, "the answer has %d results; %d were asked for", n, r.Request.Wanted())
	}
	results := r.Response.Results
	sort.SliceStable(results, func(i, j int) bool { return results[i].Score > results[j].Score })
	r.Response.Results = results[:r.Request.Wanted()]
	return nil
}
