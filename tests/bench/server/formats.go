package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"strconv"
	"strings"
)

// answer is what one wire format answers: the same text as OpenAI's, whole and
// as a stream of as many words.
type answer struct {
	suffixes []string // of the paths of whole answers
	whole    []byte
	streams  []string // suffixes of the paths of streams; none: the body says
	stream   []byte
}

var formats = []answer{anthropicAnswer(), geminiAnswer(), bedrockAnswer(), ollamaAnswer(), responsesAnswer(), azureAnswer()}

// formatted is the answer of the wire format that a path belongs to, nil if it
// belongs to none.
func formatted(path string, body []byte) []byte {
	path, _, _ = strings.Cut(path, "?")
	for i := range formats {
		f := &formats[i]
		for _, suffix := range f.streams {
			if strings.HasSuffix(path, suffix) {
				return f.stream
			}
		}
		for _, suffix := range f.suffixes {
			if !strings.HasSuffix(path, suffix) {
				continue
			}
			if len(f.streams) == 0 && wantsStream(body) {
				return f.stream
			}
			return f.whole
		}
	}
	return nil
}

func wholeHTTP(body string) []byte {
	return []byte("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-Request-Id: req_bench\r\nContent-Length: " +
		strconv.Itoa(len(body)) + "\r\n\r\n" + body)
}

func streamOf(kind string, events ...string) []byte {
	return []byte(strings.Replace(streamHead, "text/event-stream", kind, 1) + chunked(events...) + lastChunk)
}

// eachWord makes an event of each word of a stream.
func eachWord(event func(word string) string) []string {
	text := strings.Fields(answerText)
	list := make([]string, words)
	for i := range list {
		list[i] = event(" " + text[i%len(text)])
	}
	return list
}

func framed(first []string, middle []string, last ...string) []string {
	return append(append(first, middle...), last...)
}

func anthropicAnswer() answer {
	const head = `{"id":"msg_9x7Kq2mZr4","type":"message","role":"assistant","model":"bench-1","content":[`
	event := func(name, fields string) string {
		return "event: " + name + "\ndata: {\"type\":\"" + name + `"` + fields + "}\n\n"
	}
	return answer{
		suffixes: []string{"/v1/messages"},
		whole: wholeHTTP(head + `{"type":"text","text":"` + answerText + `"}],"stop_reason":"end_turn","stop_sequence":null,` +
			`"usage":{"input_tokens":42,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":64}}`),
		stream: streamOf("text/event-stream", framed([]string{
			event("message_start", `,"message":`+head+`],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":42,"output_tokens":1}}`),
			event("content_block_start", `,"index":0,"content_block":{"type":"text","text":""}`),
		}, eachWord(func(word string) string {
			return event("content_block_delta", `,"index":0,"delta":{"type":"text_delta","text":"`+word+`"}`)
		}), event("content_block_stop", `,"index":0`),
			event("message_delta", `,"delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":200}`),
			event("message_stop", ""))...),
	}
}

func geminiAnswer() answer {
	body := func(text, finish string) string {
		return `{"candidates":[{"content":{"parts":[{"text":"` + text + `"}],"role":"model"}` + finish + `,"index":0}],` +
			`"usageMetadata":{"promptTokenCount":42,"candidatesTokenCount":64,"totalTokenCount":106},"modelVersion":"bench-1","responseId":"9x7Kq2mZr4"}`
	}
	event := func(word string) string { return "data: " + body(word, "") + "\r\n\r\n" }
	return answer{
		suffixes: []string{":generateContent"},
		whole:    wholeHTTP(body(answerText, `,"finishReason":"STOP"`)),
		streams:  []string{":streamGenerateContent"},
		stream:   streamOf("text/event-stream", framed(nil, eachWord(event), "data: "+body("", `,"finishReason":"STOP"`)+"\r\n\r\n")...),
	}
}

func ollamaAnswer() answer {
	line := func(text, end string) string {
		return `{"model":"bench-1","created_at":"2026-01-01T00:00:00.5Z","message":{"role":"assistant","content":"` + text + `"},"done":` + end + "}\n"
	}
	const end = `true,"done_reason":"stop","total_duration":1500000,"prompt_eval_count":42,"eval_count":64`
	return answer{
		suffixes: []string{"/api/chat"},
		whole:    wholeHTTP(line(answerText, end)),
		stream: streamOf("application/x-ndjson",
			framed(nil, eachWord(func(word string) string { return line(word, "false") }), line("", end))...),
	}
}

