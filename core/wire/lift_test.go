package wire

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/llmagg/llmagg/core/llm"
	"github.com/stretchr/testify/require"
)

type liftedAnswer struct {
	Data []struct {
		Vector liftedVector `json:"embedding"`
	} `json:"data"`
	Model string `json:"model"`
}

// lifted reads an answer in pieces of n bytes, as the exchange does.
func lifted(text string, texts, n int, memory func(int) []float32) (*liftedAnswer, []Vector, error) {
	e := &Embedding{Texts: make([]string, texts), Memory: memory}
	l := e.NewLift()
	var waits []byte
	for piece := range pieces(text, n) {
		waits = append(waits, piece...)
		waits = waits[l.Add(waits, false):]
		if len(waits) > 100 {
			return nil, nil, fmt.Errorf("%d bytes wait", len(waits))
		}
	}
	l.Add(waits, true)
	if l.Size != int64(len(text)) {
		return nil, nil, fmt.Errorf("%d bytes counted of %d", l.Size, len(text))
	}
	answer := &liftedAnswer{}
	if err := llm.JSON.Unmarshal(l.Text, answer); err != nil {
		return nil, nil, err
	}
	vectors, err := e.lifted(len(answer.Data), func(i int) *liftedVector { return &answer.Data[i].Vector })
	return answer, vectors, err
}

func pieces(text string, n int) func(func(string) bool) {
	return func(yield func(string) bool) {
		for len(text) > 0 {
			m := min(n, len(text))
			if !yield(text[:m]) {
				return
			}
			text = text[m:]
		}
	}
}

func answerOf(vectors ...string) string {
	return `{"data":[{"embedding" : ` + strings.Join(vectors, `},{"index":1,"embedding":`) + `}],"model":"a\"embedding\":\"AAAA"}`
}

// Vectors are the same wherever the answer is cut, of any length, escaped or
// not, as numbers or in base64.
func TestLiftWholeEqualsPieces(t *testing.T) {
	for _, dimensions := range []int{1, 2, 3, 5, 12, 97} {
		v := make(Vector, dimensions)
		for i := range v {
			v[i] = float32(math.Sin(float64(i + 1)))
		}
		plain := `"` + inBase64(v) + `"`
		numbers, err := json.Marshal(v)
		require.NoError(t, err)
		escaped := strings.ReplaceAll(strings.ReplaceAll(plain, "/", `\/`), "A", `\u0041`)
		for _, text := range []string{answerOf(plain, plain, plain), answerOf(plain, escaped, plain), answerOf(string(numbers), plain, escaped)} {
			for n := 1; n < 60; n++ {
				answer, got, err := lifted(text, 3, n, nil)
				require.NoError(t, err, "%s in pieces of %d", text, n)
				require.Equal(t, []Vector{v, v, v}, got, "%s in pieces of %d", text, n)
				require.Equal(t, `a"embedding":"AAAA`, answer.Model)
			}
		}
	}
}

// A vector that is longer than any model's stays in the text, whose length the
// exchange bounds, and is read from there.
func TestLiftLeavesAVectorWithoutEnd(t *testing.T) {
	v := make(Vector, slabSize+100_003)
	for i := range v {
		v[i] = float32(i)
	}
	for _, n := range []int{64 << 10, 64<<10 + 7} {
		_, got, err := lifted(answerOf(`"`+inBase64(v)+`"`), 1, n, nil)
		require.NoError(t, err)
		require.Equal(t, []Vector{v}, got)
	}
	l := (&Embedding{Texts: make([]string, 1)}).NewLift()
	text := []byte(`"embedding":"`)
	for range 100 {
		text = append(text, strings.Repeat("AAAA", 25_000)...)
		text = text[l.Add(text, false):]
	}
	require.LessOrEqual(t, len(l.now), slabSize+100_000)
}

// The application's memory has all vectors, one behind the other.
func TestLiftIntoMemory(t *testing.T) {
	own := make([]float32, 6)
	one, two := `"`+inBase64(Vector{1, 2, 3})+`"`, `"`+inBase64(Vector{4, 5, 6})+`"`
	_, got, err := lifted(answerOf(one, two), 2, 7, func(dimensions int) []float32 {
		require.Equal(t, 3, dimensions)
		return own
	})
	require.NoError(t, err)
	require.Equal(t, []Vector{{1, 2, 3}, {4, 5, 6}}, got)
	require.Equal(t, []float32{1, 2, 3, 4, 5, 6}, own)
	require.Same(t, &own[3], &got[1][0])
}

