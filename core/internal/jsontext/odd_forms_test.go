package jsontext

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A word is found in whatever form a server writes it; what has none is shown.
func TestWordsInOtherForms(t *testing.T) {
	for text, want := range map[string]string{
		`"stop"`: "stop", `null`: "", `false`: "", `0`: "", `7`: "7", `{}`: "", `[]`: "", `[null]`: "", `{"type":null}`: "", `{"type":""}`: "",
		`{"type":"stop"}`: "stop", `{"type":"finish","reason":"stop"}`: "stop", `{"value":"length","x":1}`: "length", `["stop","x"]`: "stop",
		`[{"name":"stop"},"x"]`: "stop", `{"x":1}`: `{"x":1}`, `[1]`: `[1]`, `{"type":"a\"b"}`: `a"b`, `[[["stop"]]]`: `[[["stop"]]]`,
		`[{"a":1},"length"]`:                       "length",
		`{"x":"` + strings.Repeat("ä", 100) + `"}`: `{"x":"` + strings.Repeat("ä", 47) + "…",
	} {
		r := Reader{Data: []byte(text + ` `), Most: MaxDepth}
		require.Equal(t, want, r.WordLike("stop"), text)
		require.NoError(t, r.End(), text)
	}
}

// Control characters inside of strings are escaped, and nothing else changes.
func TestControlsInStrings(t *testing.T) {
	for text, want := range map[string]string{
		"{\"a\":\"b\nc\td\"}": `{"a":"b\u000ac\u0009d"}`, "{\n\t\"a\": \"b\"\n}": "{\n\t\"a\": \"b\"\n}", "\"\\\"\n\"": `"\"\u000a"`, "": "", "\"\x1f": `"\u001f`,
	} {
		require.Equal(t, want, string(WithoutControls([]byte(text))), "%q", text)
	}
	require.True(t, json.Valid(WithoutControls([]byte("[\"a\r\nb\", \"\x00\"]"))))
}