func responsesAnswer() answer {
	response := func(status, output, usage string) string {
		return `{"id":"resp_9x7Kq2mZr4","object":"response","created_at":1767225600,"status":"` + status + `","error":null,"incomplete_details":null,` +
			`"model":"bench-1","output":[` + output + `],"parallel_tool_calls":true,"tool_choice":"auto","tools":[],"usage":` + usage + `}`
	}
	part := func(text string) string {
		return `{"type":"output_text","text":"` + text + `","annotations":[],"logprobs":[]}`
	}
	message := func(status, content string) string {
		return `{"id":"msg_9x7","type":"message","status":"` + status + `","role":"assistant","content":[` + content + `]}`
	}
	number := -1
	event := func(name, fields string) string {
		number++
		return fmt.Sprintf("event: response.%s\ndata: {\"type\":\"response.%s\",\"sequence_number\":%d,%s}\n\n", name, name, number, fields)
	}
	const at = `"item_id":"msg_9x7","output_index":0,"content_index":0,`
	usage := `{"input_tokens":42,"input_tokens_details":{"cached_tokens":0},"output_tokens":64,"output_tokens_details":{"reasoning_tokens":0},"total_tokens":106}`
	var text strings.Builder
	stream := []string{
		event("created", `"response":`+response("in_progress", "", "null")),
		event("in_progress", `"response":`+response("in_progress", "", "null")),
		event("output_item.added", `"output_index":0,"item":`+message("in_progress", "")),
		event("content_part.added", at+`"part":`+part("")),
	}
	stream = append(stream, eachWord(func(word string) string {
		text.WriteString(word)
		return event("output_text.delta", at+`"delta":"`+word+`","logprobs":[]`)
	})...)
	said := message("completed", part(text.String()))
	stream = append(stream,
		event("output_text.done", at+`"text":"`+text.String()+`","logprobs":[]`),
		event("content_part.done", at+`"part":`+part(text.String())),
		event("output_item.done", `"output_index":0,"item":`+said),
		event("completed", `"response":`+response("completed", said, usage)))
	return answer{
		suffixes: []string{"/responses"},
		whole:    wholeHTTP(response("completed", message("completed", part(answerText)), usage)),
		stream:   streamOf("text/event-stream", stream...),
	}
}

// azureAnswer is OpenAI's under Azure's paths.
func azureAnswer() answer {
	return answer{suffixes: []string{"/openai/v1/chat/completions", "/openai/deployments/bench-1/chat/completions"}, whole: completionHTTP, stream: streamHTTP}
}

func bedrockAnswer() answer {
	delta := func(word string) string {
		return frame("contentBlockDelta", `{"contentBlockIndex":0,"delta":{"text":"`+word+`"},"p":"abcdefgh"}`)
	}
	const usage = `"metrics":{"latencyMs":1},"usage":{"inputTokens":42,"outputTokens":64,"totalTokens":106}`
	return answer{
		suffixes: []string{"/converse"},
		whole:    wholeHTTP(`{"output":{"message":{"role":"assistant","content":[{"text":"` + answerText + `"}]}},"stopReason":"end_turn",` + usage + `}`),
		streams:  []string{"/converse-stream"},
		stream: streamOf("application/vnd.amazon.eventstream", framed([]string{frame("messageStart", `{"role":"assistant","p":"abcdefgh"}`)}, eachWord(delta),
			frame("contentBlockStop", `{"contentBlockIndex":0,"p":"abcdefgh"}`),
			frame("messageStop", `{"stopReason":"end_turn","p":"abcdefgh"}`), frame("metadata", `{`+usage+`}`))...),
	}
}

// frame is one message of AWS's binary event stream: lengths, their checksum,
// headers, payload, checksum of all.
func frame(kind, payload string) string {
	var headers bytes.Buffer
	for _, h := range [][2]string{{":event-type", kind}, {":content-type", "application/json"}, {":message-type", "event"}} {
		headers.WriteByte(byte(len(h[0])))
		headers.WriteString(h[0])
		headers.WriteByte(7) // a string
		_ = binary.Write(&headers, binary.BigEndian, uint16(len(h[1])))
		headers.WriteString(h[1])
	}
	b := binary.BigEndian.AppendUint32(nil, uint32(16+headers.Len()+len(payload)))
	b = binary.BigEndian.AppendUint32(b, uint32(headers.Len()))
	b = binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b))
	b = append(append(b, headers.Bytes()...), payload...)
	if !json.Valid([]byte(payload)) {
		panic("server: an event that is no JSON: " + payload)
	}
	return string(binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b)))
}
