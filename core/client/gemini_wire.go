package client

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/wire"
)

// geminiWire is Gemini's native generateContent (Gemini API reference,
// "Generating content"). The key goes into a header, never into the URL.
type geminiWire struct{ wire.Options }

func newGemini(o wire.Options) wire.Format { return &geminiWire{o} }

// URL implements [wire.Format], as the methods below do.
func (w *geminiWire) URL(model string, stream bool) string {
	// Google's own list names models with this prefix.
	path := "/models/" + url.PathEscape(strings.TrimPrefix(model, "models/"))
	if stream {
		return w.At.With(path+":streamGenerateContent", "alt=sse")
	}
	return w.At.With(path+":generateContent", "")
}

func (w *geminiWire) Models() string { return w.At.With("/models", "") }

func (w *geminiWire) Authorize(h http.Header) {
	if w.Key != "" {
		h.Set("X-Goog-Api-Key", w.Key)
	}
}

func (w *geminiWire) Body(dst []byte, c *wire.Call) ([]byte, error) {
	c.Usage = false // it comes unasked, at the latest with the finish reason
	r, err := c.Payload.Request()
	if err != nil {
		return nil, err
	}
	r.Model = c.Model
	body, left, err := geminiBodyOf(r)
	if err != nil {
		return nil, err
	}
	if len(c.Omit) > 0 {
		left = append(left, body.pare(r, c.Omit)...)
	}
	c.Left = left
	return body.append(dst, r.Extra)
}

func (w *geminiWire) Response(data []byte, c *wire.Call) (*llm.Response, error) {
	return newGeminiReader(c.Model).response(data)
}

// Ending is OpenAI's, though Gemini has no mark of its own: gateways that speak
// its format add [DONE].
func (w *geminiWire) Ending() *wire.Ending { return &wire.WholeOrBroken }

func (w *geminiWire) Stream(c *wire.Call) wire.Stream { return newGeminiReader(c.Model) }

// Chunk implements [wire.Stream].
func (g *geminiReader) Chunk(_ string, data []byte) (*llm.Chunk, error) {
	if wire.IsDone(data) {
		g.done = true
		return nil, nil
	}
	return g.chunk(data)
}

// Complete implements [wire.Stream].
func (g *geminiReader) Complete() bool { return g.done }
