package llm

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/llmagg/llmagg/core/internal/jsontext"
)

// What answers are read with takes as JSON what encoding/json takes, and reads
// the same out of it.
func FuzzReader(f *testing.F) {
	for _, seed := range []string{
		`{"id":"a\u00e9\n\"\\\/\ud83d\ude00\ud800\u0041\udc00","created":1741569952,"model":"m","choices":[{"index":0,"delta":{"content":"hi"},"logprobs":null,"finish_reason":null}],"usage":null,"x":{"a":[1,{}]},"y":null}`,
		` {"id" : 7, "created":1.5e3,"model":null,"choices":[1,{"index":-0,"delta":[]},{"index":12345678901234567890}],"i\u0064":"b"} `,
		`{"created":-12,"id":"","choices":{},"x":[],"x":{}}`, `{"created":1e999,"id":"\\"}`, `{"created":0.1,"choices":[{"delta":{"tool_calls":[{"index":1,"function":{"arguments":{"a":[ ]}}}]},"finish_reason":"stop"}]}`,
		`{`, `{}`, `{}x`, `{"a"}`, `{"a":1,}`, `{"a":01}`, `{"a":"\x"}`, `{"a":"` + "\x01" + `"}`, `{"a":[1 2]}`, `{"a":tru}`, `{,}`, `{"a":1 "b":2}`, `{"id":"\u12"}`, `{"id":"`, `[]`, `null`, ``,
		`{"created":NaN,"x":[-Infinity,"NaN",{"y":Infinity}],"choices":[{"index":NaN,"logprobs":{"a":-Infinity},"delta":{"content":NaN}}]}`, `{"a":-I}`, `{"a":Na}`, `{"created":nan,"x":[-nan,inf,-inf,+Inf,-nan(ind),{"y":INFINITY}],"choices":[{"index":nan,"logprobs":{"a":-NaN},"delta":{"content":nan}}]}`, `{"a":nano}`, `{"a":1nan}`, `{"a":nannan}`, `{"a":+1}`, `{"created":1e999,"x":[-1e400,1e308,1.5e+3],"a":1` + strings.Repeat("0", 400) + `}`, `{"a":1e999e}`, `{"a":1-1e999}`,
		"{\"id\":\"\xff\",\"\xff\":\"\xe2\",\"choices\":[{\"delta\":{\"content\":\"\x82\xac\xff\xe2\"},\"logprobs\":\"\xff\"}]}",
		`{"a":` + strings.Repeat("[", 9999) + strings.Repeat("]", 9999) + `}`, `{"a":` + strings.Repeat("[", 10000) + strings.Repeat("]", 10000) + `}`,
	} {
		f.Add([]byte(seed))
	}
	var d ChunkDecoder // over all inputs, as over the chunks of a stream
	f.Fuzz(func(t *testing.T, data []byte) {
		r := newReader(data)
		r.Skip()
		require.Equal(t, json.Valid(data), r.End() == nil, "%s", data)

		var c Chunk
		err := c.UnmarshalJSON(data)
		decoded, decodedErr := d.Decode(data)
		require.Equal(t, err, decodedErr)
		plain := jsontext.WithoutOddNumbers(data) // which answers may have
		require.Equal(t, json.Valid(plain) && isObject(plain), err == nil, "%v of %s", err, data)
		if err != nil {
			return
		}
		require.Equal(t, &c, decoded)
		if !utf8.Valid(data) || len(plain) != len(data) {
			written, err := c.MarshalJSON()
			require.NoError(t, err)
			require.True(t, json.Valid(written), "%s of %s", written, data)
			return
		}
		var fields map[string]json.RawMessage
		require.NoError(t, json.Unmarshal(data, &fields))
		if id := fields["id"]; strings.HasPrefix(string(id), `"`) {
			var text string
			require.NoError(t, json.Unmarshal(id, &text))
			require.Equal(t, text, c.ID)
		}
		var number float64
		if created := fields["created"]; len(created) > 0 && created[0] != 'n' && json.Unmarshal(created, &number) == nil && math.Abs(number) < 1<<63 {
			require.Equal(t, int64(number), c.Created)
		}
		for _, known := range []string{"id", "object", "created", "model", "choices", "usage"} {
			delete(fields, known)
		}
		require.Len(t, c.Extra, len(fields))
		for name, value := range fields {
			require.Equal(t, string(value), string(c.Extra[name]), "%q", name)
		}
	})
}

func TestTextsOfAChunkStayWhenTheNextIsRead(t *testing.T) {
	var d ChunkDecoder
	data := []byte(`{"id":"one","model":"m","x":"kept","choices":[{"index":0,"delta":{"content":"first","role":"assistant"}}]}`)
	first, err := d.Decode(data)
	require.NoError(t, err)
	copy(data, strings.Repeat("#", len(data)))
	second, err := d.Decode([]byte(`{"id":"one","model":"m","x":"more","choices":[{"index":0,"delta":{"content":"second"}},{"index":1,"delta":{"content":"other"}}]}`))
	require.NoError(t, err)
	require.Equal(t, &Chunk{ID: "one", Model: "m", Extra: Extra{"x": json.RawMessage(`"kept"`)},
		Choices: []ChunkChoice{{Delta: Message{Role: RoleAssistant, Content: "first", NullContent: false}}}}, first)
	require.Equal(t, []string{"second", "other"}, []string{second.Choices[0].Delta.Content, second.Choices[1].Delta.Content})
	first.Extra["x"] = append(first.Extra["x"], "longer"...)
	require.Equal(t, `"more"`, string(second.Extra["x"]), "nobody writes into another chunk's values")
}

// Chunk, content, map of unknown fields (two) and now and then a block for
// their values.
func TestAChunkIsReadWithFewAllocations(t *testing.T) {
	var d ChunkDecoder
	data := []byte(`{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1741569952,"model":"gpt-4o-mini","service_tier":"default","system_fingerprint":"fp_1","choices":[{"index":0,"delta":{"content":" token"},"logprobs":null,"finish_reason":null}]}`)
	allocations := testing.AllocsPerRun(200, func() {
		if _, err := d.Decode(data); err != nil {
			t.Fatal(err)
		}
	})
	require.LessOrEqual(t, allocations, 5.0)
}
