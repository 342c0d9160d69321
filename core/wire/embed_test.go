package wire

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/llmagg/llmagg/core/llm"
	"github.com/stretchr/testify/require"
)

func inBase64(v []float32) string {
	raw := make([]byte, 0, 4*len(v))
	for _, x := range v {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(x))
	}
	return base64.StdEncoding.EncodeToString(raw)
}

// A vector means the same as numbers and in base64, with its characters escaped
// or not.
func TestVectorForms(t *testing.T) {
	want := Vector{0.5, -1, 3.25e-7, math.MaxFloat32}
	text := inBase64(want)
	for _, form := range []string{`[0.5,-1,3.25e-7,3.4028234663852886e38]`, `"` + text + `"`, `"` + strings.ReplaceAll(text, "/", `\/`) + `"`} {
		var got Vector
		require.NoError(t, got.UnmarshalJSON([]byte(form)), form)
		require.Equal(t, want, got, form)
	}
	for _, form := range []string{`"!"`, `"AAAA"`, `"AAA`, `{}`, `["a"]`, `[1`, `true`} {
		var got Vector
		require.Error(t, llm.JSON.Unmarshal([]byte(form), &got), form)
	}
}

func TestPlace(t *testing.T) {
	e := &Embedding{Texts: []string{"a", "b"}}
	require.NoError(t, e.Place([]Vector{{1}, {2}}, func(i int) int { return 1 - i }))
	require.Equal(t, [][]float32{{2}, {1}}, e.Vectors)
	for _, bad := range [][]Vector{nil, {{1}}, {{1}, {1, 2}}, {{}, {}}, {{1}, nil}} {
		require.Equal(t, llm.BadResponse, llm.CodeOfError(e.Place(bad, InOrder)), "%v", bad)
	}
	for _, at := range []int{-1, 2, 1} {
		require.Error(t, e.Place([]Vector{{1}, {2}}, func(int) int { return at }))
	}
	e.Request = &llm.EmbeddingRequest{Dimensions: 2}
	require.Equal(t, llm.Unsupported, llm.CodeOfError(e.Place([]Vector{{1}, {2}}, InOrder)))
	require.NoError(t, e.Place([]Vector{{1, 0}, {2, 0}}, InOrder))
}

// Whatever stands for a vector reads as one, or not.
func FuzzVector(f *testing.F) {
	f.Add([]byte(`[1,2.5e-3]`))
	f.Add([]byte(`"AACAPw=="`))
	f.Add([]byte(`"AACAPw\u003d="`))
	f.Add([]byte(`[null]`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if !json.Valid(data) {
			return
		}
		var v Vector
		if llm.JSON.Unmarshal(data, &v) == nil && len(v) > 0 {
			var again Vector
			require.NoError(t, again.UnmarshalJSON([]byte(`"`+inBase64(v)+`"`)))
			require.Len(t, again, len(v))
		}
	})
}

// BenchmarkVectors reads 100 vectors of 1536 numbers, as OpenAI's small model
// has them.
func BenchmarkVectors(b *testing.B) {
	v := make([]float32, 1536)
	for i := range v {
		v[i] = float32(math.Sin(float64(i)))
	}
	numbers, err := json.Marshal(v)
	require.NoError(b, err)
	for name, one := range map[string]string{"base64": `"` + inBase64(v) + `"`, "numbers": string(numbers)} {
		data := []byte(`[` + strings.Repeat(one+",", 99) + one + `]`)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				var all []Vector
				if err := llm.JSON.Unmarshal(data, &all); err != nil || len(all) != 100 {
					b.Fatal(fmt.Sprint(err, len(all)))
				}
			}
		})
	}
}
