package exchange

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// countsPieces are the streams whose last piece has the next number behind at
// most one other: where one choice was asked for, it is a piece of that one.
var countsPieces = regexp.MustCompile(`^[gu]*(r[rgu]*(a[rgu]*)?|a[rgu]*)[cF][gu]*[D.!_{E]$`)

// wireBytes is how a format's server writes what it does.
type wireBytes struct {
	onward string // what it may do before the end
	events map[kind]string
	write  func(event string) string
	// reads is the same stream for the clauses, where a format says two things
	// at once; nil for as it is.
	reads func(kinds string) string
}

func line(event string) string { return event + "\n" }

func data(event string) string { return "data: " + event + "\n\n" }

// frame is a message of AWS's binary form; event is its type, a blank and its
// payload. What is no message cannot be written so.
func frame(event string) string {
	name, payload, _ := strings.Cut(event, " ")
	var headers []byte
	for _, h := range [][2]string{{":event-type", name}, {":message-type", "event"}} {
		headers = append(append(append(headers, byte(len(h[0]))), h[0]...), 7)
		headers = append(binary.BigEndian.AppendUint16(headers, uint16(len(h[1]))), h[1]...)
	}
	out := binary.BigEndian.AppendUint32(nil, uint32(16+len(headers)+len(payload)))
	out = binary.BigEndian.AppendUint32(out, uint32(len(headers)))
	out = binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(out))
	out = append(append(out, headers...), payload...)
	return string(binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(out)))
}

// unmarked is a stream whose mark counts only behind its reason: without one it
// is no word about the end.
func unmarked(kinds string) string {
	if before, found := strings.CutSuffix(kinds, "D"); found && !strings.ContainsAny(before, "fb") {
		return before + "."
	}
	return kinds
}

var modelBytes = map[string]wireBytes{
	"openai": {"abcfrug", map[kind]string{
		text: `{"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":"null"}]}`, both: `{"choices":[{"index":0,"delta":{"content":"b"},"finish_reason":"stop"}],"usage":{}}`,
		other: `{"choices":[{"index":1,"delta":{"content":"c"}}]}`, role: `{"choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}`,
		finish: `{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}`, otherEnds: `{"choices":[{"index":1,"delta":{},"finish_reason":"stop"}]}`,
		usage: `{"choices":[],"usage":{"total_tokens":3}}`, done: "[DONE]", halved: `{"choices":[{"index":0`, failing: `{"error":{"message":"x"}}`}, data,
		func(kinds string) string {
			if countsPieces.MatchString(kinds) {
				return strings.NewReplacer("c", "a", "F", "f").Replace(kinds)
			}
			return kinds
		}},
	"gemini": {"abcfrug", map[kind]string{
		text: `{"candidates":[{"content":{"parts":[{"text":"a"}]},"finishReason":""}]}`, both: `{"candidates":[{"content":{"parts":[{"text":"b"}]},"finishReason":"STOP"}],"usageMetadata":{}}`,
		other: `{"candidates":[{"index":1,"content":{"parts":[{"text":"c"}]}}]}`, role: `{"candidates":[{"content":{"role":"model"}}]}`,
		finish: `{"candidates":[{"finishReason":"STOP"}]}`, otherEnds: `{"candidates":[{"index":1,"finishReason":"STOP"}]}`,
		usage: `{"usageMetadata":{"totalTokenCount":3}}`, done: "[DONE]", halved: `{"candidates":[{`, failing: `{"error":{"code":503,"message":"x"}}`}, data, nil},
	"anthropic": {"afrug", map[kind]string{
		text: `{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"a"}}`, role: `{"type":"message_start","message":{"role":"assistant"}}`,
		finish: `{"type":"message_delta","delta":{"stop_reason":"end_turn"}}`, usage: `{"type":"ping"}`, done: `{"type":"message_stop"}`,
		halved: `{"type":"content_block_delta","index":0`, failing: `{"type":"error","error":{"type":"overloaded_error","message":"x"}}`}, data, nil},
	"bedrock": {"afr", map[kind]string{
		text: `contentBlockDelta {"contentBlockIndex":0,"delta":{"text":"a"}}`, role: `messageStart {"role":"assistant"}`,
		finish: `messageStop {"stopReason":"end_turn"}`, done: `metadata {"usage":{"inputTokens":1,"outputTokens":1,"totalTokens":2}}`,
		halved: `contentBlockDelta {"contentBlockIndex":0`, failing: `internalServerException {"message":"x"}`}, frame,
		func(kinds string) string {
			if stop := strings.IndexByte(kinds, 'f'); stop >= 0 { // another answer that begins before the first has ended
				kinds = kinds[:stop] + strings.ReplaceAll(kinds[stop:], "r", "{")
			}
			return unmarked(kinds)
		}},
	"ollama": {"abfrg", map[kind]string{
		text: `{"message":{"role":"assistant","content":"a"},"done":false}`, both: `{"message":{"content":"b"},"done":true,"done_reason":"stop"}`,
		role: `{"message":{"role":"assistant","content":""},"done":false}`, finish: `{"message":{"content":""},"done":true,"done_reason":"stop"}`,
		done: "[DONE]", halved: `{"message":{"content":`, failing: `{"error":"x"}`}, line, unmarked},
	"responses": {"arug", map[kind]string{
		text: `{"type":"response.output_text.delta","output_index":0,"content_index":0,"delta":"a"}`, role: `{"type":"response.created","response":{"id":"r"}}`,
		usage: `{"type":"keepalive"}`, done: `{"type":"response.completed","response":{"status":"completed"}}`,
		halved: `{"type":"response.output_text.delta","delta`, failing: `{"type":"error","code":"server_error","message":"x"}`}, data,
		func(kinds string) string { return strings.Replace(kinds, "D", "fD", 1) }},
}

