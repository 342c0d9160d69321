//go:build !race

package llm

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Checking a request is linear in its fields: what a caller hands on from its
// own users does not keep it busy.
func TestVeryManyFieldsAreReadInLinearTime(t *testing.T) {
	const fields = 100_000
	list := func(format string) string {
		var b strings.Builder
		for i := range fields {
			if i > 0 {
				b.WriteByte(',')
			}
			fmt.Fprintf(&b, format, i)
		}
		return b.String()
	}
	request := func(more string) string { return `{"messages":[{"role":"user","content":"x"}],` + more + `}` }
	for name, data := range map[string]string{
		"of the request":    request(list(`"field_number_%d":1`)),
		"twice":             request(list(`"field_number_%d":1`) + "," + list(`"field_number_%d":2`)),
		"of extra_body":     request(`"extra_body":{` + list(`"x%d":1`) + `}`),
		"of stream_options": request(`"stream_options":{` + list(`"x%d":1`) + `}`),
		"of options":        `{` + list(`"x%d":1`) + `}`,
	} {
		t.Run(name, func(t *testing.T) {
			begun := time.Now()
			if name == "of options" {
				_, err := ParseCallOptions([]byte(data))
				require.Error(t, err)
			} else if p, err := parsePayload([]byte(data)); err == nil {
				body := p.AppendBody(nil, "m", true, true)
				require.Greater(t, len(body), fields)
			}
			// Quadratic checking takes minutes; linear a fraction of a second.
			require.Less(t, time.Since(begun), 20*time.Second)
		})
	}
}
