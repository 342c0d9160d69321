//go:build !race

package bedrock

import (
	"fmt"
	"strings"
	"testing"

	"github.com/llmagg/llmagg/tests/lineartime"
	"github.com/stretchr/testify/require"
)

// What costs time is linear in what comes, however it is cut.
func TestAnswersAreReadInLinearTime(t *testing.T) {
	const most = 20_000
	for name, delta := range map[string]string{
		"thoughts": `{"reasoningContent":{"text":"a"}}`, "signatures": `{"reasoningContent":{"signature":"a"}}`,
		"redacted thoughts": `{"reasoningContent":{"redactedContent":"YQ=="}}`, "results": `{"toolResult":[{"text":"a"}]}`,
		"images": `{"image":{"source":{"bytes":"YQ=="}}}`, "unknown": `{"a":{"b":{"c":{"d":{"e":[1]}}}}}`, "citations": `{"citation":{"title":"a"}}`,
	} {
		for _, blocks := range []int{1, most} {
			t.Run(fmt.Sprint(name, blocks), func(t *testing.T) {
				lineartime.Check(t, most, func(n int) func() {
					events := []sent{{"messageStart", `{}`}}
					for i := range n {
						events = append(events, sent{"contentBlockDelta", fmt.Sprintf(`{"contentBlockIndex":%d,"delta":%s}`, i%blocks, delta)})
					}
					events = append(events, sent{"messageStop", `{"stopReason":"end_turn"}`}, sent{"metadata", `{}`})
					return func() { streamed(t, "m", `{`+hello+`}`, events...) }
				})
			})
		}
	}
}

// A long history is written in time that is linear in it.
func TestHistoriesAreWrittenInLinearTime(t *testing.T) {
	const turn = `{"role":"assistant","content":"ab","parts":[{"type":"thinking","owner":"bedrock/m","raw":{"reasoningContent":{}}},{"type":"text","bytes":2,"owner":"bedrock/m","raw":{"citationsContent":{"content":[{"bytes":1},{"bytes":1}],"citations":[]}}}]},{"role":"user","content":"b"}`
	lineartime.Check(t, 20_000, func(n int) func() {
		long := `{"role":"assistant","content":[` + strings.Repeat(`{"type":"text","text":"a","cache_control":{"type":"ephemeral"}},`, n) + `{"type":"text","text":"a"}],"parts":[` +
			strings.Repeat(`{"type":"text","bytes":1},`, n) + `{"type":"text","bytes":1,"owner":"bedrock/m","raw":{}}]}`
		c := callOf(t, "m", `{"messages":[`+strings.Repeat(turn+",", n/4)+long+`]}`)
		return func() {
			_, err := (&format{}).Body(nil, c)
			require.NoError(t, err)
			require.Len(t, (&format{}).Suspects(c), 2)
		}
	})
}
