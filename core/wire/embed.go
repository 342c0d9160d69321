package wire

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"math"
	"net/http"
	"strconv"

	"github.com/llmagg/llmagg/core/llm"
)

// Embedder is a [Format] whose vendor makes vectors of texts.
type Embedder interface {
	// EmbedURL is the endpoint of a model.
	EmbedURL(model string) string
	// EmbedLimits is how many texts one request to a model takes, and how many
	// bytes of them.
	EmbedLimits(model string) (texts, bytes int)
	// EmbedBody is the JSON to post.
	EmbedBody(e *Embedding) ([]byte, error)
	// Vectors reads an answer: e.Vectors and e.Usage.
	Vectors(data []byte, e *Embedding) error
}

// Embedders ends the error of a route that makes no embeddings: some vendors
// that do.
const Embedders = `; openai, gemini, mistral, cohere, jina and voyage do, as "openai/text-embedding-3-small"`

// Embedding is one request for vectors as its format sees it.
type Embedding struct {
	*Call
	Texts   []string
	Request *llm.EmbeddingRequest
	Plain   bool // numbers are asked for instead of base64
	Packed  bool // base64 was asked for
	Empty   bool // the latest answer had no vectors
	// Memory gives memory for the vectors of all texts, of so many numbers
	// each, or nil; it may be nil itself. Vectors in base64 come into it where
	// they have the texts' order.
	Memory func(dimensions int) []float32
	Header http.Header // of the latest answer
	lift   *Lift       // of it
	finite bool        // its vectors are known to be

	// Told by Vectors.
	Vectors [][]float32 // one for each text
	Usage   *llm.Usage
}

// Place puts the vectors of an answer into the order of the texts: at gives the
// text that the i-th vector belongs to. Each text must have a vector, and all
// vectors must have the same length. One that is not that of the request's
// dimensions, where it has any, is UNSUPPORTED: the same route would give the
// same vectors again.
func (e *Embedding) Place(vectors []Vector, at func(i int) int) error {
	if e.Empty = len(vectors) == 0; len(vectors) != len(e.Texts) {
		return llm.Errorf(llm.BadResponse, "the answer has %d vectors for %d texts", len(vectors), len(e.Texts))
	}
	dimensions := 0 // that are asked for
	if e.Request != nil {
		dimensions = e.Request.Dimensions
	}
	e.Vectors = make([][]float32, len(vectors))
	for i, v := range vectors {
		n := at(i)
		switch {
		case n < 0 || n >= len(vectors) || e.Vectors[n] != nil:
			return llm.Errorf(llm.BadResponse, "vector %d of the answer has the index %d, which is no text's or another vector's", i, n)
		case len(v) == 0 || len(v) != len(vectors[0]):
			return llm.Errorf(llm.BadResponse, "vector %d of the answer has %d numbers, the first one %d", i, len(v), len(vectors[0]))
		case dimensions > 0 && len(v) != dimensions:
			return llm.Errorf(llm.Unsupported, "vector %d of the answer has %d numbers, and dimensions is %d, which the model or its server does not heed: leave it out", i, len(v), dimensions)
		case !e.finite && !v.finite():
			return llm.Errorf(llm.BadResponse, "vector %d of the answer has a number that is not finite", i)
		}
		e.Vectors[n] = v
	}
	return nil
}

// InOrder is the "at" of [Embedding.Place] for answers in the order of the
// texts.
func InOrder(i int) int { return i }

// Vector is a vector as answers have it: a list of numbers, or little-endian
// float32 in base64.
type Vector []float32

func (v Vector) finite() bool {
	var over uint32
	for _, x := range v {
		over |= overflow(math.Float32bits(x))
	}
	return over < 1<<31
}

