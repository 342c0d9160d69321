package llm

import (
	"strings"
	"testing"
)

// BenchmarkRequest is what each chat costs before it is sent: its request is
// written, checked and written again for one route.
func BenchmarkRequest(b *testing.B) {
	r := &Request{Messages: []Message{{Role: RoleSystem, Content: "You answer in two sentences."},
		{Role: RoleUser, Content: strings.Repeat("What does a circuit breaker do? ", 8)}}}
	room := make([]byte, 0, 4<<10)
	b.ReportAllocs()
	for b.Loop() {
		p, err := r.Payload()
		if err != nil {
			b.Fatal(err)
		}
		p.AppendBody(room, "model", false, false)
	}
}

// BenchmarkTranslate is what an attempt in another format than OpenAI's adds:
// the request is read from its JSON.
func BenchmarkTranslate(b *testing.B) {
	temperature, most := 0.5, 200
	r := &Request{Temperature: &temperature, MaxTokens: &most, Messages: []Message{{Role: RoleSystem, Content: "You answer in two sentences."},
		{Role: RoleUser, Content: strings.Repeat("What does a circuit breaker do? ", 8)}}}
	p, err := r.Payload()
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.Request(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkAnswer reads a whole answer.
func BenchmarkAnswer(b *testing.B) {
	data := []byte(`{"id":"chatcmpl-1","object":"chat.completion","created":1767225600,"model":"gpt-4o-mini","choices":[{"index":0,"message":{"role":"assistant","content":"` +
		strings.Repeat("While they succeed it stays closed. ", 9) + `","refusal":null},"logprobs":null,"finish_reason":"stop"}],` +
		`"usage":{"prompt_tokens":42,"completion_tokens":64,"total_tokens":106},"system_fingerprint":"fp_1"}`)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ReadResponse(data); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkChunk reads a chunk of a stream.
func BenchmarkChunk(b *testing.B) {
	data := []byte(`{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1767225600,"model":"gpt-4o-mini","system_fingerprint":"fp_1","choices":[{"index":0,"delta":{"content":" token"},"logprobs":null,"finish_reason":null}]}`)
	var d ChunkDecoder
	b.ReportAllocs()
	for b.Loop() {
		if _, err := d.Decode(data); err != nil {
			b.Fatal(err)
		}
	}
}
