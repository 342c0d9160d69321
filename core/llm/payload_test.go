package llm

import (
	"bytes"
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// parsePayload reads a request of no options; data stays the test's.
func parsePayload(data []byte) (*Payload, error) { return OwnRequest(bytes.Clone(data), CallOptions{}) }

func TestPayloadReplacesModelAndStreamAndKeepsTheRest(t *testing.T) {
	p, err := parsePayload([]byte(` {"model":"a","messages":[{"role":"user","content":"hi \u00e9"}],"temperature":null,"x_new":{"deep":[null,1.50]},"stream":true,"stream_options":{"include_usage":false,"y":1}} `))
	require.NoError(t, err)
	require.True(t, p.Stream)
	require.Equal(t, "a", p.Model)
	require.Equal(t, `{"model":"up","messages":[{"role":"user","content":"hi \u00e9"}],"x_new":{"deep":[null,1.50]},"stream":false}`,
		string(p.AppendBody(nil, "up", false, false)))
	require.Equal(t, `{"model":"up","messages":[{"role":"user","content":"hi \u00e9"}],"x_new":{"deep":[null,1.50]},"stream":true,"stream_options":{"include_usage":true,"y":1}}`,
		string(p.AppendBody(nil, "up", true, true)))
	require.Contains(t, string(p.AppendBody(nil, "up", true, false)), `"stream_options":{"include_usage":false,"y":1}`)
}

func TestPayloadRefusesBadInput(t *testing.T) {
	for name, c := range map[string]struct{ in, says string }{
		"no messages":      {`{"model":"a"}`, `no "messages"`},
		"empty messages":   {`{"messages":[]}`, "empty"},
		"messages no list": {`{"messages":"hi"}`, "expected an array"},
		"unknown role":     {`{"messages":[{"role":"robot","content":"x"}]}`, `messages[0].role is "robot"`},
		"no role":          {`{"messages":[{"content":"x"}]}`, `messages[0].role is missing`},
		"message no dict":  {`{"messages":["x"]}`, "messages[0]"},
		"content number":   {`{"messages":[{"role":"user","content":5}]}`, "messages[0].content"},
		"wrong type":       {`{"messages":[{"role":"user","content":"x"}],"temperature":"hot"}`, `"temperature" is "hot"; expected a number`},
		"NaN":              {`{"messages":[{"role":"user","content":"x"}],"temperature":NaN}`, "expected a JSON value"},
		"cut short":        {`{"messages":[{"role":"user","con`, "unexpected end of the JSON text"},
		"trailing":         {`{"messages":[{"role":"user","content":"x"}]}x`, "unexpected text"},
		"invalid UTF-8":    {"{\"messages\":[{\"role\":\"user\",\"content\":\"\xff\"}]}", "invalid UTF-8 at byte 39"},
		"raw NUL":          {"{\"messages\":[{\"role\":\"user\",\"content\":\"a\x00b\"}]}", "control character"},
		"deep":             {`{"messages":[{"role":"user","content":"x"}],"x":` + strings.Repeat("[", 1000) + strings.Repeat("]", 1000) + `}`, "nested deeper"},
		"no content":       {`{"messages":[{"role":"user"}]}`, `messages[0] has no "content"`},
		"null content":     {`{"messages":[{"role":"system","content":null}]}`, "it is null"},
		"negative":         {`{"messages":[{"role":"user","content":"x"}],"max_tokens":-2}`, `"max_tokens" is -2`},
		"stop of numbers":  {`{"messages":[{"role":"user","content":"x"}],"stop":[1]}`, `stop[0] is 1`},
		"inner slip":       {`{"messages":[{"role":"user","content":"x"}],"stream_options":{"includeUsage":true}}`, `did you mean "include_usage"?`},
		"n zero":           {`{"messages":[{"role":"user","content":"x"}],"n":0}`, `"n" is 0`},
		"empty text":       {``, "the request is empty; expected an object such as"},
		"array":            {`[]`, "the request is an array; expected an object such as"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := parsePayload([]byte(c.in))
			require.Equal(t, InvalidArgument, CodeOfError(err))
			require.ErrorContains(t, err, c.says)
		})
	}
}

func TestPayloadTakesAnEscapedNULAndTenMegabytes(t *testing.T) {
	p, err := parsePayload([]byte(`{"messages":[{"role":"user","content":"a\u0000` + strings.Repeat("x", 10<<20) + `"}]}`))
	require.NoError(t, err)
	require.Greater(t, len(p.AppendBody(nil, "m", false, false)), 10<<20)
}

func TestRequestRoundTrip(t *testing.T) {
	in := `{"model":"m","messages":[{"role":"system","content":"be"},{"role":"user","content":[{"type":"text","text":"see"},{"type":"image_url","image_url":{"url":"data:image/png;base64,AA=="},"zoom":2}]},{"role":"assistant","tool_calls":[{"id":"c1","type":"function","function":{"name":"f","arguments":"{}"}}]},{"role":"tool","content":"42","tool_call_id":"c1"}],"max_completion_tokens":5,"temperature":0.25,"stop":["a"],"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object"}}}],"tool_choice":"auto","response_format":{"type":"json_schema","json_schema":{"name":"s","schema":{}}},"reasoning_effort":"low","brand_new":{"a":null}}`
	var r Request
	require.NoError(t, json.Unmarshal([]byte(in), &r))
	require.Equal(t, Stop{"a"}, r.Stop)
	require.Contains(t, r.Extra, "brand_new")
	out, err := r.MarshalJSON()
	require.NoError(t, err)
	require.JSONEq(t, in, string(out))
}

func TestNaNInATypedRequestNamesTheField(t *testing.T) {
	nan := math.NaN()
	r := Request{Messages: []Message{{Role: RoleUser, Content: "x"}}, TopP: &nan}
	_, err := r.Payload()
	require.Equal(t, InvalidArgument, CodeOfError(err))
	require.ErrorContains(t, err, `"top_p" is NaN`)
}

// A request that is cut off anywhere is refused, and nothing worse.
func TestACutRequestIsRefused(t *testing.T) {
	whole := `{"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"a"}]},{"role":"tool","tool_call_id":"1","content":"b"}],` +
		`"extra_body":{"a":[1,{"b":null}]},"stream_options":{"include_usage":true},"stop":["x"],"n":1,"temperature":0.5}`
	for i := range len(whole) {
		_, err := parsePayload([]byte(whole[:i]))
		require.Equal(t, InvalidArgument, CodeOfError(err), whole[:i])
	}
	_, err := parsePayload([]byte(whole))
	require.NoError(t, err)
}

func TestNumbersInExtraBodyAreSentAsTheyAreWritten(t *testing.T) {
	const fields = `"made_up":1E+400,"vendors":100000000000000000000,"within":{"a":[-1e999,0.10000000000000000000000000000001]}`
	p, err := parsePayload([]byte(`{"messages":[{"role":"user","content":"x"}],"extra_body":{` + fields + `}}`))
	require.NoError(t, err)
	require.Contains(t, string(p.AppendBody(nil, "m", false, false)), fields)

	_, err = parsePayload([]byte(`{"messages":[{"role":"user","content":"x"}],"extra_body":{"seed":100000000000000000000}}`))
	require.ErrorContains(t, err, "expected a number that fits into 64 bits")
}
