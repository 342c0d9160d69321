package jsontext

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// What stands in the place of a list is read as one, and an element that is not
// read is passed over.
func TestList(t *testing.T) {
	for text, want := range map[string][]string{
		`["a","b"]`:                       {"0a", "1b"},
		`[]`:                              nil,
		` { } `:                           nil,
		`null`:                            nil,
		`{"x":"a"}`:                       {"0"},
		`{"0":"a","2":"b","x":"c"}`:       {"0a", "1b"},
		`{"0":"a","x":"b","1":"c","y":1}`: {"0a", "1c"},
		`[{"x":[1,2]},"b",{"y":{}}]`:      {"0", "1b", "2"},
		`{"0":{"x":1},"1":["y"],"7":"c"}`: {"0", "1", "2c"},
	} {
		r := Reader{Data: []byte(`{"list":` + text + `,"next":1}`), Most: 10}
		require.True(t, r.Object())
		var got []string
		i := -1
		for more := r.List(); more; more = r.NextItem() {
			i++
			if one := string(rune('0' + i)); r.Next() == '"' {
				got = append(got, one+r.Text())
			} else {
				got = append(got, one)
			}
		}
		require.Equal(t, want, got, text)
		require.True(t, r.NextField(), text)
		require.Equal(t, "next", string(r.Key), text)
		require.Equal(t, 1, r.Integer())
		require.False(t, r.NextField())
		require.NoError(t, r.End(), text)
	}
	for _, text := range []string{`"a"`, `1`, `true`, `{"0"`, `[1`} {
		r := Reader{Data: []byte(text), Most: 10}
		for more := r.List(); more; more = r.NextItem() {
		}
		require.Error(t, r.End(), text)
	}
}
