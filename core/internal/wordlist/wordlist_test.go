package wordlist

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestHas(t *testing.T) {
	list := List("\nstop stopstop endstop aab\nlast ")
	for _, word := range list.Words() {
		require.True(t, list.Has(word), word)
	}
	for _, word := range []string{"", " ", "to", "end", "top", "ab", "aa", "stops", "stop stopstop", "aab\nlast", "last ", "\nstop"} {
		require.False(t, list.Has(word), "%q", word)
	}
	require.True(t, List("one").Has("one"))
	require.False(t, List("").Has("one"))
}

func TestFind(t *testing.T) {
	index := Index[int]{{1, "a b"}, {2, "c"}}
	value, known := index.Find("c")
	require.Equal(t, 2, value)
	require.True(t, known)
	value, known = index.Find("d")
	require.Zero(t, value)
	require.False(t, known)
}
