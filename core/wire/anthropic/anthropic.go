// Package anthropic is Anthropic's Messages API: the translation between
// OpenAI's chat completions, the shape that the whole library speaks, and
// Claude's. It does no I/O. The wire names are those of Anthropic's API
// reference ("Messages", "Streaming Messages"). A request goes through
// request.go, content.go, tools.go, settings.go and kept.go, an answer through
// response.go, stream.go, delta.go and usage.go. Other vendors have endpoints
// of the same shape; Vertex AI's have addresses of their own.
package anthropic

import (
	"net/http"
	"strings"

	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/wire"
)

// version is the value of the header anthropic-version (API reference,
// "Versions"): the only one since June 2023.
const version = "2023-06-01"

// format is the Messages API at one base URL.
type format struct{ wire.Options }

// New makes the format; it is a [wire.New]. Vendors' documents give the base
// URL with /v1 behind it or, as Anthropic's own SDK wants it, without.
func New(o wire.Options) wire.Format {
	o.At = o.At.Below("/v1")
	return &format{o}
}

// URL implements [wire.Format], as the methods below do.
func (w *format) URL(string, bool) string { return w.At.With("/messages", "") }

// Authorize uses the header of API keys, or that of OAuth tokens for a token,
// which begins with "sk-ant-oat".
func (w *format) Authorize(h http.Header) {
	h.Set("Anthropic-Version", version)
	if w.Key == "" || strings.HasPrefix(w.Key, "sk-ant-oat") {
		w.Options.Authorize(h)
	} else {
		h.Set("X-Api-Key", w.Key)
	}
}

func (w *format) Body(dst []byte, c *wire.Call) ([]byte, error) {
	return w.body(dst, c, func(*requestBody) {})
}

// body is Body, with what change does to it.
func (w *format) body(dst []byte, c *wire.Call, change func(*requestBody)) ([]byte, error) {
	r, body, err := wire.BodyOf(c, bodyOf)
	if err != nil {
		return nil, err
	}
	body.Stream = c.Stream
	change(body)
	return wire.WriteBody(dst, body, "Anthropic", r.Extra, ownFields)
}

// Suspects are native schemas and thoughts of another answer, whose signatures
// are bound to the vendor that made them.
func (w *format) Suspects(c *wire.Call) []wire.Suspect {
	suspects := wire.NativeSchemas(c)
	if wire.HasKept(c, owner, wire.IsThought) {
		suspects = append(suspects, wire.Suspect{Name: wire.OmitThoughts, Words: []string{"thinking", "redactedthinking", "signature"}, History: true})
	}
	return suspects
}

// Ending is strict: only message_stop ends an answer (API reference, "Streaming
// Messages", event types).
func (w *format) Ending() *wire.Ending { return &wire.MarkedOrBroken }

func (w *format) Stream(c *wire.Call) wire.Stream {
	return newStream(c.Model, wire.SchemaTool(c, forcesSchema))
}

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
