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
		`{"a":1,"a":2}`: "a in ", `{"b":1,"b":2}`: "b in ", `[{},{"c":{"b":1,"\u0062":2}}]`: "b in [1].c", `{"b":{"c":1},"c":{"c":1}}`: "",
		`{"b":{"c":1},"b":1}`: "b in ", `[{"b":1},{"b":1}]`: "", `[[{"b":1,"b":1}]]`: "b in [0][0]", `1`: "", `"a"`: "", `{"":{"b":1,"b":2}}`: "b in ",
		`{"a":{"":1,"":2}}`: " in a", `{"x":{"a":{"b":1,"b":2}}}`: "b in x.a",
	} {
		name, at, found := Repeated([]byte(text))
		if found {
			name += " in " + at
		}
		require.Equal(t, want, name, text)
	}
	name, at, _ := Repeated(manyNames(100))
	require.Equal(t, "x in a", name+" in "+at)
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
