package gemini

import (
	"net/http"

	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/wire"
)

// vertex is generateContent at Vertex AI, with addresses and keys of its own.
// Vectors are asked for as vertex_embed.go says.
type vertex struct {
	wire.Format
	at  wire.Vertex
	key string
}

// NewVertex makes the format; it is a [wire.New].
func NewVertex(o wire.Options) wire.Format {
	return &vertex{New(o), wire.Vertex{At: o.At, Publisher: "google"}, o.Key}
}

func (w *vertex) URL(model string, stream bool) string {
	if stream {
		return w.at.URL(model, "streamGenerateContent", "alt=sse")
	}
	return w.at.URL(model, "generateContent", "")
}

func (w *vertex) Models() string { return w.at.Models() }

func (w *vertex) Authorize(h http.Header) { w.at.Authorize(h, w.key) }

// Advice implements [wire.Adviser].
func (w *vertex) Advice(e *llm.Error, _ *wire.Call) string { return w.at.Advice(e) }
