package eventstream_test

import (
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"github.com/llmagg/llmagg/core/wire/eventstream"
)

// The last line belongs to no object that was cut before it, with a line end
// behind it or without.
func TestTheLastLineIsNoPartOfACutObject(t *testing.T) {
	for _, end := range []string{"", "\n", "\n\n"} {
		d := eventstream.NewDecoder(strings.NewReader("data: {\"a\": 1}\n\ndata: {\"a\": \n\ndata: [DONE]"+end), eventstream.Limits{})
		d.Bare = true
		var all []string
		for {
			e, err := d.Next()
			if err == io.EOF {
				break
			}
			require.NoError(t, err)
			all = append(all, string(e.Data))
		}
		require.Equal(t, []string{`{"a": 1}`, `{"a": `, `[DONE]`}, all)
	}
}

// What stands between values is told whole: no byte of a character is taken
// for white space, however the reads cut it.
func TestWordsBetweenValuesAreWhole(t *testing.T) {
	const words = "“Service unavailable” said… À â"
	for _, text := range []string{words, "\u00a0\u2028\ufeff\u200b\u0085 \x00" + words, "{}\n\u00a0" + words} {
		for _, in := range []io.Reader{strings.NewReader(text), iotest.OneByteReader(strings.NewReader(text))} {
			v := eventstream.NewValueReader(in, eventstream.Limits{EventBytes: 1000, StreamBytes: 1000}, nil)
			var last string
			for {
				e, err := v.Next()
				if err == io.EOF {
					break
				}
				require.NoError(t, err)
				last = string(e.Data)
			}
			require.Equal(t, words, last)
		}
	}
}
