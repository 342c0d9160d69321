package eventstream_test

import (
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/llmagg/llmagg/core/wire/eventstream"
)

func data(values ...string) []event {
	var events []event
	for _, v := range values {
		events = append(events, event{Data: v})
	}
	return events
}

// streams are used by the table test, by the property tests and as seeds of the
// fuzz target.
var streams = []struct {
	name, stream string
	want         []event
}{
	{"empty", "", nil},
	{"blank lines only", "\n\r\n\r\r\n\n", nil},
	{"one event", "data: hello\n\n", data("hello")},
	{"LF", "data: a\n\ndata: b\n\n", data("a", "b")},
	{"CRLF", "data: a\r\n\r\ndata: b\r\n\r\n", data("a", "b")},
	{"CR", "data: a\r\rdata: b\r\r", data("a", "b")},
	{"mixed line ends", "data: a\r\n\rdata: b\n\r\ndata: c\r\ndata: d\n\r", data("a", "b", "c\nd")},
	{"LF CR is two line ends", "data: a\n\rdata: b\n\r", data("a", "b")},
	{"multi-line data", "data: YHOO\ndata: +2\ndata: 10\n\n", data("YHOO\n+2\n10")},
	{"multi-line data around other fields", "data: a\n: c\nevent: e\ndata: b\nunknown: x\ndata: c\n\n", []event{{Type: "e", Data: "a\nb\nc"}}},
	{"empty data lines", "data\n\ndata\ndata\n\ndata:", data("", "\n", "")},
	{"empty data with colon", "data:\ndata: \ndata:x\n\n", data("\n\nx")},
	{"only one space is dropped", "data:a\n\ndata: b\n\ndata:  c\n\ndata:\td\n\n", data("a", "b", " c", "\td")},
	{"colons in values", "data: a:b: c\n\ndata::d\n\n", data("a:b: c", ":d")},
	{"comments", ": keep-alive\n\n:\n\ndata: a\n:x\n\n: OPENROUTER PROCESSING\n\n", data("a")},
	{"unknown fields", "foo\nfoo: bar\ndatax: y\nDATA: z\n data: w\ndata : v\ndata: a\n\n", data("a")},
	{"event type", "event: message_start\ndata: {}\n\ndata: b\n\nevent: message_start\ndata: {}\n\n",
		[]event{{Type: "message_start", Data: "{}"}, {Data: "b"}, {Type: "message_start", Data: "{}"}}},
	{"last type wins", "event: a\nevent: b\ndata: x\n\nevent: a\nevent:\ndata: y\n\n", []event{{Type: "b", Data: "x"}, {Data: "y"}}},
	{"event without data is forgotten", "event: ping\n\ndata: a\n\n", data("a")},
	{"ids stay", "id: 1\ndata: a\n\ndata: b\n\nid\ndata: c\n\nid: 2\n\ndata: d\n\n",
		[]event{{ID: "1", Data: "a"}, {ID: "1", Data: "b"}, {Data: "c"}, {ID: "2", Data: "d"}}},
	{"id with NUL is ignored", "id: 1\nid: a\x00b\ndata: a\n\n", []event{{ID: "1", Data: "a"}}},
	{"retry", "retry: 1500\ndata: a\n\nretry: 2s\nretry:\nretry: -1\ndata: b\n\n",
		[]event{{Data: "a", Retry: 1500 * time.Millisecond}, {Data: "b", Retry: 1500 * time.Millisecond}}},
	{"huge retry", "retry: 99999999999999999999999999\ndata: a\n\n",
		[]event{{Data: "a", Retry: 922337203685 * time.Millisecond}}},
	{"no blank line at the end", "data: a\n\ndata: b\n", data("a", "b")},
	{"no line end at the end", "data: a\n\ndata: b", data("a", "b")},
	{"no line end after two lines", "data: a\ndata: b", data("a\nb")},
	{"ends in CR", "data: a\r", data("a")},
	{"ends in a comment", "data: a\n: bye", data("a")},
	{"ends in a type", "event: a", nil},
	{"characters", "data: grüße 你好 🙂\n\n", data("grüße 你好 🙂")},
	{"bytes that are not UTF-8", "data: \xff\xc3\n\n", data("\xff\xc3")},
	{"NUL", "data: a\x00b\n\n", data("a\x00b")},
	{"line separators of Unicode are text", "data: a\u2028b\u0085c\vd\fe\n\n", data("a\u2028b\u0085c\vd\fe")},
	{"answer", "data: {\"choices\":[]}\n\n: ping\n\ndata: [DONE]\n\n", data(`{"choices":[]}`, "[DONE]")},
}

