package llm

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A long answer of any field fits into the room that is made for it, and not
// much of that is left over.
func TestALongAnswerIsWrittenIntoItsRoom(t *testing.T) {
	long := strings.Repeat("a\"\\\n\r\t\x00\x1f\u20ac", LongAnswer/8)
	for name, m := range map[string]Message{
		"content":   {Content: long},
		"reasoning": {ReasoningContent: long},
		"refusal":   {Refusal: long},
		"parts":     {Parts: []Part{Text(long), {Type: "refusal", Refusal: long}}},
		"calls":     {ToolCalls: []ToolCall{{Function: FunctionCall{Arguments: long}}}},
		"function":  {FunctionCall: &FunctionCall{Arguments: long}},
		"audio":     {Audio: json.RawMessage(`"` + strings.Repeat("x", LongAnswer) + `"`)},
		"extra":     {Extra: Extra{"zz": json.RawMessage(`"` + strings.Repeat("x", LongAnswer) + `"`)}},
	} {
		t.Run(name, func(t *testing.T) {
			r := Response{Choices: []Choice{{Message: m}}}
			room := make([]byte, 0, r.SizeOfLong())
			text, err := r.AppendGathered(room)
			require.NoError(t, err)
			require.Same(t, &room[:1][0], &text[0], "it was copied into another room")
			require.Less(t, cap(room), len(text)*11/10)
		})
	}
	short := Response{Choices: []Choice{{Message: Message{Content: strings.Repeat("x", LongAnswer-1)}}}}
	require.Zero(t, short.SizeOfLong())
}
