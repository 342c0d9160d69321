package client

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/llmagg/llmagg/core/llm"
)

// geminiWire is Gemini's native generateContent (Gemini API reference,
// "Generating content"). The key goes into a header, never into the URL.
type geminiWire struct {
	at  apiRoot
	key string
}

func (w *geminiWire) url(model string, stream bool) string {
	// Google's own list names models with this prefix.
	path := "/models/" + url.PathEscape(strings.TrimPrefix(model, "models/"))
	if stream {
		return w.at.with(path+":streamGenerateContent", "alt=sse")
	}
	return w.at.with(path+":generateContent", "")
}

func (w *geminiWire) models() string { return w.at.with("/models", "") }

func (w *geminiWire) authorize(h http.Header) {
	if w.key != "" {
		h.Set("X-Goog-Api-Key", w.key)
	}
}

func (w *geminiWire) body(dst []byte, x *Exchange, _ bool) ([]byte, error) {
	x.Usage = false // it comes unasked, at the latest with the finish reason
	r, err := x.Payload.Request()
	if err != nil {
		return nil, err
	}
	r.Model = x.Model
	body, left, err := geminiBodyOf(r)
	if err != nil {
		return nil, err
	}
	if len(x.asking.omit) > 0 {
		left = append(left, body.pare(r, x.asking.omit)...)
	}
	x.asking.left = left
	return body.append(dst, r.Extra)
}

func (w *geminiWire) response(data []byte, x *Exchange) (*llm.Response, error) {
	return newGeminiReader(x.Model).response(data)
}

func (w *geminiWire) ending() *ending { return geminiEnding }

func (w *geminiWire) chunks(x *Exchange) func([]byte) (*llm.Chunk, error) {
	return newGeminiReader(x.Model).chunk
}

var (
	_ wire = (*geminiWire)(nil)
	_ wire = (*openaiWire)(nil)

	_ suspicious = (*geminiWire)(nil)
	_ suspicious = (*openaiWire)(nil)
)
