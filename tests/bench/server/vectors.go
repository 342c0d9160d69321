package main

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// dimensions of each vector, as many as OpenAI's smaller models give.
const dimensions = 1536

// vectors are whole answers, by how many vectors they have and in which form;
// one thread uses them.
var vectors = map[string][]byte{}

// embeddings is the answer to a request for vectors: one for each "text …", in
// base64 where it is asked for.
func embeddings(body []byte) []byte {
	n, form := bytes.Count(body, []byte(`"text `)), "float"
	if bytes.Contains(body, []byte(`"base64"`)) {
		form = "base64"
	}
	key := form + strconv.Itoa(n)
	if vectors[key] == nil {
		answer := vectorsOf(n, form)
		vectors[key] = append(fmt.Appendf(nil, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n", len(answer)), answer...)
	}
	return vectors[key]
}

func vectorsOf(n int, form string) string {
	var b strings.Builder
	b.WriteString(`{"object":"list","data":[`)
	numbers := make([]string, dimensions)
	raw := make([]byte, 0, 4*dimensions)
	for i := range n {
		raw = raw[:0]
		for k := range dimensions {
			x := float32(math.Sin(float64(i*dimensions+k))) / 40
			raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(x))
			numbers[k] = strconv.FormatFloat(float64(x), 'g', -1, 32)
		}
		vector := "[" + strings.Join(numbers, ",") + "]"
		if form == "base64" {
			vector = `"` + base64.StdEncoding.EncodeToString(raw) + `"`
		}
		if i > 0 {
			b.WriteString(",")
		}
		fmt.Fprintf(&b, `{"object":"embedding","index":%d,"embedding":%s}`, i, vector)
	}
	fmt.Fprintf(&b, `],"model":"bench-1","usage":{"prompt_tokens":%d,"total_tokens":%d}}`, 4*n, 4*n)
	return b.String()
}
