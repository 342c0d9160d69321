// Package responses is OpenAI's Responses API as a format of chat calls: the
// translation between chat completions, the shape that the whole library
// speaks, and items. It does no I/O. The wire names are those of OpenAI's API
// reference ("Responses", "Streaming events"), which Azure, xAI, OpenRouter,
// vLLM, LM Studio, Ollama and others follow. A request goes through request.go,
// content.go, settings.go, tools.go and kept.go, an answer through response.go,
// stream.go, event.go, items.go, texts.go and usage.go.
package responses

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/wire"
)

// format is the Responses API at one base URL.
type format struct {
	wire.Options
	azure bool   // it has its key in a header of its own
	owner string // of opaque items that come from there: its host
}

// New makes the format; it is a [wire.New].
func New(o wire.Options) wire.Format { return newFormat(o) }

// NewAzure makes the format as Azure OpenAI has it; it is a [wire.New].
func NewAzure(o wire.Options) wire.Format {
	f := newFormat(o)
	f.azure = true
	return f
}

func newFormat(o wire.Options) *format {
	f := &format{Options: o}
	if u, err := url.Parse(o.At.With("", "")); err == nil {
		f.owner = strings.ToLower(u.Host)
	}
	return f
}

// URL implements [wire.Format], as the methods below do.
func (w *format) URL(string, bool) string { return w.At.With("/responses", "") }

func (w *format) Authorize(h http.Header) {
	if w.Key == "" || !w.azure {
		w.Options.Authorize(h)
	} else {
		h.Set("Api-Key", w.Key)
	}
}

func (w *format) Body(dst []byte, c *wire.Call) ([]byte, error) {
	r, body, err := wire.BodyOf(c, w.bodyOf)
	if err != nil {
		return nil, err
	}
	body.Stream = c.Stream
	return wire.WriteBody(dst, body, "the Responses API", r.Extra, wire.OtherFields(r.Extra, readFields, lacking))
}

// Suspects are what the core asks for beside the caller's own, which small
// servers may not know, and opaque items of another answer.
func (w *format) Suspects(c *wire.Call) (s []wire.Suspect) {
	r, err := c.Payload.Request()
	if err != nil {
		return nil
	}
	history := slices.ContainsFunc(r.Messages, func(m llm.Message) bool {
		return slices.ContainsFunc(w.items(m.AnswerParts()), keptItem.isOpaque)
	})
	words := []string{"include"}
	if history {
		s = append(s, wire.Suspect{Name: wire.OmitThoughts, History: true,
			Words: []string{"encrypted", "encryptedcontent", "reasoning", "invalidencryptedcontent", "itemreference"}})
	} else {
		words = append(words, "encrypted", "encryptedcontent")
	}
	if c.Added {
		s = append(s, wire.Suspect{Name: omitStore, Words: []string{"store"}}, wire.Suspect{Name: omitInclude, Words: words})
	}
	return s
}

// Ending is strict: only response.completed and response.incomplete end an
// answer (API reference, "Streaming events").
func (w *format) Ending() *wire.Ending { return &wire.MarkedOrBroken }

func (w *format) Stream(c *wire.Call) wire.Stream { return w.newStream(c) }
