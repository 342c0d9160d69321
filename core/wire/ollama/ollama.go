// Package ollama is Ollama's own chat API: the translation between OpenAI's
// chat completions, the shape that the whole library speaks, and Ollama's. It
// does no I/O. The wire names are those of Ollama's API documentation
// ("Generate a chat completion"). A request goes through request.go,
// settings.go and content.go, an answer, whole or as lines of JSON, through
// answer.go and calls.go. Ollama also speaks OpenAI's format, but there neither
// the length of the context nor how long a model stays loaded can be said.
package ollama

import (
	"net/http"
	"strings"

	"github.com/llmagg/llmagg/core/internal/shown"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/wire"
)

// format is the API at one base URL.
type format struct{ wire.Options }

// New makes the format; it is a [wire.New].
func New(o wire.Options) wire.Format {
	o.At = o.At.Below("/api")
	return &format{o}
}

// URL implements [wire.Format], as the methods below do.
func (w *format) URL(string, bool) string { return w.At.With("/chat", "") }

func (w *format) Models() string { return w.At.With("/tags", "") }

// Accept implements [wire.Accepter].
func (w *format) Accept() string { return wire.Lines }

func (w *format) Body(dst []byte, c *wire.Call) ([]byte, error) {
	_, body, err := wire.BodyOf(c, bodyOf)
	if err != nil {
		return nil, err
	}
	body.Model, body.Stream = c.Model, c.Stream
	return wire.WriteBody(dst, body, "Ollama", body.own, ownFields)
}

// Suspects are none: Ollama reads over fields that it does not know.
func (w *format) Suspects(*wire.Call) []wire.Suspect { return nil }

// Ending is strict: only "done": true ends an answer.
func (w *format) Ending() *wire.Ending { return &wire.WholeOrBroken }

func (w *format) Stream(c *wire.Call) wire.Stream { return &stream{model: c.Model} }

// Advice implements [wire.Adviser].
func (w *format) Advice(e *llm.Error, c *wire.Call) string {
	said := strings.ToLower(e.ProviderMessage)
	switch {
	case e.Status == http.StatusNotFound && strings.Contains(said, "model") && strings.Contains(said, "not found"):
		return "get it, where Ollama runs, by: ollama pull " + plainName(c.Model)
	case strings.Contains(said, "does not support tools"):
		return "leave out the tools, or use a model that can call them (ollama show tells)"
	case strings.Contains(said, "does not support thinking"):
		return "leave out reasoning_effort and think for this model"
	}
	return ""
}

// plainName is a model's name as one types it, quoted where it has more than
// names have.
func plainName(name string) string {
	for _, c := range name {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', strings.ContainsRune("._:/-", c):
		default:
			return shown.Name(name)
		}
	}
	return name
}
