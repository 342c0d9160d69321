package llm

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/llmagg/llmagg/tests/lineartime"
	"github.com/stretchr/testify/require"
)

func foreignOf(t *testing.T, message string) []string {
	t.Helper()
	p, err := parsePayload([]byte(`{"messages":[{"role":"user","content":"hi","x":1},` + message + `]}`))
	require.NoError(t, err)
	return p.Foreign()
}

// What only answers have is found by name, wherever it stands in a message.
func TestForeign(t *testing.T) {
	for message, want := range map[string][]string{
		`{"role":"assistant","content":"a"}`:                                                                                                                                     {},
		`{"role":"assistant","content":"a","name":"x","prefix":true,"cache_control":{}}`:                                                                                         {"messages.cache_control"},
		`{"content":"a","reasoning_content":"t","refusal":null,"annotations":[],"role":"assistant"}`:                                                                             {"messages.reasoning_content", "messages.refusal", "messages.annotations"},
		`{"role":"assistant","content":"a","tool_calls":[],"function_call":null,"audio":null,"name":null}`:                                                                       {"messages.tool_calls", "messages.function_call", "messages.audio", "messages.name"},
		`{"role":"assistant","content":"a","function_call":{"name":"f","arguments":""}}`:                                                                                         {},
		`{"role":"assistant","content":null,"tool_calls":[{"index":0,"id":"1","type":"function","function":{"name":"f","arguments":"{}","x":1},"extra_content":{"google":{}}}]}`: {"messages.content", "messages.tool_calls.index", "messages.tool_calls.function.x", "messages.tool_calls.extra_content"},
		`{"role":"assistant","content":[{"type":"thinking","thinking":[]},{"type":"text","text":"a","annotations":[]}]}`:                                                         {"messages.content[thinking]", "messages.content.annotations", "messages.content"},
		`{"role":"user","content":[{"type":"image_url","image_url":{"url":"u"}}],"reasoning_content":"x"}`:                                                                       {},
	} {
		require.ElementsMatch(t, want, foreignOf(t, message), message)
	}
}

// A body without what is named says so; all else in it stays as it was.
func TestAppendPared(t *testing.T) {
	for _, c := range []struct{ message, omit, want, left string }{
		{`{"role":"assistant","content":"a","reasoning_content":"t","annotations":[1]}`, "messages.annotations messages.nothing",
			`{"role":"assistant","content":"a","reasoning_content":"t"}`, "messages.annotations"},
		{`{"role":"assistant","content":null,"tool_calls":[{"index":0,"id":"1","type":"function","function":{"name":"f","arguments":"{}"}}]}`, "messages.content messages.tool_calls.index",
			`{"role":"assistant","content":"","tool_calls":[{"id":"1","type":"function","function":{"name":"f","arguments":"{}"}}]}`, "messages.content messages.tool_calls.index"},
		{`{"role":"assistant","content":[{"type":"thinking","thinking":[]},{"type":"text","text":"a"},{"type":"text","text":"b"}]}`, "messages.content[thinking]",
			`{"role":"assistant","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}`, "messages.content[thinking]"},
		{`{"role":"assistant","content":[{"type":"thinking","thinking":[]},{"type":"text","text":"a\n"},{"type":"text","text":"b"}]}`, "messages.content[thinking] messages.content",
			`{"role":"assistant","content":"a\nb"}`, "messages.content[thinking] messages.content"},
		{`{"role":"assistant","content":[{"type":"thinking","thinking":[]}]}`, "messages.content[thinking]", `{"role":"assistant","content":""}`, "messages.content[thinking]"},
		{`{"role":"assistant","content":null,"refusal":"No.","tool_calls":null}`, "messages.refusal", `{"role":"assistant","tool_calls":null,"content":"No."}`, "messages.refusal"},
		{`{"role":"assistant","audio":{"id":"x","transcript":"Said."}}`, "messages.audio", `{"role":"assistant","content":"Said."}`, "messages.audio"},
		{`{"role":"user","content":"a","reasoning_content":"t"}`, "messages.reasoning_content", `{"role":"user","content":"a","reasoning_content":"t"}`, ""},
	} {
		p, err := parsePayload([]byte(`{"seed":1,"messages":[` + c.message + `,{"role":"user","content":"q"}],"x":{"annotations":1}}`))
		require.NoError(t, err)
		body, left := p.AppendPared(nil, "m", false, false, strings.Fields(c.omit))
		require.JSONEq(t, `{"model":"m","seed":1,"messages":[`+c.want+`,{"role":"user","content":"q"}],"x":{"annotations":1},"stream":false}`, string(body))
		require.ElementsMatch(t, strings.Fields(c.left), left)
	}
}

func TestAppendParedLeavesOutWhatTheCoreAdds(t *testing.T) {
	p, err := parsePayload([]byte(`{"messages":[{"role":"user","content":"q"}],"stream_options":{"x":1}}`))
	require.NoError(t, err)
	body, left := p.AppendPared(nil, "m", true, true, []string{OmitStreamOptions, OmitStream})
	require.JSONEq(t, `{"model":"m","messages":[{"role":"user","content":"q"}],"stream_options":{"x":1},"stream":true}`, string(body))
	require.Equal(t, []string{OmitStreamOptions}, left)
	body, left = p.AppendPared(nil, "m", false, false, []string{OmitStreamOptions, OmitStream})
	require.JSONEq(t, `{"model":"m","messages":[{"role":"user","content":"q"}]}`, string(body))
	require.Equal(t, []string{OmitStream}, left)
}

// The time is linear in the number of fields, messages and parts.
func TestForeignIsLinear(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds under the race detector")
	}
	lineartime.Check(t, 40_000, func(n int) func() {
		var fields strings.Builder
		for i := range n {
			fmt.Fprintf(&fields, `,"f%d":1`, i)
		}
		text := `{"messages":[{"role":"assistant","content":[` + strings.Repeat(`{"type":"x"},{"type":"text","text":"a"},`, n) + `{"type":"x"}]` + fields.String() + `}` +
			strings.Repeat(`,{"role":"assistant","content":"a","q":1}`, n) + `]}`
		p, err := parsePayload([]byte(text))
		require.NoError(t, err)
		return func() {
			_, left := p.AppendPared(nil, "m", false, false, p.Foreign())
			require.NotEmpty(t, left)
		}
	})
}

// Whatever the history, what is found can be left out: then it is found no
// more, and what is sent is JSON.
func FuzzForeign(f *testing.F) {
	f.Add(`{"messages":[{"role":"assistant","content":[{"type":"thinking"},{"type":"text","text":"a"}],"tool_calls":[{"index":0,"function":{"x":1}}],"audio":{"transcript":"t"},"x":null}]}`)
	f.Add(`{"messages":[{"role":"assistant","content":null,"refusal":"x","tool_calls":[]},{"role":"assistant","a":1,"a":2,"\u0061":3}]}`)
	f.Fuzz(func(t *testing.T, text string) {
		p, err := parsePayload([]byte(text))
		if err != nil {
			return
		}
		names := p.Foreign()
		body, left := p.AppendPared(nil, "m", false, false, names)
		require.True(t, json.Valid(body), "%s", body)
		require.Subset(t, names, left)
		if len(names) == maxForeign {
			return
		}
		again, err := parsePayload(body)
		require.NoError(t, err)
		for _, name := range again.Foreign() {
			require.NotContains(t, names, name)
		}
	})
}
