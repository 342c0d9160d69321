package jsontext

import (
	"encoding/json"
	"math"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

func FuzzWriter(f *testing.F) {
	f.Add("plain", 0.1)
	f.Add("\"\\\n\r\t\b\f\x00\x1f\x7f\u2028é😀", 1e-7)
	f.Add("</script>", -1e21)
	f.Fuzz(func(t *testing.T, text string, number float64) {
		data, err := Encode(nil, func(w *Writer) {
			w.BeginArray()
			w.Text(text)
			w.Comma()
			w.Float(number)
			w.Comma()
			o := w.Object()
			o.Extra(map[string]json.RawMessage{text: json.RawMessage("1")})
			o.End()
			w.EndArray()
		})
		if math.IsNaN(number) || math.IsInf(number, 0) {
			require.ErrorContains(t, err, "JSON has no number for")
			return
		}
		require.NoError(t, err)
		var back []any
		require.NoError(t, json.Unmarshal(data, &back), "%s", data)
		require.Equal(t, number, back[1])
		if utf8.ValidString(text) { // what comes from outside was made valid when it was read
			require.Equal(t, []any{text, number, map[string]any{text: 1.0}}, back)
		}
	})
}
