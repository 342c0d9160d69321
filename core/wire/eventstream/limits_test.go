package eventstream_test

import (
	"io"
	"math"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"github.com/llmagg/llmagg/core/wire/eventstream"
)

// The limits hold for the same bytes however the reads split them.
func everyWay(stream string) map[string]io.Reader {
	return map[string]io.Reader{
		"whole":      strings.NewReader(stream),
		"one byte":   iotest.OneByteReader(strings.NewReader(stream)),
		"half":       iotest.HalfReader(strings.NewReader(stream)),
		"with error": iotest.DataErrReader(strings.NewReader(stream)),
	}
}

func TestEventLimit(t *testing.T) {
	x := func(n int) string { return strings.Repeat("x", n) }
	tests := []struct {
		name, stream string
		want         []event
		err          error
	}{
		{"at the limit", "data: " + x(14) + "\n\n", data(x(14)), io.EOF},
		{"past the limit", "data: a\n\ndata: " + x(15) + "\n\n", data("a"), eventstream.ErrEventTooLarge},
		{"past the limit without a line end", "data: " + x(15), nil, eventstream.ErrEventTooLarge},
		{"several lines", "data: 123456\ndata: 123456\n\n", data("123456\n123456"), io.EOF},
		{"several lines past the limit", "data: 123456\ndata: 123456\ndata: 78\n\n", nil, eventstream.ErrEventTooLarge},
		{"long comment", ":" + x(20) + "\n", nil, eventstream.ErrEventTooLarge},
		{"many comments in an event", "data: a\n" + strings.Repeat(":xx\n", 10_000) + "data: b\n\n", data("a\nb"), io.EOF},
		{"many events", strings.Repeat("data: a\n\n", 3), data("a", "a", "a"), io.EOF},
	}
	for _, tt := range tests {
		for way, r := range everyWay(tt.stream) {
			t.Run(tt.name+"/"+way, func(t *testing.T) {
				d := eventstream.NewDecoder(r, eventstream.Limits{EventBytes: 20})
				events, err := collect(d)
				require.Same(t, tt.err, err)
				require.Equal(t, tt.want, events)
				_, err = d.Next()
				require.Same(t, tt.err, err)
			})
		}
	}
}

func TestStreamLimit(t *testing.T) {
	const stream = "data: a\n\ndata: b\n\n"
	for limit, want := range map[int64][]event{
		1: nil, 8: nil, 9: data("a"), 10: data("a"), int64(len(stream)) - 1: data("a"),
	} {
		for way, r := range everyWay(stream) {
			events, err := collect(eventstream.NewDecoder(r, eventstream.Limits{StreamBytes: limit}))
			require.Same(t, eventstream.ErrStreamTooLarge, err, "%d %s", limit, way)
			require.Equal(t, want, events, "%d %s", limit, way)
		}
	}
	for _, limit := range []int64{int64(len(stream)), int64(len(stream)) + 1, math.MaxInt64} {
		for way, r := range everyWay(stream) {
			events, err := collect(eventstream.NewDecoder(r, eventstream.Limits{StreamBytes: limit, EventBytes: limit}))
			require.Same(t, io.EOF, err, "%d %s", limit, way)
			require.Equal(t, data("a", "b"), events, "%d %s", limit, way)
		}
	}
}

// An endless line ends at the default limit, with memory to match: the reader
// is never offered more room than that.
func TestEndlessLine(t *testing.T) {
	var taken int64
	d := eventstream.NewDecoder(iotestFunc(func(p []byte) (int, error) {
		for i := range p {
			p[i] = 'x'
		}
		taken += int64(len(p))
		return len(p), nil
	}), eventstream.Limits{})
	_, err := d.Next()
	require.ErrorIs(t, err, eventstream.ErrEventTooLarge)
	require.LessOrEqual(t, taken, eventstream.DefaultEventBytes+4<<10)
}

func TestEndlessComments(t *testing.T) {
	comments := strings.Repeat(": keep-alive\n\n", 1000)
	d := eventstream.NewDecoder(iotestFunc(func(p []byte) (int, error) {
		require.LessOrEqual(t, len(p), 4<<10, "comments make no buffer grow")
		return copy(p, comments), nil
	}), eventstream.Limits{StreamBytes: 1 << 20})
	_, err := d.Next()
	require.ErrorIs(t, err, eventstream.ErrStreamTooLarge)
}

// One 10 MB event, in pieces as a socket gives them, and in many lines.
func TestBigEvent(t *testing.T) {
	big := strings.Repeat("0123456789", 1<<20)
	stream := "data: a\n\ndata: " + big + "\n\ndata: b\n\n"
	var chunks []string
	for rest := stream; rest != ""; {
		n := min(len(rest), 16<<10)
		chunks, rest = append(chunks, rest[:n]), rest[n:]
	}
	require.Equal(t, data("a", big, "b"), decode(t, &chunkReader{chunks: chunks, err: io.EOF}))

	lines := strings.Repeat("data: 0123456789\n", 1<<18)
	events := decode(t, strings.NewReader(lines+"\n"))
	require.Len(t, events, 1)
	require.Equal(t, strings.TrimSuffix(strings.Repeat("0123456789\n", 1<<18), "\n"), events[0].Data)
}
