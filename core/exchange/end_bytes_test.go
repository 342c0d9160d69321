package exchange

import (
	"errors"
	"io"
	"regexp"
	"strings"
	"testing"

	"github.com/llmagg/llmagg/core/wire/eventstream"
	"github.com/stretchr/testify/require"
)

// countsPieces are the streams whose last piece has the next number behind at
// most one other: where one choice was asked for, it is a piece of that one.
var countsPieces = regexp.MustCompile(`^[gu]*(r[rgu]*(a[rgu]*)?|a[rgu]*)[cF][gu]*[D.!_{E]$`)

// The same with the bytes of each format, up to four steps, and with something
// behind [DONE].
func TestBytesEndAsTheClausesSay(t *testing.T) {
	n := 4
	if testing.Short() || raceDetector {
		n = 3
	}
	for name := range modelJSON {
		w := modelWires[name]
		t.Run(name, func(t *testing.T) {
			sequences(n, "abcfrug", func(kinds string) bool {
				if strings.ContainsRune(kinds, rune(hang)) {
					return true
				}
				counted := name == "openai" && countsPieces.MatchString(kinds)
				read := kinds
				if counted {
					read = strings.NewReplacer("c", "a", "F", "f").Replace(kinds)
				}
				want, whole := byTheClauses(1, false, read)
				for _, behind := range []string{"", "a", "{", "g", "D"} {
					body := &scripted{kinds: kinds, source: eventstream.NewDecoder(bodyOf(name, kinds+behind), eventstream.Limits{})}
					got, complete := body.read(w, 1, w.Ending())
					if counted {
						got = strings.ReplaceAll(got, "c", "a")
					}
					require.Equal(t, want, got, "%s", kinds+behind)
					require.Equal(t, whole, complete, "%s", kinds+behind)
					if !strings.HasSuffix(kinds, "D") {
						break
					}
				}
				return true
			})
		})
	}
}

// bodyOf writes what a server sends.
func bodyOf(format, kinds string) io.Reader {
	var body strings.Builder
	for _, k := range []byte(kinds) {
		switch kind(k) {
		case eof:
			return strings.NewReader(body.String())
		case reset:
			return io.MultiReader(strings.NewReader(body.String()), resetBody{})
		case garbage:
			body.WriteString(strings.Repeat("data: garbage\n\n", 4))
		default:
			body.WriteString("data: " + modelJSON[format][kind(k)] + "\n\n")
		}
	}
	return strings.NewReader(body.String())
}

// resetBody is a body whose connection has been reset.
type resetBody struct{}

func (resetBody) Read([]byte) (int, error) { return 0, errors.New("connection reset by peer") }

var modelJSON = map[string]map[kind]string{
	"openai": {
		text: `{"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":"null"}]}`, both: `{"choices":[{"index":0,"delta":{"content":"b"},"finish_reason":"stop"}],"usage":{}}`,
		other: `{"choices":[{"index":1,"delta":{"content":"c"}}]}`, role: `{"choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}`,
		finish: `{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}`, otherEnds: `{"choices":[{"index":1,"delta":{},"finish_reason":"stop"}]}`,
		usage: `{"choices":[],"usage":{"total_tokens":3}}`, done: "[DONE]", halved: `{"choices":[{"index":0`, failing: `{"error":{"message":"x"}}`},
	"gemini": {
		text: `{"candidates":[{"content":{"parts":[{"text":"a"}]},"finishReason":""}]}`, both: `{"candidates":[{"content":{"parts":[{"text":"b"}]},"finishReason":"STOP"}],"usageMetadata":{}}`,
		other: `{"candidates":[{"index":1,"content":{"parts":[{"text":"c"}]}}]}`, role: `{"candidates":[{"content":{"role":"model"}}]}`,
		finish: `{"candidates":[{"finishReason":"STOP"}]}`, otherEnds: `{"candidates":[{"index":1,"finishReason":"STOP"}]}`,
		usage: `{"usageMetadata":{"totalTokenCount":3}}`, done: "[DONE]", halved: `{"candidates":[{`, failing: `{"error":{"code":503,"message":"x"}}`},
}
