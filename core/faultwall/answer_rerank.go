package faultwall

import (
	"encoding/json"
	"net/http"
	"slices"
	"sort"
	"strings"

	"github.com/llmagg/llmagg/core/llm"
)

// rankAsk is what a request for a ranking asks for.
type rankAsk struct {
	query     string
	documents []string
	most      int
	form      string // "cohere", "voyage", "nvidia", or "" for Jina, SiliconFlow, vLLM
}

type rankText struct {
	Text string `json:"text"`
}

// readRerank reads a request for a ranking: Voyage's says "top_k", NVIDIA's has
// objects with texts.
func (c *call) readRerank(r *http.Request) *Step {
	c.kind = KindChat
	var fields struct {
		Model     string          `json:"model"`
		Query     json.RawMessage `json:"query"`
		Documents []string        `json:"documents"`
		Texts     []string        `json:"texts"` // as Hugging Face's servers call them
		Passages  []rankText      `json:"passages"`
		TopN      int             `json:"top_n"`
		TopK      int             `json:"top_k"`
	}
	var query rankText
	err := llm.JSON.Unmarshal(c.body, &fields)
	into, form := any(&query.Text), ""
	if strings.HasSuffix(r.URL.Path, "/ranking") {
		into, form = &query, "nvidia"
	}
	if err == nil {
		err = llm.JSON.Unmarshal(fields.Query, into)
	}
	for i := range fields.Passages {
		fields.Documents = append(fields.Documents, fields.Passages[i].Text)
	}
	if err != nil || query.Text == "" || len(fields.Documents)+len(fields.Texts) == 0 {
		return &Step{Status: http.StatusBadRequest}
	}
	c.model = fields.Model
	c.rank = &rankAsk{form: form, query: query.Text, documents: append(fields.Documents, fields.Texts...), most: max(fields.TopN, fields.TopK)}
	switch {
	case strings.HasSuffix(r.URL.Path, "/v2/rerank"):
		c.rank.form = "cohere"
	case fields.TopK > 0:
		c.rank.form = "voyage"
	}
	return nil
}

// ranked is the healthy answer to a request for a ranking: the more of the
// query's words a document has, the better it fits.
func (c *call) ranked() any {
	type result struct {
		Index int     `json:"index"`
		Score float64 `json:"relevance_score"`
	}
	ask := c.rank
	words := strings.Fields(ask.query)
	tokens := len(words) * len(ask.documents)
	results := make([]result, len(ask.documents))
	for i, document := range ask.documents {
		has := strings.Fields(document)
		tokens += len(has)
		for _, word := range words {
			if slices.Contains(has, word) {
				results[i].Score += 1 / float64(len(words))
			}
		}
		results[i].Index = i
	}
	sort.SliceStable(results, func(i, j int) bool { return results[i].Score > results[j].Score })
	if ask.most > 0 {
		results = results[:min(ask.most, len(results))]
	}
	switch ask.form {
	case "cohere":
		return object("id", "1", "results", results, "meta", object("api_version", object("version", "2"), "billed_units", object("search_units", 1)))
	case "nvidia":
		rankings := make([]any, len(results))
		for i, r := range results {
			rankings[i] = object("index", r.Index, "logit", r.Score)
		}
		return object("rankings", rankings)
	case "voyage":
		return object("object", "list", "data", results, "model", c.model, "usage", object("total_tokens", tokens))
	}
	return object("id", "1", "model", c.model, "results", results, "usage", object("total_tokens", tokens))
}
