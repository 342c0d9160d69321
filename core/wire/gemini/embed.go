package gemini

import (
	"net/url"
	"strings"

	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/wire"
)

// This file is Gemini's batchEmbedContents (Gemini API reference,
// "Embeddings").

const (
	embedTexts = 100 // in one request
	embedBytes = 1 << 20
)

type embedRequest struct {
	Model      string  `json:"model"`
	Content    content `json:"content"`
	TaskType   string  `json:"taskType,omitempty"`
	Dimensions int     `json:"outputDimensionality,omitempty"`
}

// taskTypes are Gemini's words for [llm.InputTypes].
var taskTypes = map[string]string{"query": "RETRIEVAL_QUERY", "document": "RETRIEVAL_DOCUMENT", "similarity": "SEMANTIC_SIMILARITY",
	"classification": "CLASSIFICATION", "clustering": "CLUSTERING"}

// EmbedURL implements [wire.Embedder], as the methods below do.
func (w *format) EmbedURL(model string) string {
	return w.At.With("/models/"+url.PathEscape(strings.TrimPrefix(model, "models/"))+":batchEmbedContents", "")
}

func (w *format) EmbedLimits(string) (texts, bytes int) { return embedTexts, embedBytes }

func (w *format) EmbedBody(e *wire.Embedding) ([]byte, error) {
	body := struct {
		Requests []embedRequest `json:"requests"`
	}{make([]embedRequest, len(e.Texts))}
	for i, text := range e.Texts {
		body.Requests[i] = embedRequest{Model: "models/" + strings.TrimPrefix(e.Model, "models/"), Content: content{Parts: []sentPart{textPart(text)}},
			TaskType: taskTypes[e.Request.InputType], Dimensions: e.Request.Dimensions}
	}
	e.LacksOthers(e.Request.Extra)
	return llm.JSONOf(body), nil
}

// Vectors gives those that Gemini has shortened the length 1, as all others
// have (its documentation, "Ensuring quality for smaller dimensions").
func (w *format) Vectors(data []byte, e *wire.Embedding) error {
	var vectors, one []wire.Listed
	r := wire.AnswerReader(data)
	for more := wire.Object(&r); more; more = r.NextField() {
		switch string(r.Key) {
		case "embeddings":
			vectors = wire.VectorsIn(&r)
		case "embedding": // of gateways, for one text
			one = wire.VectorsIn(&r)
		}
	}
	if err := r.End(); err != nil {
		return wire.UnreadVectors(data, err)
	}
	if len(vectors) == 0 {
		vectors = one
	}
	if err := e.PlaceListed(vectors); err != nil {
		return err
	}
	if e.Request.Dimensions > 0 {
		wire.Normalize(e.Vectors)
	}
	return nil
}
