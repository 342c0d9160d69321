//go:build !race

package responses

import (
	"strconv"
	"strings"
	"testing"

	"github.com/llmagg/llmagg/tests/lineartime"
	"github.com/stretchr/testify/require"
)

// What costs time is linear in what comes, however it is cut.
func TestAnswersAreReadInLinearTime(t *testing.T) {
	stream := func(events func(i int) string) func(n int) {
		return func(n int) {
			s := atHost().Stream(callFor(t, `{`+hello+`}`))
			for i := range n {
				_, _ = s.Chunk("", []byte(events(i)))
			}
		}
	}
	whole := func(before, unit, after string) func(n int) {
		return func(n int) {
			_, _ = atHost().Response([]byte(before+strings.Repeat(unit+",", n)+unit+after), callFor(t, `{`+hello+`}`))
		}
	}
	for name, work := range map[string]func(n int){
		"items": stream(func(i int) string {
			return `{"type":"response.output_item.added","item":{"type":"function_call","id":"` + strconv.Itoa(i) + `","name":"f"}}`
		}),
		"places": stream(func(i int) string {
			return `{"type":"response.output_text.delta","content_index":` + strconv.Itoa(i) + `,"delta":"a"}`
		}),
		"thoughts": stream(func(i int) string {
			return `{"type":"response.reasoning_text.delta","content_index":` + strconv.Itoa(i) + `,"delta":"a"}`
		}),
		"whole parts":     whole(`{"status":"completed","output":[{"type":"message","content":[`, `{"type":"output_text","text":"a","annotations":[{"type":"x"}]}`, `]}]}`),
		"whole items":     whole(`{"status":"completed","output":[`, `{"type":"message","content":[{"type":"output_text","text":"a"}]}`, `]}`),
		"whole calls":     whole(`{"status":"completed","output":[`, `{"type":"function_call","call_id":"c","name":"f","arguments":"{}"}`, `]}`),
		"nested thoughts": whole(`{"status":"completed","output":[{"type":"reasoning","summary":[`, `{"text":"a"}`, `]}]}`),
	} {
		t.Run(name, func(t *testing.T) {
			lineartime.Check(t, 15_000, func(n int) func() { return func() { work(n) } })
		})
	}
}

// A long history is written in time that is linear in it.
func TestHistoriesAreWrittenInLinearTime(t *testing.T) {
	const turn = `{"role":"assistant","content":"a","parts":[{"type":"thinking","owner":"h/m","raw":{"type":"reasoning","encrypted_content":"g"}},{"type":"thinking","owner":"h/m","raw":{"type":"reasoning","id":"rs_1"}},{"type":"text","bytes":1,"owner":"h/m","raw":{"type":"message","content":[{"type":"output_text","bytes":1}]}}]},{"role":"user","content":"b"}`
	lineartime.Check(t, 5_000, func(n int) func() {
		c := callFor(t, `{"messages":[`+strings.Repeat(turn+",", n)+turn+`]}`)
		return func() {
			_, err := atHost().Body(nil, c)
			require.NoError(t, err)
			require.NotEmpty(t, atHost().Suspects(c))
		}
	})
}