// UnmarshalJSON reads either form.
func (v *Vector) UnmarshalJSON(data []byte) error {
	if len(data) < 2 || data[0] != '"' {
		return v.numbers(data)
	}
	text := data[1 : len(data)-1]
	raw := make([]byte, base64.StdEncoding.DecodedLen(len(text)))
	n, err := base64.StdEncoding.Decode(raw, text)
	if err != nil { // its characters may be escaped
		var plain string
		if llm.JSON.Unmarshal(data, &plain) == nil {
			n, err = base64.StdEncoding.Decode(raw, []byte(plain))
		}
	}
	switch {
	case err != nil:
		return err
	case n%4 != 0:
		return llm.Errorf(llm.BadResponse, "a vector in base64 has %d bytes; expected 4 for each number", n)
	}
	*v = make(Vector, n/4)
	for i := range *v {
		(*v)[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
	}
	return nil
}

// numbers reads a list of numbers. The JSON library takes about twice the time
// and memory for it (BenchmarkVectors).
func (v *Vector) numbers(data []byte) error {
	if len(data) < 2 || data[0] != '[' || data[len(data)-1] != ']' {
		return llm.Errorf(llm.BadResponse, "a vector is neither a list of numbers nor base64")
	}
	data = bytes.TrimSpace(data[1 : len(data)-1])
	*v = nil
	if len(data) == 0 {
		return nil
	}
	if data[0] == '[' && bytes.IndexByte(data, ']') == len(data)-1 { // llama.cpp's list of the one vector of a text
		return v.numbers(data)
	}
	all := make(Vector, 0, bytes.Count(data, []byte(","))+1)
	for item := range bytes.SplitSeq(data, []byte(",")) {
		item = bytes.TrimSpace(item)
		for _, c := range item {
			if (c < '0' || c > '9') && c != '-' && c != '+' && c != '.' && c|0x20 != 'e' {
				return llm.Errorf(llm.BadResponse, "number %d of a vector is none", len(all))
			}
		}
		x, err := strconv.ParseFloat(string(item), 32)
		if err != nil {
			return llm.Errorf(llm.BadResponse, "number %d of a vector is none that 32 bits hold", len(all))
		}
		all = append(all, float32(x))
	}
	*v = all
	return nil
}

// Normalize gives vectors the length 1: some vendors do not do so after they
// have shortened them.
func Normalize(vectors [][]float32) {
	for _, v := range vectors {
		var sum float64
		for _, x := range v {
			sum += float64(x) * float64(x)
		}
		if length := math.Sqrt(sum); length > 0 {
			for i := range v {
				v[i] = float32(float64(v[i]) / length)
			}
		}
	}
}

// TokensOf is the usage of a request that had so many tokens; nil where raw is
// no number, or 0.
func TokensOf(raw json.RawMessage) *llm.Usage {
	if !IsThere(raw) {
		return nil
	}
	return llm.ReadUsage([]byte(`{"prompt_tokens":` + string(raw) + `,"total_tokens":` + string(raw) + `}`))
}

// TokensIn is the usage of a request that generates no tokens: if the server
// tells only the sum, the sum is the input.
func TokensIn(u *llm.Usage) *llm.Usage {
	if prompt, completion, total := u.Counts(); prompt || completion || !total {
		return u
	}
	in := TokensOf(strconv.AppendInt(nil, int64(u.TotalTokens), 10))
	in.Extra = u.Extra
	return in
}

// WithKnown is v, an object, with the request's further fields that the server
// knows. The others are left out.
func (e *Embedding) WithKnown(v any, known ...string) []byte {
	own := llm.Extra{}
	for _, name := range known {
		if raw := e.Request.Extra[name]; IsThere(raw) {
			own[name] = raw
		}
	}
	e.LacksOthers(e.Request.Extra, known)
	return WithExtra(v, own)
}

// WithExtra is v, an object, with the fields of extra that it lacks.
func WithExtra(v any, extra llm.Extra) []byte {
	raw := llm.JSONOf(v)
	if len(extra) == 0 {
		return raw
	}
	fields := llm.Extra{}
	_ = llm.JSON.Unmarshal(raw, &fields) // it was written just above
	for name, raw := range extra {
		if fields[name] == nil {
			fields[name] = raw
		}
	}
	return llm.JSONOf(fields)
}

// digits have what each character of base64 means at each of the four places
// of a group: its bits of the group's three bytes, the first byte lowest.
// What is no character of base64 has bits above them.
var digits [4][256]uint32

const notBase64 = 0xff << 24

func init() {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	for place := range digits {
		for c := range digits[place] {
			digits[place][c] = notBase64
		}
		for value := range alphabet {
			x := uint32(value) << (18 - 6*place)
			digits[place][alphabet[value]] = x>>16 | x&0xff00 | x&0xff<<16
		}
	}
}

// appendFloats appends the float32 numbers that text, base64 in whole groups of
// sixteen characters, holds in little-endian order, three in a group. The
// library needs more time for bytes alone, which then have to become numbers.
// It tells whether all of text was base64, and whether all numbers are finite:
// to look at them again later costs as much as to read them from memory.
func appendFloats(dst []float32, text []byte) (_ []float32, ok, finite bool) {
	at := len(dst)
	dst = dst[:at+len(text)/16*3]
	to := dst[at:]
	a, b, c, d := &digits[0], &digits[1], &digits[2], &digits[3]
	var all, over uint32
	for len(text) >= 16 && len(to) >= 3 {
		s := text[:16:16]
		one := a[s[0]] | b[s[1]] | c[s[2]] | d[s[3]]
		two := a[s[4]] | b[s[5]] | c[s[6]] | d[s[7]]
		three := a[s[8]] | b[s[9]] | c[s[10]] | d[s[11]]
		four := a[s[12]] | b[s[13]] | c[s[14]] | d[s[15]]
		all |= one | two | three | four
		x, y, z := one|two<<24, two>>8|three<<16, three>>16|four<<8
		over |= overflow(x) | overflow(y) | overflow(z)
		to[0], to[1], to[2] = math.Float32frombits(x), math.Float32frombits(y), math.Float32frombits(z)
		text, to = text[16:], to[3:]
	}
	return dst, all < 1<<24, over < 1<<31
}

// overflow adds one to the exponent of a number: that of infinities and NaN
// runs over into the highest bit.
func overflow(bits uint32) uint32 { return bits&0x7f800000 + 0x00800000 }
