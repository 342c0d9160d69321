package main

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// What is answered; the same for every contestant and every call.
var (
	completion = []byte(`{"id":"chatcmpl-9x7Kq2mZr4","object":"chat.completion","created":1767225600,"model":"bench-1","choices":[{"index":0,` +
		`"message":{"role":"assistant","content":"` + answerText + `","refusal":null},"logprobs":null,"finish_reason":"stop"}],` +
		`"usage":{"prompt_tokens":42,"completion_tokens":64,"total_tokens":106},"system_fingerprint":"fp_bench"}`)
	completionHTTP = []byte("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-Request-Id: req_bench\r\nContent-Length: " +
		strconv.Itoa(len(completion)) + "\r\n\r\n" + string(completion))

	events     = streamEvents()
	streamHTTP = []byte(streamHead + chunked(events...) + lastChunk)

	notFound = []byte("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
	refused  = []byte("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
)

const (
	answerText = "A circuit breaker watches the calls to one provider. While they succeed it stays closed. When too many fail it opens, " +
		"and calls go elsewhere at once instead of waiting. After a pause it lets one probe through, and closes again if that succeeds. " +
		"So a provider that is down costs little, and one that is back is noticed."
	streamHead = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache\r\nX-Request-Id: req_bench\r\n" +
		"Transfer-Encoding: chunked\r\n\r\n"
	lastChunk = "0\r\n\r\n"
	done      = "data: [DONE]\n\n"

	words    = 200 // with the role's event and the last one: 202
	interval = 500 * time.Millisecond
)

func event(delta, finish, more string) string {
	return `data: {"id":"chatcmpl-9x7Kq2mZr4","object":"chat.completion.chunk","created":1767225600,"model":"bench-1",` +
		`"system_fingerprint":"fp_bench","choices":[{"index":0,"delta":` + delta + `,"logprobs":null,"finish_reason":` + finish + "}]" + more + "}\n\n"
}

var (
	firstEvent = event(`{"role":"assistant","content":""}`, "null", "")
	lastEvent  = event("{}", `"stop"`, `,"usage":{"prompt_tokens":42,"completion_tokens":200,"total_tokens":242}`)
)

func streamEvents() []string {
	list := []string{firstEvent}
	text := strings.Fields(answerText)
	for i := range words {
		list = append(list, event(`{"content":" `+text[i%len(text)]+`"}`, "null", ""))
	}
	return append(list, lastEvent, done)
}

// chunked gives each event a chunk of its own, as a server that flushes does.
func chunked(events ...string) string {
	var b strings.Builder
	for _, e := range events {
		fmt.Fprintf(&b, "%x\r\n%s\r\n", len(e), e)
	}
	return b.String()
}

// pacedEvent says which event of its stream it is and when it was sent, in
// nanoseconds of the wall clock.
func pacedEvent(number int) []byte {
	return []byte(chunked(event(fmt.Sprintf(`{"content":"%d %d"}`, number, time.Now().UnixNano()), "null", "")))
}

var pacedEnd = []byte(chunked(lastEvent, done) + lastChunk)

// wantsStream looks for the member without reading the JSON; the prompts of
// the contestants do not contain it.
func wantsStream(body []byte) bool {
	return bytes.Contains(body, []byte(`"stream":true`)) || bytes.Contains(body, []byte(`"stream": true`))
}
