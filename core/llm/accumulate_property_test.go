package llm

import (
	"encoding/json"
	"maps"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

// checkCut expects that the messages of an answer come out of their pieces as
// they went in, and out of the chunks that the reader gets, and nothing but
// valid text in them.
func checkCut(t *testing.T, seed uint64) {
	r := rand.New(rand.NewPCG(seed, 7))
	var cutters []*cutter
	var answers []doc
	var streams [][]string
	for i := range []int{1, 1, 1, 2, 3}[r.IntN(5)] {
		c := newCutter(r, i)
		m := c.answer()
		if m["content"] == nil && m["tool_calls"] == nil && m["refusal"] == nil && m["reasoning_content"] == nil {
			delete(m, "content")
		}
		cutters, answers, streams = append(cutters, c), append(answers, m), append(streams, c.choices(m))
	}
	stream := mix(r, streams)
	var d ChunkDecoder
	var a, second Accumulator
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
		require.Len(t, answer.Choices, len(answers))
		require.Equal(t, `"p"`, string(answer.Extra["provider"]))
		for n, c := range cutters {
			want, got := comparable(t, c, answers[n], &answer.Choices[n], i == 1)
			require.Equal(t, want, got, "seed %d, joining %d, cutter %+v:\n%s", seed, i, *c, strings.Join(stream, "\n"))
		}
	}
}

// comparable is what a message should be and what it has come to.
func comparable(t *testing.T, c *cutter, m doc, joined *Choice, told bool) (want, got doc) {
	require.Equal(t, "stop", joined.FinishReason)
	want, got = maps.Clone(m), doc{}
	data, err := joined.Message.MarshalJSON()
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(data, &got))
	if want["content"] == nil {
		delete(want, "content")
	}
	if c.reasoning != 0 && want["reasoning_content"] != nil {
		require.Equal(t, want["reasoning_content"], got["reasoning"])
	}
	delete(got, "reasoning")
	if got["content"] == nil || want["content"] == nil && got["content"] == "" {
		delete(got, "content")
	}
	if told { // halves of characters deep in unknown fields are whole in the answer only
		for _, name := range []string{"audio", "reasoning_details", "x_unknown", "x_object"} {
			delete(got, name)
			delete(want, name)
		}
	}
	return want, got
}

func asJSON(v any) string {
	data, err := JSON.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(data)
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
