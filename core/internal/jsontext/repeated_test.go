package jsontext

import (
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A name that stands twice is found with its place, however it is written.
func TestRepeatedNames(t *testing.T) {
	for text, want := range map[string]string{
		`{"a":1,"a":2}`: " ", `{"a":{"b":1,"b":2}}`: "b a", `{"a":[{},{"c":{"b":1,"\u0062":2}}]}`: "b a[1].c", `{"a":{"b":{"c":1}},"b":{"c":1}}`: " ",
		`{"a":{"b":{"c":1},"b":1}}`: "b a", `{"a":[{"b":1},{"b":1}]}`: " ", `{"a":[[{"b":1,"b":1}]]}`: "b a[0][0]", `[1]`: " ", `{"a":{"":{"b":1,"b":2}}}`: "b a.",
	} {
		name, at := Repeated([]byte(text), 0, 0)
		require.Equal(t, want, name+" "+at, text)
	}
	name, at := Repeated(manyNames(100), 0, 0)
	require.Equal(t, "x a", name+" "+at)
	text := `{"a":{"b":1,"b":2},"c":{"b":1}}`
	name, _ = Repeated([]byte(text), 5, 18)
	require.Empty(t, name, "what is passed over")
}

// manyNames is an object whose first name of many comes once more at its end.
func manyNames(n int) []byte {
	var b strings.Builder
	b.WriteString(`{"a":{"x":0`)
	for i := range n {
		b.WriteString(`,"n` + strconv.Itoa(i) + `":0`)
	}
	b.WriteString(`,"x":1}}`)
	return []byte(b.String())
}
