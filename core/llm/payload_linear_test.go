//go:build !race

package llm

import (
	"fmt"
	"strings"
	"testing"

	"github.com/llmagg/llmagg/tests/lineartime"
	"github.com/stretchr/testify/require"
)

// Checking a request is linear in its fields: what a caller hands on from its
// own users does not keep it busy.
func TestVeryManyFieldsAreReadInLinearTime(t *testing.T) {
	list := func(n int, format string) string {
		var b strings.Builder
		for i := range n {
			if i > 0 {
				b.WriteByte(',')
			}
			fmt.Fprintf(&b, format, i)
		}
		return b.String()
	}
	request := func(more string) string { return `{"messages":[{"role":"user","content":"x"}],` + more + `}` }
	for name, made := range map[string]func(n int) string{
		"of the request": func(n int) string { return request(list(n, `"field_number_%d":1`)) },
		"twice": func(n int) string {
			return request(list(n, `"field_number_%d":1`) + "," + list(n, `"field_number_%d":2`))
		},
		"of extra_body":     func(n int) string { return request(`"extra_body":{` + list(n, `"x%d":1`) + `}`) },
		"of stream_options": func(n int) string { return request(`"stream_options":{` + list(n, `"x%d":1`) + `}`) },
		"of options":        func(n int) string { return `{` + list(n, `"x%d":1`) + `}` },
	} {
		t.Run(name, func(t *testing.T) {
			lineartime.Check(t, 100_000, func(n int) func() {
				data := []byte(made(n))
				return func() {
					if name == "of options" {
						_, err := ParseCallOptions(data)
						require.Error(t, err)
					} else if p, err := parsePayload(data); err == nil {
						body := p.AppendBody(nil, "m", true, true)
						require.Greater(t, len(body), n)
					}
				}
			})
		})
	}
}
