package client

import (
	"net/http"
	"slices"

	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/wire"
)

// openaiWire is OpenAI's chat completions (OpenAI API reference, "Create chat
// completion"), as OpenAI, DeepSeek and many others speak them.
type openaiWire struct{ wire.Options }

func newOpenAI(o wire.Options) wire.Format { return &openaiWire{o} }

// URL implements [wire.Format], as the methods below do.
func (w *openaiWire) URL(string, bool) string { return w.At.With("/chat/completions", "") }

func (w *openaiWire) Models() string { return w.At.With("/models", "") }

func (w *openaiWire) Authorize(h http.Header) {
	if w.Key != "" {
		h.Set("Authorization", "Bearer "+w.Key)
	}
}

func (w *openaiWire) Body(dst []byte, c *wire.Call) ([]byte, error) {
	asked := c.Payload.WantsUsage()
	usage := c.Stream && (asked || c.Usage && w.StreamUsage)
	add := usage && !asked
	c.Usage, c.Added, c.Left = usage, add || !c.Stream, nil
	if len(c.Omit) == 0 {
		return c.Payload.AppendBody(dst, c.Model, c.Stream, add), nil
	}
	dst, c.Left = c.Payload.AppendPared(dst, c.Model, c.Stream, add, c.Omit)
	c.Usage = usage && !slices.Contains(c.Left, llm.OmitStreamOptions)
	return dst, nil
}

// Suspects are the core's own additions and what only answers have.
func (w *openaiWire) Suspects(c *wire.Call) (s []wire.Suspect) {
	switch {
	case !c.Stream:
		s = append(s, wire.Suspect{Name: llm.OmitStream, Words: []string{"stream"}})
	case c.Added:
		s = append(s, wire.Suspect{Name: llm.OmitStreamOptions, Words: []string{"streamoptions", "includeusage"}})
	}
	for _, name := range c.Payload.Foreign() {
		s = append(s, wire.Suspect{Name: name, Words: wire.WordsFor(name), History: true})
	}
	return s
}

func (w *openaiWire) Response(data []byte, _ *wire.Call) (*llm.Response, error) {
	r := &llm.Response{}
	if err := r.UnmarshalJSON(data); err != nil {
		return nil, llm.Errorf(llm.BadResponse, "the answer is not JSON of a chat completion (%d bytes): %v", len(data), err)
	}
	if len(r.Choices) == 0 {
		return nil, llm.Errorf(llm.BadResponse, "the answer has no choices")
	}
	if r.Object == "" {
		r.Object = "chat.completion"
	}
	return r, nil
}

func (w *openaiWire) Ending() *wire.Ending { return &wire.WholeOrBroken }

func (w *openaiWire) Stream(*wire.Call) wire.Stream { return &openaiStream{} }

// openaiStream reads chunks up to [DONE].
type openaiStream struct {
	decoder llm.ChunkDecoder
	done    bool
}

// Chunk implements [wire.Stream].
func (s *openaiStream) Chunk(_ string, data []byte) (*llm.Chunk, error) {
	if wire.IsDone(data) {
		s.done = true
		return nil, nil
	}
	c, err := s.decoder.Decode(data)
	if err == nil && c.Object == "" {
		c.Object = "chat.completion.chunk"
	}
	return c, err
}

// Complete implements [wire.Stream].
func (s *openaiStream) Complete() bool { return s.done }
