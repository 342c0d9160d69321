package ollama

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Calls that come whole are calls, and pieces of one are one, by whatever their
// server tells them apart; each has an id.
func TestCallsOfAStream(t *testing.T) {
	for name, c := range map[string]struct{ lines, want string }{
		"whole, without ids":             {`{"function":{"name":"f","arguments":{"x":1}}} {"function":{"name":"f","arguments":{"x":1}}}`, `f{"x":1} f{"x":1}`},
		"whole, with the same index":     {`{"function":{"index":0,"name":"f","arguments":{}}} {"function":{"index":0,"name":"f","arguments":{"x":1}}} {"function":{"index":0,"name":"g","arguments":{}}}`, `f{} f{"x":1} g{}`},
		"whole, as texts":                {`{"function":{"name":"f","arguments":"{\"x\":1}"}} {"function":{"name":"f","arguments":"{\"x\":1}"}}`, `f{"x":1} f{"x":1}`},
		"without arguments":              {`{"function":{"name":"f"}} {"function":{"name":"f"}}`, `f{} f{}`},
		"all of it once more":            {`{"id":"A","function":{"name":"f","arguments":{"x":1}}} {"id":"A","function":{"name":"f","arguments":{"x":1}}}`, `f{"x":1}`},
		"arguments in place of none":     {`{"id":"A","function":{"name":"f"}} {"id":"A","function":{"name":"f","arguments":{"x":1}}}`, `f{"x":1}`},
		"pieces behind each other":       {`{"function":{"name":"f","arguments":"{\"x\""}} {"function":{"arguments":":1}"}} {"function":{"name":"g","arguments":"{"}} {"function":{"arguments":"}"}}`, `f{"x":1} g{}`},
		"pieces with their name":         {`{"function":{"name":"f","arguments":"{\"x\""}} {"function":{"name":"f","arguments":":1}"}} {"function":{"name":"f","arguments":"{\"y\""}} {"function":{"name":"f","arguments":":2}"}}`, `f{"x":1} f{"y":2}`},
		"pieces by index, mixed":         {`{"index":0,"function":{"name":"f","arguments":"{\"x\""}} {"index":1,"function":{"name":"f","arguments":"{\"y\""}} {"index":0,"function":{"arguments":":1}"}} {"index":1,"function":{"arguments":":2}"}}`, `f{"x":1} f{"y":2}`},
		"pieces by id, mixed":            {`{"id":"A","function":{"name":"f","arguments":"{\"x\""}} {"id":"B","function":{"name":"f","arguments":"{\"y\""}} {"id":"A","function":{"arguments":":1}"}} {"id":"B","function":{"arguments":":2}"}}`, `f{"x":1} f{"y":2}`},
		"a whole call before pieces":     {`{"function":{"name":"f","arguments":{"x":1}}} {"function":{"name":"f","arguments":"{\"y\""}} {"function":{"arguments":":2}"}}`, `f{"x":1} f{"y":2}`},
		"a whole call between pieces":    {`{"id":"A","function":{"name":"f","arguments":"{\"x\""}} {"function":{"name":"f","arguments":{"y":2}}} {"id":"A","function":{"arguments":":1}"}}`, `f{"x":1} f{"y":2}`},
		"a whole call behind a half":     {`{"function":{"name":"f","arguments":"{\"x\""}} {"function":{"name":"f","arguments":{"y":2}}}`, `f{"x" f{"y":2}`},
		"a name before its arguments":    {`{"function":{"name":"f","arguments":""}} {"function":{"arguments":"{\"x\":"}} {"function":{"arguments":"1}"}}`, `f{"x":1}`},
		"pieces that begin like JSON":    {`{"function":{"name":"f","arguments":"{\"x\":"}} {"function":{"arguments":"[1]"}} {"function":{"arguments":"}"}}`, `f{"x":[1]}`},
		"two in one line, one of a half": {`[{"function":{"name":"f","arguments":"{\"x\""}},{"function":{"name":"g","arguments":{}}}]`, `f{"x" g{}`},
	} {
		t.Run(name, func(t *testing.T) {
			var lines []string
			for _, call := range strings.Fields(c.lines) {
				lines = append(lines, `{`+at+`,"message":{"role":"assistant","tool_calls":[`+strings.Trim(call, "[]")+`]},"done":false}`)
			}
			r := gathered(t, append(lines, `{`+at+`,"message":{"role":"assistant"},"done":true,"done_reason":"stop"}`)...)
			var got []string
			ids := map[string]bool{}
			for _, call := range r.Choices[0].Message.ToolCalls {
				got = append(got, call.Function.Name+call.Function.Arguments)
				require.Equal(t, "function", call.Type)
				require.NotEmpty(t, call.ID)
				ids[call.ID] = true
			}
			require.Equal(t, c.want, strings.Join(got, " "))
			require.Len(t, ids, len(got))
		})
	}
}
