package llm

import (
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

// checkCut expects that a message comes out of its pieces as it went in, and
// out of the chunks that the reader gets, and nothing but valid text in them.
func checkCut(t *testing.T, seed uint64) {
	r := rand.New(rand.NewPCG(seed, 7))
	c := &cutter{rand: r, index: r.IntN(5), ids: r.IntN(4), names: r.IntN(4), message: max(0, r.IntN(6)-2), reasoning: r.IntN(3)}
	if c.message == 3 || c.message != 0 && r.IntN(2) == 0 {
		c.reasoning = 0
	}
	m := c.answer()
	want := doc{}
	for k, v := range m {
		want[k] = v
	}
	if want["content"] == nil {
		if want["tool_calls"] == nil && want["refusal"] == nil && want["reasoning_content"] == nil {
			delete(m, "content")
		}
		delete(want, "content")
	}
	var d ChunkDecoder
	var a, second Accumulator
	stream := c.chunks(m)
	for _, chunk := range stream {
		decoded, err := d.Decode([]byte(chunk))
		require.NoError(t, err, "seed %d: %s", seed, chunk)
		told := a.Add(decoded)
		written, err := told.MarshalJSON()
		require.NoError(t, err)
		require.True(t, utf8.Valid(written), "seed %d: %s", seed, written)
		var again Chunk
		require.NoError(t, again.UnmarshalJSON(written))
		second.Add(&again)
	}
	for i, joined := range []*Accumulator{&a, &second} {
		answer := joined.Response()
		require.Len(t, answer.Choices, 1)
		require.Equal(t, `"p"`, string(answer.Extra["provider"]))
		data, err := answer.Choices[0].Message.MarshalJSON()
		require.NoError(t, err)
		got := doc{}
		require.NoError(t, json.Unmarshal(data, &got))
		if c.reasoning != 0 && want["reasoning_content"] != nil {
			require.Equal(t, want["reasoning_content"], got["reasoning"], "seed %d", seed)
		}
		delete(got, "reasoning")
		if got["content"] == nil || want["content"] == nil && got["content"] == "" {
			delete(got, "content")
		}
		if i == 1 { // halves of characters deep in unknown fields are whole in the answer only
			for _, name := range []string{"audio", "reasoning_details", "x_unknown"} {
				delete(got, name)
				delete(want, name)
			}
		}
		require.Equal(t, want, got, "seed %d, joining %d, cutter %+v:\n%s", seed, i, *c, strings.Join(stream, "\n"))
	}
}

// However vendors cut an answer, it comes out equal to the whole.
func TestAnAnswerCutInAnyWayIsTheWholeAnswer(t *testing.T) {
	base := uint64(time.Now().UnixNano())
	for i := range uint64(3000) {
		checkCut(t, base+i)
	}
}

func FuzzCutAnswers(f *testing.F) {
	for seed := range uint64(200) {
		f.Add(seed)
	}
	f.Fuzz(checkCut)
}
