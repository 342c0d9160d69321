package llm

import (
	"fmt"
	"testing"
)

// Pieces of an answer are read and joined: a text, thoughts under a name of
// their own, a tool call.
func BenchmarkAccumulate(b *testing.B) {
	const pieces = 256
	for _, kind := range []struct{ name, delta string }{
		{"text", `{"content":" token"}`},
		{"reasoning", `{"reasoning":" token"}`},
		{"arguments", `{"tool_calls":[{"index":0,"function":{"arguments":" token"}}]}`},
	} {
		chunk := fmt.Appendf(nil, `{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1741569952,"model":"gpt-4o-mini","service_tier":"default","system_fingerprint":"fp_1","choices":[{"index":0,"delta":%s,"logprobs":null,"finish_reason":null}]}`, kind.delta)
		b.Run(kind.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				var d ChunkDecoder
				var a Accumulator
				for range pieces {
					c, err := d.Decode(chunk)
					if err != nil {
						b.Fatal(err)
					}
					a.Add(c)
				}
				if len(a.Response().Choices) != 1 {
					b.Fatal("a choice is missing")
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/pieces, "ns/piece")
		})
	}
}
