package exchange

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/wire"
)

// plainStream is a streamed answer as OpenAI sends it, or as Gemini does: 200
// pieces, the finish and a usage.
func plainStream(gemini bool) []byte {
	var s strings.Builder
	for i := range 200 {
		if gemini {
			s.WriteString(`data: {"candidates":[{"content":{"parts":[{"text":" token` + strconv.Itoa(i) + `"}],"role":"model"},"index":0}],"usageMetadata":{"promptTokenCount":9,"totalTokenCount":20},"modelVersion":"m","responseId":"r"}` + "\n\n")
			continue
		}
		s.WriteString(`data: {"id":"chatcmpl-AbC123","object":"chat.completion.chunk","created":1712345678,"model":"gpt-4o","system_fingerprint":"fp_1","choices":[{"index":0,"delta":{"content":" token` +
			strconv.Itoa(i) + `"},"logprobs":null,"finish_reason":null}]}` + "\n\n")
	}
	if gemini {
		s.WriteString(`data: {"candidates":[{"content":{"parts":[{"text":""}],"role":"model"},"finishReason":"STOP","index":0}],"usageMetadata":{"totalTokenCount":20}}` + "\n\n")
	} else {
		s.WriteString(`data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}` + "\n\n" + `data: {"choices":[],"usage":{"total_tokens":20}}` + "\n\ndata: [DONE]\n\n")
	}
	return []byte(s.String())
}

// The loop over the events of a plain stream.
func BenchmarkEvents(b *testing.B) {
	for _, name := range []string{"openai", "gemini"} {
		w := modelWires[name]
		b.Run(name, func(b *testing.B) {
			data := plainStream(name == "gemini")
			backend := &Upstream{Options: Options{Format: w, Limits: Limits{ResponseBytes: 1 << 20, EventBytes: 1 << 20, StreamBytes: 1 << 20}}}
			payload := &llm.Payload{N: 1}
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				ctx, cancel := context.WithCancelCause(context.Background())
				resp := &http.Response{StatusCode: 200, Body: io.NopCloser(bytes.NewReader(data))}
				r := newStream(backend, ctx, cancel, func() bool { return false }, resp, &Exchange{Call: wire.Call{Payload: payload, Model: "m"}})
				n := 0
				for {
					_, err := r.Next()
					if err == io.EOF {
						break
					}
					if err != nil {
						b.Fatal(err)
					}
					n++
				}
				if n < 201 {
					b.Fatal(n)
				}
				_ = r.Close()
			}
		})
	}
}
