package jsontext

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Every byte at every place of a text is found, or passed over, whatever
// stands around it.
func TestEveryByteOfATextIsLookedAt(t *testing.T) {
	for _, around := range []string{"a", "\xff", " ", "!", "#", "[", "]", "\x7f", "\x80", "\xa2", "\xdc"} {
		for length := range 20 {
			for at := range length {
				for c := range 256 {
					text := []byte(strings.Repeat(around, length))
					text[at] = byte(c)
					want := length
					if c < 0x20 || c == '"' || c == '\\' {
						want = at
					}
					if plainLength(text) != want {
						require.Equal(t, want, plainLength(text), "%q", text)
					}
				}
			}
		}
	}
}

func BenchmarkText(b *testing.B) {
	text := strings.Repeat("A circuit breaker watches the calls to one provider. ", 8)
	quoted := AppendText(nil, text)
	b.Run("read", func(b *testing.B) {
		for b.Loop() {
			r := Reader{Data: quoted}
			r.Skip()
		}
	})
	b.Run("write", func(b *testing.B) {
		var room []byte
		for b.Loop() {
			room = AppendText(room[:0], text)
		}
	})
}
