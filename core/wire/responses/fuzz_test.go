package responses

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

// Whatever texts an answer has, and wherever they are cut, the pieces are the
// whole answer, and go back as it came.
func FuzzPieces(f *testing.F) {
	f.Add("Hello", "let me see", `{"a":1}`, "No.", uint8(2))
	f.Add("wörld\u2028", "", "", "", uint8(1))
	f.Fuzz(func(t *testing.T, text, thought, arguments, refusal string, size uint8) {
		for _, s := range []string{text, thought, arguments, refusal} {
			if !utf8.ValidString(s) {
				t.Skip()
			}
		}
		arguments = strings.TrimSpace(arguments) // blanks around the value mean nothing, and some are left out
		if arguments == "" {
			arguments = "{}" // what a call without arguments has
		}
		if in := json.NewDecoder(strings.NewReader(arguments)); in.Decode(new(any)) == nil && in.More() {
			t.Skip() // two values: the first may be a placeholder, which the second replaces
		}
		output, err := json.Marshal([]fields{
			{"type": "reasoning", "id": "rs_1", "summary": []fields{{"type": "summary_text", "text": thought}}, "encrypted_content": "g"},
			{"type": "message", "id": "msg_1", "role": "assistant", "content": []fields{{"type": "output_text", "text": text, "annotations": []any{}}, {"type": "refusal", "refusal": refusal}}},
			{"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "f", "arguments": arguments},
			{"type": "message", "id": "msg_2", "role": "assistant", "content": []fields{{"type": "output_text", "text": text, "annotations": []any{}}}}})
		require.NoError(t, err)
		answer := `{"id":"resp_1","object":"response","created_at":7,"status":"completed","model":"gpt-x","service_tier":"default","output":` + string(output) + `}`
		whole, err := atHost().Response([]byte(answer), callFor(t, `{`+hello+`}`))
		require.NoError(t, err)
		require.Equal(t, text+text, whole.Text())
		require.Equal(t, plain(t, whole), plain(t, gathered(t, cut(t, answer, max(int(size), 1))...)))
		goesBack(t, whole, string(output))
	})
}
