package client

import (
	"fmt"
	"io"
	"math"
	"net/http"
	"slices"
	"sync"

	"github.com/llmagg/llmagg/core/llm"
)

// answers are buffers for whole answers: what is read out of one is a copy.
var answers = sync.Pool{New: func() any { return new([]byte) }}

const (
	// firstRead is how much room a body of unknown length begins with.
	firstRead = 4 << 10
	// keptAnswer is the largest buffer that waits for another answer, and the
	// most that is made ready for what a server announces.
	keptAnswer = 1 << 20
)

func giveBack(buffer *[]byte) {
	if cap(*buffer) <= keptAnswer {
		answers.Put(buffer)
	}
}

// readAll reads a whole body into buffer, within its limit (L1). What came
// before the body was cut off comes with the error.
func (b *httpBackend) readAll(resp *http.Response, x *Exchange, buffer *[]byte) ([]byte, error) {
	limit := min(b.cfg.Limits.ResponseBytes, math.MaxInt64-1) // "no limit" is written as the largest number
	room := int64(firstRead)
	if n := resp.ContentLength; n > 0 {
		room = min(n, limit, keptAnswer) + 1 // never what the server announces; one byte more shows the end
	}
	data, err := slices.Grow((*buffer)[:0], int(room)), error(nil)
	for err == nil && int64(len(data)) <= limit {
		if len(data) == cap(data) {
			data = slices.Grow(data, 1)
		}
		most := min(int64(cap(data)-len(data)), limit+1-int64(len(data)))
		var n int
		n, err = resp.Body.Read(data[len(data) : len(data)+int(most)])
		data = data[:len(data)+n]
		if n > 0 {
			x.Alive()
		}
	}
	*buffer = data
	x.Bytes += int64(len(data))
	switch {
	case int64(len(data)) > limit:
		return nil, overLimit("the answer exceeds %d bytes (limits.response_bytes)", limit)
	case err == io.EOF:
		return data, nil
	}
	e := &llm.Error{Code: llm.Unavailable, Status: resp.StatusCode, Cause: err,
		Message: fmt.Sprintf("the answer was cut after %d bytes: %v", len(data), err)}
	if containsAny(err.Error(), []string{"gzip", "flate", "zlib"}) {
		e.Code = llm.BadResponse
	}
	return data, e
}
