package eventstream_test

import (
	"io"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/llmagg/llmagg/core/wire/eventstream"
)

// answer is a streamed answer as OpenAI sends it: 202 events.
func answer() string {
	var b strings.Builder
	for i := range 200 {
		b.WriteString(`data: {"id":"chatcmpl-AbC123","object":"chat.completion.chunk","created":1712345678,"model":"gpt-4o","system_fingerprint":"fp_1","choices":[{"index":0,"delta":{"content":" token` +
			strconv.Itoa(i) + "\"},\"logprobs\":null,\"finish_reason\":null}]}\n\n")
	}
	b.WriteString("data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n")
	return b.String()
}

func BenchmarkDecoder(b *testing.B) {
	for name, stream := range map[string]string{
		"LF": answer(), "CRLF": strings.ReplaceAll(answer(), "\n", "\r\n"), "CR": strings.ReplaceAll(answer(), "\n", "\r"),
	} {
		b.Run(name, func(b *testing.B) {
			r := strings.NewReader("")
			b.SetBytes(int64(len(stream)))
			b.ReportAllocs()
			for b.Loop() {
				r.Reset(stream)
				d := eventstream.NewDecoder(r, eventstream.Limits{})
				n := 0
				for {
					if _, err := d.Next(); err != nil {
						if err != io.EOF {
							b.Fatal(err)
						}
						break
					}
					n++
				}
				if n != 202 {
					b.Fatal(n)
				}
			}
		})
	}
}

// A decoder allocates itself and its buffers, and nothing for an event, those
// with types and several lines included.
func TestNoAllocationsForEvents(t *testing.T) {
	stream := "event: delta\ndata: a\n\nid: 5\nevent: delta\ndata: b\ndata: c\n\n" + answer()
	r := strings.NewReader("")
	allocs := testing.AllocsPerRun(20, func() {
		r.Reset(stream)
		d := eventstream.NewDecoder(r, eventstream.Limits{})
		for {
			if _, err := d.Next(); err != nil {
				break
			}
		}
	})
	// One for each: the decoder, its first buffer, the next, the first type of
	// the stream.
	require.LessOrEqual(t, allocs, 4.0)
}
