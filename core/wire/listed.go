package wire

import (
	"bytes"
	"cmp"
	"fmt"
	"strconv"

	"github.com/llmagg/llmagg/core/internal/jsontext"
	"github.com/llmagg/llmagg/core/llm"
)

// This file reads lists of vectors and of results as leniently as chats are
// read: an object in the place of a list, elements without what holds them,
// numbers as texts.

// Listed is a vector in a list of an answer; Index is negative where the server
// gave it none.
type Listed struct {
	Index  int
	Vector liftedVector
}

// TypedVectorsIn is VectorsIn for Cohere's answers, which have a list for each
// type of numbers.
func TypedVectorsIn(r *jsontext.Reader) (all []Listed) {
	if r.Next() != '{' || r.IsNumbered() {
		return VectorsIn(r)
	}
	for more := Object(r); more; more = r.NextField() {
		if string(r.Key) == "float" {
			all = VectorsIn(r)
		}
	}
	return all
}

// VectorsIn reads the list of vectors that comes next: each alone, or as a
// field of an object.
func VectorsIn(r *jsontext.Reader) (all []Listed) {
	for more := r.List(); more; more = r.NextItem() {
		one := Listed{Index: -1}
		if r.Next() == '{' {
			for more := Object(r); more; more = r.NextField() {
				switch string(r.Key) {
				case "index":
					one.Index = r.Index(-1)
				case "embedding", "values":
					one.Vector.read(r, len(all))
				}
			}
		} else {
			one.Vector.read(r, len(all))
		}
		all = append(all, one)
	}
	return all
}

// VectorAt reads the vector that comes next.
func VectorAt(r *jsontext.Reader) (one Listed) {
	one.Index = -1
	one.Vector.read(r, 0)
	return one
}

// read reads the n-th vector, which errors name.
func (v *liftedVector) read(r *jsontext.Reader, n int) {
	from := r.Span()
	if r.Err != nil {
		return
	}
	if err := v.UnmarshalJSON(r.Data[from:r.Pos]); err != nil {
		r.Stop(fmt.Errorf("vector %d: %s", n, llm.AsError(err).Message))
	}
}

// PlaceListed is [Embedding.Place] for vectors that may have indexes.
func (e *Embedding) PlaceListed(all []Listed) error {
	vectors, err := e.lifted(len(all), func(i int) *liftedVector { return &all[i].Vector })
	if err != nil {
		return err
	}
	numbers := make([]int, len(all))
	for i := range all {
		numbers[i] = all[i].Index
	}
	llm.Numbers(numbers)
	return e.Place(vectors, func(i int) int { return numbers[i] })
}

// UnreadVectors is the error of an answer that is not the JSON of embeddings.
func UnreadVectors(data []byte, err error) error {
	return llm.Errorf(llm.BadResponse, "the answer is not the JSON of embeddings (%d bytes): %v", len(data), err)
}

// Result is one of a ranking's; nil is what the server did not tell.
type Result struct {
	Index *int
	Score *float64
}

// ResultsIn reads the list of results that comes next.
func ResultsIn(r *jsontext.Reader) (all []Result) {
	for more := r.List(); more; more = r.NextItem() {
		var one Result
		var score *float64 // of Hugging Face's servers; beside the other one it is something else
		for more := Object(r); more; more = r.NextField() {
			switch string(r.Key) {
			case "index", "document_index":
				if n := r.Index(-1); n >= 0 {
					one.Index = &n
				}
			case "relevance_score", "logit": // the second is NVIDIA's
				one.Score = scoreIn(r)
			case "score":
				score = scoreIn(r)
			}
		}
		one.Score = cmp.Or(one.Score, score)
		all = append(all, one)
	}
	return all
}

// scoreIn reads the score that comes next, a number or the text of one; nil
// where there is none.
func scoreIn(r *jsontext.Reader) *float64 {
	from := r.Span()
	if r.Err != nil {
		return nil
	}
	score, err := strconv.ParseFloat(string(bytes.Trim(r.Data[from:r.Pos], `"`)), 64)
	if err != nil {
		return nil
	}
	return &score
}
