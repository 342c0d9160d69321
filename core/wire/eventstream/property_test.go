package eventstream_test

import (
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"github.com/llmagg/llmagg/core/wire/eventstream"
)

// randomStream strings together parts that are interesting beside each other.
func randomStream(random *rand.Rand) string {
	parts := []string{
		"\n", "\r", "\r\n", "\n\n", "\r\n\r\n", "data: ", "data", "data:", ":", ": ", " ", "event: ", "event", "id: ", "id", "retry: ", "x", "12",
		"\ufeff", "\xef", "\xbb", "\xbf", "\x00", "你好", "🙂", "[DONE]", `{"choices":[]}`, strings.Repeat("long ", 300), strings.Repeat("data: y\n", 100),
	}
	var b strings.Builder
	for range random.IntN(60) {
		b.WriteString(parts[random.IntN(len(parts))])
	}
	return b.String()
}

// split cuts stream at random places.
func split(random *rand.Rand, stream string) []string {
	var chunks []string
	longest := 1 + random.IntN(40)
	for stream != "" {
		n := min(1+random.IntN(longest), len(stream))
		chunks, stream = append(chunks, stream[:n]), stream[n:]
	}
	return chunks
}

// However a stream is split over reads, it has the same events, and they are
// those of the reference.
func TestSplitPointsDoNotMatter(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	var inputs []string
	for _, s := range streams {
		inputs = append(inputs, s.stream)
	}
	for range 2000 {
		inputs = append(inputs, randomStream(random))
	}
	for _, stream := range inputs {
		want := reference(stream)
		for name, r := range map[string]io.Reader{
			"whole":    strings.NewReader(stream),
			"one byte": iotest.OneByteReader(strings.NewReader(stream)),
			"half":     iotest.HalfReader(strings.NewReader(stream)),
			"data err": iotest.DataErrReader(strings.NewReader(stream)),
			"random":   &chunkReader{chunks: split(random, stream), err: io.EOF},
		} {
			events, err := collect(eventstream.NewDecoder(r, eventstream.Limits{}))
			require.Same(t, io.EOF, err, "%s of %q", name, stream)
			require.Equal(t, want, events, "%s of %q", name, stream)
		}
	}
}

// Every split of the small streams into two reads.
func TestEverySplitIntoTwo(t *testing.T) {
	for _, tt := range streams {
		for i := range len(tt.stream) + 1 {
			events := decode(t, &chunkReader{chunks: []string{tt.stream[:i], tt.stream[i:]}, err: io.EOF})
			require.Equal(t, tt.want, events, "%q | %q", tt.stream[:i], tt.stream[i:])
		}
	}
}

func FuzzDecoder(f *testing.F) {
	for i, s := range streams {
		f.Add([]byte(s.stream), uint64(i), int64(0))
		f.Add([]byte(s.stream), uint64(i), int64(8))
	}
	f.Fuzz(func(t *testing.T, stream []byte, seed uint64, limit int64) {
		limits := eventstream.Limits{EventBytes: limit, StreamBytes: 4 * limit}
		whole, wholeErr := collect(eventstream.NewDecoder(strings.NewReader(string(stream)), limits))
		random := rand.New(rand.NewPCG(seed, 0))
		d := eventstream.NewDecoder(&chunkReader{chunks: split(random, string(stream)), err: io.EOF}, limits)
		read := int64(0)
		d.OnRead = func(n int) { read += int64(n) }
		events, err := collect(d)
		require.Same(t, wholeErr, err)
		require.Equal(t, whole, events)
		switch {
		case limit <= 0 || limit > 1<<20:
			require.Same(t, io.EOF, err)
			require.Equal(t, reference(string(stream)), events)
		default:
			require.LessOrEqual(t, read, 4*limit+1)
			for _, e := range events {
				require.LessOrEqual(t, int64(len(e.Data)), limit)
			}
		}
	})
}
