package client

import (
	"net/http"
	"slices"

	"github.com/llmagg/llmagg/core/llm"
)

// openaiWire is OpenAI's chat completions (OpenAI API reference, "Create chat
// completion"), as OpenAI, DeepSeek and many others speak them.
type openaiWire struct {
	at          apiRoot
	key         string
	streamUsage bool
}

func (w *openaiWire) url(string, bool) string { return w.at.with("/chat/completions", "") }

func (w *openaiWire) models() string { return w.at.with("/models", "") }

func (w *openaiWire) authorize(h http.Header) {
	if w.key != "" {
		h.Set("Authorization", "Bearer "+w.key)
	}
}

func (w *openaiWire) body(dst []byte, x *Exchange, stream bool) ([]byte, error) {
	ask := stream && (x.Payload.WantsUsage() || x.Usage && w.streamUsage)
	x.Usage = ask
	add := ask && !x.Payload.WantsUsage()
	x.asking.added, x.asking.left = add || !stream, nil
	if len(x.asking.omit) == 0 {
		return x.Payload.AppendBody(dst, x.Model, stream, add), nil
	}
	dst, x.asking.left = x.Payload.AppendPared(dst, x.Model, stream, add, x.asking.omit)
	x.Usage = ask && !slices.Contains(x.asking.left, llm.OmitStreamOptions)
	return dst, nil
}

// suspects are the core's own additions and what only answers have.
func (w *openaiWire) suspects(x *Exchange) (s []suspect) {
	switch {
	case !x.asking.stream:
		s = append(s, suspect{name: llm.OmitStream, words: []string{"stream"}})
	case x.asking.added:
		s = append(s, suspect{name: llm.OmitStreamOptions, words: []string{"streamoptions", "includeusage"}})
	}
	for _, name := range x.Payload.Foreign() {
		s = append(s, suspect{name: name, words: wordsFor(name), history: true})
	}
	return s
}

func (w *openaiWire) response(data []byte, _ *Exchange) (*llm.Response, error) {
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

func (w *openaiWire) ending() *ending { return openaiEnding }

func (w *openaiWire) chunks(*Exchange) func([]byte) (*llm.Chunk, error) {
	var d llm.ChunkDecoder
	return func(data []byte) (*llm.Chunk, error) {
		c, err := d.Decode(data)
		if err == nil && c.Object == "" {
			c.Object = "chat.completion.chunk"
		}
		return c, err
	}
}
