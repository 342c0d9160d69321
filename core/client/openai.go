package client

import (
	"net/http"

	"github.com/llmagg/llmagg/core/llm"
)

// openaiWire is OpenAI's chat completions (OpenAI API reference, "Create chat
// completion"), as OpenAI, DeepSeek and many others speak them.
type openaiWire struct {
	base, key   string
	streamUsage bool
}

func (w *openaiWire) url(string, bool) string { return w.base + "/chat/completions" }

func (w *openaiWire) models() string { return w.base + "/models" }

func (w *openaiWire) authorize(h http.Header) {
	if w.key != "" {
		h.Set("Authorization", "Bearer "+w.key)
	}
}

func (w *openaiWire) body(dst []byte, x *Exchange, stream bool) ([]byte, error) {
	ask := stream && (x.Payload.WantsUsage() || x.Usage && w.streamUsage)
	x.Usage = ask
	return x.Payload.AppendBody(dst, x.Model, stream, ask && !x.Payload.WantsUsage()), nil
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
