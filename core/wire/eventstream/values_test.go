package eventstream

import (
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/llmagg/llmagg/tests/lineartime"
	"github.com/stretchr/testify/require"
)

// values are what a ValueReader makes of a stream, and its error.
func values(in io.Reader, limits Limits) (all []string, err error) {
	v := NewValueReader(in, limits.WithDefaults(), nil)
	for {
		e, err := v.Next()
		if err != nil {
			return all, err
		}
		all = append(all, string(e.Data))
	}
}

// However the bytes come, the values are the same, and none is lost but white
// space and what separates them.
func FuzzValues(f *testing.F) {
	f.Add("{\"a\":1}\n{\"a\":\"}\\\"{\"}\n")
	f.Add("[{\"a\":[1]},\r\n{\"b\":2}]")
	f.Add("\xef\xbb\xbf {\"a\":1} words {\"b\"")
	f.Add("[DONE]\n{}")
	f.Fuzz(func(t *testing.T, text string) {
		want, err := values(strings.NewReader(text), Limits{})
		require.Equal(t, io.EOF, err)
		got, err := values(iotest.OneByteReader(strings.NewReader(text)), Limits{})
		require.Equal(t, io.EOF, err)
		require.Equal(t, want, got)
		require.LessOrEqual(t, len(strings.Join(want, "")), len(text))
	})
}

// A line costs what its bytes cost, in however many reads it comes.
func TestValuesLinearTime(t *testing.T) {
	lineartime.Check(t, 1_000_000, func(n int) func() {
		text := `{"message":{"content":"` + strings.Repeat("a{", n) + `"}}` + "\n" + strings.Repeat("{}\n", n)
		return func() {
			all, err := values(iotest.HalfReader(strings.NewReader(text)), Limits{})
			require.Equal(t, io.EOF, err)
			require.Len(t, all, n+1)
		}
	})
}