func TestDecoder(t *testing.T) {
	for _, tt := range streams {
		t.Run(tt.name, func(t *testing.T) {
			require.Equal(t, tt.want, decode(t, strings.NewReader(tt.stream)))
			require.Equal(t, tt.want, reference(tt.stream), "the reference differs from the table")
		})
	}
}

// A line that ends in CR is complete: its event must not wait for the byte
// after it.
func TestEventIsDeliveredAsSoonAsItIsComplete(t *testing.T) {
	for _, end := range []string{"\n\n", "\r\n\r\n", "\r\r", "\r\n\r", "\n\r"} {
		stream := &chunkReader{chunks: []string{"data: a" + end}, err: io.EOF}
		reads := 0
		d := eventstream.NewDecoder(iotestFunc(func(p []byte) (int, error) { reads++; return stream.Read(p) }), eventstream.Limits{})
		e, err := d.Next()
		require.NoError(t, err)
		require.Equal(t, "a", string(e.Data))
		require.Equal(t, 1, reads, "%q", end)
	}
}

type iotestFunc func(p []byte) (int, error)

func (f iotestFunc) Read(p []byte) (int, error) { return f(p) }

func TestReadErrorDropsTheUnfinishedEvent(t *testing.T) {
	for _, together := range []bool{false, true} {
		for _, rest := range []string{"", "data: b", "data: b\n", "event: x\ndata: b\ndata: c\n"} {
			for _, broken := range []error{errBroken, io.ErrUnexpectedEOF} {
				d := eventstream.NewDecoder(&chunkReader{chunks: []string{"data: a\n\n" + rest}, err: broken, together: together}, eventstream.Limits{})
				events, err := collect(d)
				require.Equal(t, data("a"), events)
				require.Same(t, broken, err)
				_, err = d.Next()
				require.Same(t, broken, err, "an error is final")
			}
		}
	}
}

func TestEndIsFinal(t *testing.T) {
	d := eventstream.NewDecoder(iotest.DataErrReader(strings.NewReader("data: a")), eventstream.Limits{})
	e, err := d.Next()
	require.NoError(t, err)
	require.Equal(t, "a", string(e.Data))
	for range 3 {
		_, err = d.Next()
		require.Same(t, io.EOF, err)
	}
}

func TestReaderThatMakesNoProgress(t *testing.T) {
	d := eventstream.NewDecoder(iotestFunc(func([]byte) (int, error) { return 0, nil }), eventstream.Limits{})
	_, err := d.Next()
	require.ErrorIs(t, err, io.ErrNoProgress)
}

func TestOnReadCountsEveryByteAndComment(t *testing.T) {
	chunks := []string{": ping\n\n", ": p", "ing\n\n", "data: a\n", "\n"}
	d := eventstream.NewDecoder(&chunkReader{chunks: append([]string(nil), chunks...), err: io.EOF}, eventstream.Limits{})
	var reads []int
	d.OnRead = func(n int) { reads = append(reads, n) }
	_, err := d.Next()
	require.NoError(t, err)
	require.Equal(t, []int{8, 3, 5, 8, 1}, reads)
}