// The same with the bytes of each format, up to four steps, and with something
// behind the mark of the end.
func TestBytesEndAsTheClausesSay(t *testing.T) {
	n := 4
	if testing.Short() || raceDetector {
		n = 3
	}
	for name, w := range modelBytes {
		format := modelWires[name]
		t.Run(name, func(t *testing.T) {
			sequences(n, w.onward, func(kinds string) bool {
				if strings.ContainsRune(kinds, rune(hang)) {
					return true
				}
				read := kinds
				if w.reads != nil {
					read = w.reads(kinds)
				}
				want, whole := byTheClauses(1, marked[name], read)
				for _, behind := range []string{"", "a", "{", "g", "D"} {
					if behind == "g" && !strings.Contains(w.onward, "g") {
						continue
					}
					got, complete := (&scripted{kinds: kinds, body: w.body(kinds + behind)}).read(format, 1, format.Ending())
					if read != kinds && name == "openai" {
						got = strings.ReplaceAll(got, "c", "a")
					}
					require.Equal(t, want, got, "%s", kinds+behind)
					require.Equal(t, whole, complete, "%s", kinds+behind)
					if !strings.HasSuffix(kinds, "D") || read[len(read)-1] != 'D' {
						break
					}
				}
				return true
			})
		})
	}
}

// body writes what a server sends.
func (w *wireBytes) body(kinds string) io.ReadCloser {
	var body strings.Builder
	for _, k := range []byte(kinds) {
		switch kind(k) {
		case eof:
		case reset:
			return io.NopCloser(io.MultiReader(strings.NewReader(body.String()), resetBody{}))
		case garbage:
			body.WriteString(strings.Repeat(w.write("garbage"), 4))
		default:
			body.WriteString(w.write(w.events[kind(k)]))
		}
	}
	return io.NopCloser(strings.NewReader(body.String()))
}

// resetBody is a body whose connection has been reset.
type resetBody struct{}

func (resetBody) Read([]byte) (int, error) { return 0, errors.New("connection reset by peer") }
