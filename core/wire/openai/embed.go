package openai

import (
	"cmp"
	"encoding/json"
	"net/url"

	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/wire"
)

// This file is OpenAI's embeddings (API reference, "Create embeddings"), which
// others speak as widely as its chat completions.

// OpenAI takes 2048 texts of 300 000 tokens in all, of which each has about two
// bytes or more.
const (
	embedTexts = 2048
	embedBytes = 600_000
)

type embedBody struct {
	Model      string   `json:"model"`
	Input      []string `json:"input"`
	Encoding   string   `json:"encoding_format"`
	Dimensions int      `json:"dimensions,omitempty"`
}

// EmbedURL implements [wire.Embedder], as the methods below do.
func (w *format) EmbedURL(string) string { return w.At.With("/embeddings", "") }

func (w *azure) EmbedURL(model string) string {
	if w.perModel {
		return w.At.With("/"+url.PathEscape(model)+"/embeddings", "")
	}
	return w.format.EmbedURL(model)
}

func (w *format) EmbedLimits() (texts, bytes int) {
	return cmp.Or(w.EmbedTexts, embedTexts), embedBytes
}

// EmbedBody asks for base64, which is four times smaller than numbers.
func (w *format) EmbedBody(dst []byte, e *wire.Embedding) ([]byte, error) {
	b := embedBody{Model: e.Model, Input: e.Texts, Encoding: "base64", Dimensions: e.Request.Dimensions}
	if e.Plain {
		b.Encoding = "float"
	}
	if e.Request.InputType != "" {
		e.Adapt("input_type", wire.LeftOut)
	}
	return wire.AppendWith(dst, b, e.Request.Extra)
}

func (w *format) Vectors(data []byte, e *wire.Embedding) error {
	var answer struct {
		Data []struct {
			Index  *int        `json:"index"`
			Vector wire.Vector `json:"embedding"`
		} `json:"data"`
		Usage json.RawMessage `json:"usage"`
	}
	if err := llm.JSON.Unmarshal(data, &answer); err != nil {
		return llm.Errorf(llm.BadResponse, "the answer is not the JSON of embeddings (%d bytes): %v", len(data), err)
	}
	vectors := make([]wire.Vector, len(answer.Data))
	for i := range answer.Data {
		vectors[i] = answer.Data[i].Vector
	}
	if usage := (&llm.Usage{}); len(answer.Usage) > 0 && answer.Usage[0] == '{' && usage.UnmarshalJSON(answer.Usage) == nil {
		e.Usage = usage
	}
	return e.Place(vectors, func(i int) int {
		if at := answer.Data[i].Index; at != nil {
			return *at
		}
		return i
	})
}
