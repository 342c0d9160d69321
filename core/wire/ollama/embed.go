package ollama

import (
	"encoding/json"

	"github.com/llmagg/llmagg/core/wire"
)

// This file is Ollama's POST /api/embed (its API documentation, "Generate
// embeddings").

// Ollama sets no limits; its answers come when all texts are done.
const (
	embedTexts = 256
	embedBytes = 1 << 20
)

type embedBody struct {
	Model      string   `json:"model"`
	Input      []string `json:"input"`
	Dimensions int      `json:"dimensions,omitempty"`
}

// embedFields are fields of the API that requests may carry as they are.
var embedFields = []string{"truncate", "keep_alive", "options"}

// EmbedURL implements [wire.Embedder], as the methods below do.
func (w *format) EmbedURL(string) string { return w.At.With("/embed", "") }

func (w *format) EmbedLimits(string) (texts, bytes int) { return embedTexts, embedBytes }

func (w *format) EmbedBody(e *wire.Embedding) ([]byte, error) {
	if e.Request.InputType != "" {
		e.Adapt("input_type", wire.LeftOut)
	}
	return e.WithKnown(embedBody{e.Model, e.Texts, e.Request.Dimensions}, embedFields...), nil
}

func (w *format) Vectors(data []byte, e *wire.Embedding) error {
	var vectors []wire.Listed
	var tokens json.RawMessage
	r := wire.AnswerReader(data)
	for more := wire.Object(&r); more; more = r.NextField() {
		switch string(r.Key) {
		case "embeddings":
			vectors = wire.VectorsIn(&r)
		case "prompt_eval_count":
			tokens = wire.Span(&r)
		}
	}
	if err := r.End(); err != nil {
		return wire.UnreadVectors(data, err)
	}
	e.Usage = wire.TokensOf(tokens)
	return e.PlaceListed(vectors)
}
