package anthropic

import (
	"net/http"

	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/wire"
)

// vertexVersion stands in the body at Vertex AI, where the path has the model
// (Anthropic API docs, "Claude on Vertex AI").
const vertexVersion = "vertex-2023-10-16"

// vertex is the Messages API at Vertex AI.
type vertex struct {
	format
	at wire.Vertex
}

// NewVertex makes the format; it is a [wire.New].
func NewVertex(o wire.Options) wire.Format {
	return &vertex{format{Options: o}, wire.Vertex{At: o.At, Publisher: "anthropic"}}
}

func (w *vertex) URL(model string, stream bool) string {
	if stream {
		return w.at.URL(model, "streamRawPredict", "")
	}
	return w.at.URL(model, "rawPredict", "")
}

func (w *vertex) Models() string { return w.at.Models() }

func (w *vertex) Authorize(h http.Header) { w.at.Authorize(h, w.Key) }

func (w *vertex) Body(dst []byte, c *wire.Call) ([]byte, error) {
	return w.body(dst, c, func(b *requestBody) { b.Model, b.Version = "", vertexVersion })
}

// Advice implements [wire.Adviser].
func (w *vertex) Advice(e *llm.Error, _ *wire.Call) string { return w.at.Advice(e) }
