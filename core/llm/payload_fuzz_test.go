package llm

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/llmagg/llmagg/core/internal/jsontext"
)

// The check of requests takes as JSON what encoding/json takes, if it is an
// object of valid UTF-8 that is not nested too deeply; and what it has taken
// is JSON in every form in which it is sent.
func FuzzPayload(f *testing.F) {
	const hello = `"messages":[{"role":"user","content":"hi"}]`
	for _, seed := range []string{
		`{` + hello + `}`, ` {` + hello + `,"model":"m","stream":true,"n":2,"temperature":-0.5e-1} `,
		`{"messages":[{"role":"\u0075ser","content":[{"type":"text","text":"\ud83d\ude00 \ud800"}]}],"unknown":{"a":[1,{}]},"user":null}`,
		`{` + hello + `,"stream_options":{"include_usage":false,"x":1,"x":2},"stream_options":{"y":"\""}}`,
		`{` + hello + `,"\u006dodel":"a","model":"b","a\"b":1,"a\tb":2}`,
		`{` + hello + `,}`, `{` + hello, `[` + hello + `]`, `{` + hello + `}{}`, `{"a":01}`, `{"a":1.}`, `{"a":-}`, `{"a":NaN}`, `{"a":"` + "\x01" + `"}`,
		`{"a":"\x"}`, `{"a":"\u12"}`, "{\"a\":\"\\u00\x15e\"}", `{"a":tru}`, "{\"a\":\"\xff\"}", `{` + hello + `,"n":1e2}`, `{"messages":[]}`, `{"messages":[{"role":1}]}`,
		`{"a":` + strings.Repeat("[", 511) + strings.Repeat("]", 511) + `}`, `{"a":` + strings.Repeat("[", 512) + strings.Repeat("]", 512) + `}`,
	} {
		f.Add([]byte(seed), "gpt-4")
	}
	f.Add([]byte(`{`+hello+`}`), "m\"\\\x00\u2028")
	f.Fuzz(func(t *testing.T, data []byte, model string) {
		p, err := parsePayload(data)
		valid := json.Valid(data) && utf8.Valid(data) && isObject(data) && depth(data) <= jsontext.MaxDepth
		if err != nil {
			e := AsError(err)
			require.Equal(t, InvalidArgument, e.Code)
			noObject := strings.HasPrefix(e.Message, "the request is not valid JSON") || strings.HasSuffix(e.Message, "; expected an object such as "+requestForm)
			require.Equal(t, !valid, noObject, "%v of %s", err, data)
			return
		}
		require.True(t, valid, "%s", data)
		require.Equal(t, data, p.JSON())
		if !utf8.ValidString(model) {
			return // names of models come from checked configurations
		}
		for _, stream := range []bool{false, true} {
			for _, usage := range []bool{false, true} {
				checkBody(t, data, p.AppendBody([]byte("x"), model, stream, usage)[1:], model, stream, usage)
			}
		}
		if r, err := p.Request(); err != nil {
			require.Equal(t, InvalidArgument, CodeOfError(err))
		} else {
			again, err := r.MarshalJSON()
			require.NoError(t, err)
			require.True(t, json.Valid(again), "%s", again)
		}
	})
}

// checkBody compares what is sent with what was given.
func checkBody(t *testing.T, data, body []byte, model string, stream, usage bool) {
	require.True(t, json.Valid(body), "%s", body)
	var given, sent map[string]json.RawMessage
	require.NoError(t, json.Unmarshal(data, &given))
	require.NoError(t, json.Unmarshal(body, &sent))
	var name string
	require.NoError(t, json.Unmarshal(sent["model"], &name))
	require.Equal(t, model, name)
	require.Equal(t, stream, string(sent["stream"]) == "true")
	if stream && usage {
		var options map[string]json.RawMessage
		require.NoError(t, json.Unmarshal(sent["stream_options"], &options))
		require.Equal(t, "true", string(options["include_usage"]))
	}
	for _, own := range []string{"model", "stream", "stream_options"} {
		delete(given, own)
		delete(sent, own)
	}
	for key, value := range given {
		if string(value) == "null" { // left out (T1)
			require.NotContains(t, sent, key)
			continue
		}
		require.Equal(t, string(value), string(sent[key]), "%q", key)
		delete(sent, key)
	}
	require.Empty(t, sent, "nothing is added")
}

func isObject(data []byte) bool {
	return strings.HasPrefix(strings.TrimLeft(string(data), " \t\r\n"), "{")
}

// depth is how deeply the arrays and objects of valid JSON are nested.
func depth(data []byte) int {
	now, deepest, inText := 0, 0, false
	for i := 0; i < len(data); i++ {
		switch c := data[i]; {
		case inText && c == '\\':
			i++
		case c == '"':
			inText = !inText
		case inText:
		case c == '{' || c == '[':
			now++
			deepest = max(deepest, now)
		case c == '}' || c == ']':
			now--
		}
	}
	return deepest
}