// What is no vector, and vectors that were not asked for, are errors.
func TestLiftRefuses(t *testing.T) {
	good := `"` + inBase64(Vector{1, 2, 3}) + `"`
	for _, bad := range []string{`"!"`, `"AAAA"`, `"AAA`, `0`, `1`, `"` + strings.Repeat("A", 100) + `!"`, `"AACAPwAA\n"`, `{}`} {
		for _, text := range []string{answerOf(bad), answerOf(good, bad), answerOf(bad, good)} {
			for _, n := range []int{1, 16, 1000} {
				_, _, err := lifted(text, 2, n, nil)
				if bad == `0` && text == answerOf(bad, good) || bad == `0` && text == answerOf(good, bad) {
					require.Error(t, err, "the same vector twice")
				}
				require.Error(t, err, "%s in pieces of %d", text, n)
			}
		}
	}
	e := &Embedding{Texts: []string{"a"}}
	l := e.NewLift()
	l.Add([]byte(answerOf(`"`+inBase64(Vector{float32(math.Inf(1)), 2, 3, 4})+`"`)), true)
	answer := &liftedAnswer{}
	require.NoError(t, llm.JSON.Unmarshal(l.Text, answer))
	vectors, err := e.lifted(1, func(i int) *liftedVector { return &answer.Data[i].Vector })
	require.NoError(t, err)
	require.ErrorContains(t, e.Place(vectors, InOrder), "not finite")
}

// More vectors than texts take no memory of their own, nor do those of another
// length than the first.
func TestLiftTakesNoMoreMemory(t *testing.T) {
	e := &Embedding{Texts: []string{"a", "b"}}
	l := e.NewLift()
	l.Add([]byte(answerOf(`"`+strings.Repeat("AAAA", 40000)+`"`, `"AAAAAA=="`, `"AAAAAA=="`)), true)
	require.Len(t, l.vectors, 2)
	require.Contains(t, string(l.Text), "AAAAAA==")
}

// FuzzLift: an answer is the same whole and in pieces, with the vectors taken
// out and read as they stand.
func FuzzLift(f *testing.F) {
	f.Add([]byte(answerOf(`"`+inBase64(Vector{1, 2, 3})+`"`, `"AACAPw=="`)), 7)
	f.Add([]byte(answerOf(`"AAC\u0041Pw=="`, `[1,2]`)), 3)
	f.Add([]byte(`{"dAtA":[{"embedding":"0000000000000000","emBedding":""}]}`), 70)
	f.Add([]byte(`{"data":[{"embedding":"`+strings.Repeat("AAAA", 30)), 50)
	f.Fuzz(func(t *testing.T, data []byte, n int) {
		var plain struct {
			Data []struct {
				Vector Vector `json:"embedding"`
			} `json:"data"`
		}
		if n < 1 || !json.Valid(data) || llm.JSON.Unmarshal(data, &plain) != nil {
			return
		}
		for _, size := range []int{n, len(data) + 1} {
			_, got, err := lifted(string(data), len(plain.Data), size, nil)
			if err != nil { // a member twice in an object may be counted as two
				continue
			}
			require.Len(t, got, len(plain.Data))
			for i := range got {
				require.Equal(t, inBase64(plain.Data[i].Vector), inBase64(got[i]))
			}
		}
	})
}

func BenchmarkLift(b *testing.B) {
	text := []byte(`{"data":[` + strings.Repeat(`{"embedding":"`+inBase64(make([]float32, 1536))+`"},`, 99) + `{"embedding":"AAAA"}]}`)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		e := &Embedding{Texts: make([]string, 100)}
		l := e.NewLift()
		for waits, size := 0, 256<<10; waits < len(text); size = 256 << 10 {
			end := min(waits+size, len(text))
			waits += l.Add(text[waits:end], end == len(text))
		}
		if !bytes.Contains(l.Text, []byte(":98")) {
			b.Fatal("not lifted")
		}
	}
}
