package openai

import (
	"encoding/json"

	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/wire"
)

// This file is the ranking of documents in Cohere's shape (API references of
// Cohere, "Rerank API (v2)", Jina, Voyage and SiliconFlow; vLLM, "Re-rank
// API"; Alibaba Cloud, "Rerank", OpenAI compatible), and in NVIDIA's ("Use
// NVIDIA NeMo Retriever Reranking NIM"). OpenAI has none.

// RerankURL implements [wire.Reranker], as the methods below do.
func (w *format) RerankURL(model string) string {
	switch {
	case w.Others == wire.DashScope:
		return w.At.Reranks().With("/reranks", "")
	case w.Others == wire.NVIDIA:
		return w.At.Ranking(model)
	case w.Others == wire.Cohere:
		return w.At.Cohere().With("/rerank", "")
	case w.Owner == "openai" || w.Owner == "deepseek":
		return ""
	}
	return w.At.With("/rerank", "")
}

func (w *azure) RerankURL(string) string { return "" }

func (w *format) RerankBody(r *wire.Ranking) []byte {
	if w.Others == wire.NVIDIA { // it ranks all
		type text struct {
			Text string `json:"text"`
		}
		passages := make([]text, len(r.Request.Documents))
		for i, document := range r.Request.Documents {
			passages[i].Text = document
		}
		return wire.WithExtra(map[string]any{"model": r.Model, "query": text{r.Request.Query}, "passages": passages}, r.Request.Extra)
	}
	top := "top_n"
	if w.Others == wire.Voyage {
		top = "top_k"
	}
	documents := "documents"
	if r.Texts { // Hugging Face's servers
		documents = "texts"
	}
	fields := map[string]any{"model": r.Model, "query": r.Request.Query, documents: r.Request.Documents}
	if r.Request.TopN > 0 {
		fields[top] = r.Request.TopN
	}
	if w.Others == wire.Jina {
		fields["return_documents"] = false // else they come back, as long as they are
	}
	return wire.WithExtra(fields, r.Request.Extra)
}

func (w *format) Ranks(data []byte, r *wire.Ranking) error {
	var all []wire.Result
	var usage, meta json.RawMessage
	in := wire.AnswerReader(data)
	if in.Next() == '[' { // of Hugging Face's servers
		all = wire.ResultsIn(&in)
	}
	for more := in.Next() == '{' && wire.Object(&in); more; more = in.NextField() {
		switch string(in.Key) {
		case "results", "data", "rankings": // the second is Voyage's, the third NVIDIA's
			all = append(all, wire.ResultsIn(&in)...)
		case "usage":
			usage = wire.Span(&in)
		case "meta":
			meta = in.Raw()
		}
	}
	if err := in.End(); err != nil {
		return llm.Errorf(llm.BadResponse, "the answer is not the JSON of a ranking (%d bytes): %v", len(data), err)
	}
	r.Response.Usage = usageIn(usage, meta)
	if wire.IsThere(meta) {
		r.Response.Meta = meta
	}
	return r.Place(len(all), func(i int) (*int, *float64) { return all[i].Index, all[i].Score })
}

// usageIn is the usage of an answer: an object of OpenAI's shape, or what
// Cohere's and SiliconFlow's "meta" tells of tokens; nil for neither.
func usageIn(raw, meta json.RawMessage) *llm.Usage {
	if usage := llm.ReadUsage(raw); usage != nil {
		return wire.TokensIn(usage)
	}
	var told struct {
		Tokens struct {
			Input json.RawMessage `json:"input_tokens"`
		} `json:"tokens"`
		Billed struct {
			Input json.RawMessage `json:"input_tokens"`
		} `json:"billed_units"`
	}
	if !wire.IsThere(meta) || llm.JSON.Unmarshal(meta, &told) != nil {
		return nil
	}
	if usage := wire.TokensOf(told.Tokens.Input); usage != nil {
		return usage
	}
	return wire.TokensOf(told.Billed.Input)
}