// The event's data may be changed, and appended to, without harm to the events
// behind it.
func TestDataIsTheCallersUntilNext(t *testing.T) {
	d := eventstream.NewDecoder(strings.NewReader("data: a\ndata: b\n\ndata: c\n\n"), eventstream.Limits{})
	e, err := d.Next()
	require.NoError(t, err)
	clear(e.Data)
	_ = append(e.Data, "data: x\n\n"...)
	e, err = d.Next()
	require.NoError(t, err)
	require.Equal(t, "c", string(e.Data))
}

// A blank line inside of an object does not end its event, but where the next
// event begins behind it, the object was cut. Reads may split it anywhere.
func TestBlankLinesInsideOfAnObject(t *testing.T) {
	for stream, want := range map[string][]event{
		"data: {\n\n \"a\": 1\n\n}\n\ndata: x\n\n":              data("{\n \"a\": 1\n}", "x"),
		"data: {\n\n\n\ndata:  \"a\": 1\n: beat\n\ndata: }\n\n": data("{\n \"a\": 1\n}"),
		"{\n\n\t\"a\": {\n\n\t}\n\n}\n\nevent: e\ndata: x\n\n":  {{Data: "{\n\t\"a\": {\n\t}\n}"}, {Type: "e", Data: "x"}},
		"event: c\ndata: {\"a\": [\n\ndata: {\"b\": 1}\n\n":     {{Type: "c", Data: "{\"a\": ["}, {Data: "{\"b\": 1}"}},
		"data: {\"a\": [\n\n: beat\n\nevent: e\n{\"b\": 1}\n\n": {{Data: "{\"a\": ["}, {Type: "e", Data: "{\"b\": 1}"}},
		"data: {\"a\": [\n\n[DONE]\n\ndata: [DONE]\n\n":         data("{\"a\": [", "[DONE]"),
		"data: {\"a\": [\n\n":                                   data("{\"a\": ["),
	} {
		for _, end := range []string{"\n", "\r\n", "\r"} {
			for name, in := range everyWay(strings.ReplaceAll(stream, "\n", end)) {
				d := eventstream.NewDecoder(in, eventstream.Limits{})
				d.Bare = true
				events, err := collect(d)
				require.Same(t, io.EOF, err)
				require.Equal(t, want, events, "%s %q %q", name, end, stream)
			}
		}
	}
}

// Each line of an object is joined as it came, also where the buffer has been
// moved between two of them: none has a field name that made room for the end
// of the line before it.
func TestLongObjectsOverSeveralLines(t *testing.T) {
	text := "{" + strings.Repeat("\n\"abc\":\n1,", 2000) + "\n\"d\":1\n}"
	for name, in := range everyWay(text + "\n\ndata: x\n\n") {
		d := eventstream.NewDecoder(in, eventstream.Limits{})
		d.Bare = true
		events, err := collect(d)
		require.Same(t, io.EOF, err)
		require.Equal(t, data(text, "x"), events, name)
	}
}

// Servers write an object over several lines, with or without a field name
// before the first.
func TestAnObjectOverSeveralLinesIsOneEvent(t *testing.T) {
	for _, first := range []string{"", "data: "} {
		for _, end := range []string{"\n", "\r\n"} {
			text := strings.ReplaceAll("data: {\"a\":1}\n\n"+first+"{\n  \"error\": {\n    \"message\": \"no } room\",\n    \"code\": 429\n  }\n}\n\ndata: [DONE]\n\n", "\n", end)
			d := eventstream.NewDecoder(iotest.OneByteReader(strings.NewReader(text)), eventstream.Limits{})
			d.Bare = true
			for _, want := range []string{`{"a":1}`, "{\n  \"error\": {\n    \"message\": \"no } room\",\n    \"code\": 429\n  }\n}", "[DONE]"} {
				event, err := d.Next()
				require.NoError(t, err)
				require.Equal(t, want, string(event.Data))
			}
		}
	}
}
