// Package gemini translates between OpenAI's chat completions, the format that
// the whole library uses inside, and Gemini's generateContent. It does no I/O.
// The field names come from Google's API reference and from its Go SDK
// (google.golang.org/genai v1.77, types.go and models.go, the "Mldev"
// converters). A request goes through request.go, media.go, tools.go, config.go
// and pared.go. An answer goes through answer_parts.go, fields.go, finish.go,
// response.go and usage.go.
package gemini

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/wire"
)

// format is Gemini's native generateContent (Gemini API reference,
// "Generating content"). The key goes into a header, never into the URL.
type format struct{ wire.Options }

// New makes the format for one base URL and key; it has the type [wire.New].
func New(o wire.Options) wire.Format { return &format{o} }

// URL and the methods below it implement [wire.Format].
func (w *format) URL(model string, stream bool) string {
	// Google's list of models writes each name with the prefix "models/".
	path := "/models/" + url.PathEscape(strings.TrimPrefix(model, "models/"))
	if stream {
		return w.At.With(path+":streamGenerateContent", "alt=sse")
	}
	return w.At.With(path+":generateContent", "")
}

func (w *format) Authorize(h http.Header) {
	if w.Key != "" {
		h.Set("X-Goog-Api-Key", w.Key)
	}
}

func (w *format) Body(dst []byte, c *wire.Call) ([]byte, error) {
	r, body, err := wire.BodyOf(c, bodyOf)
	if err != nil {
		return nil, err
	}
	c.NoCacheMarks(r)
	if len(c.Omit) > 0 {
		c.Left = append(c.Left, body.pare(r, c.Omit)...)
	}
	return body.append(dst, r.Extra)
}

func (w *format) Response(data []byte, c *wire.Call) (*llm.Response, error) {
	return newReader(c.Model).response(data)
}

// Ending returns the rules of OpenAI's format. Gemini sends no end mark, but
// gateways that speak its format add OpenAI's mark [DONE].
func (w *format) Ending() *wire.Ending { return &wire.WholeOrBroken }

func (w *format) Stream(c *wire.Call) wire.Stream { return newReader(c.Model) }

// Complete implements [wire.Stream].
func (g *reader) Complete() bool { return g.done }

// Mark implements [wire.Marker].
func (g *reader) Mark() string { return "" }

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
