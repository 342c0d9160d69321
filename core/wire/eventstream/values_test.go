package eventstream

import (
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/require"
)

// values are what a ValueReader makes of a stream, and its error.
func values(in io.Reader, limits Limits) (all []string, err error) {
	v := NewValueReader(in, limits.withDefaults(), nil)
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
	took := func(n int) time.Duration {
		text := `{"message":{"content":"` + strings.Repeat("a{", n) + `"}}` + "\n" + strings.Repeat("{}\n", n)
		best := time.Hour
		for range 3 {
			began := time.Now()
			all, err := values(iotest.HalfReader(strings.NewReader(text)), Limits{})
			require.Equal(t, io.EOF, err)
			require.Len(t, all, n+1)
			best = min(best, time.Since(began))
		}
		return best
	}
	small := took(2_000)
	require.Less(t, took(32_000), 64*small+10*time.Millisecond, "16 times the bytes, from %v", small)
}
