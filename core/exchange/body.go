package exchange

import (
	"fmt"
	"io"
	"math"
	"net/http"
	"slices"
	"sync"

	"github.com/llmagg/llmagg/core/failure"
	"github.com/llmagg/llmagg/core/llm"
)

// answers are buffers for whole answers. Everything that is read out of a
// buffer is copied.
var answers = sync.Pool{New: func() any { return new(answerBuffer) }}

// answerBuffer is the memory for reading one whole answer.
type answerBuffer struct {
	data    []byte
	watched watchedBody
}

const (
	// firstRead is how much room a body of unknown length begins with.
	firstRead = 4 << 10
	// keptAnswer is the size of the largest buffer that is reused, and the most
	// memory that a Content-Length can reserve.
	keptAnswer = 1 << 20
)

func (b *answerBuffer) giveBack() {
	if cap(b.data) <= keptAnswer {
		b.watched = watchedBody{}
		answers.Put(b)
	}
}

// readAll reads a whole body into buffer, within its limit (L1). If the body is
// cut off, the bytes before the cut come with the error. A body larger than
// keptAnswer is read into segments: a buffer that doubles could need three
// times the limit.
func (u *Upstream) readAll(resp *http.Response, x *Exchange, buffer *[]byte) ([]byte, error) {
	limit := min(u.Limits.ResponseBytes, math.MaxInt64-1) // "no limit" is written as the largest number
	room := int64(firstRead)
	if n := resp.ContentLength; n > 0 {
		room = min(n, limit, keptAnswer) + 1 // never what the server announces; one byte more shows the end
	}
	data, err := slices.Grow((*buffer)[:0], int(room)), error(nil)
	var rest segments
	defer rest.release()
	size, packed := int64(0), 0
	for err == nil && size <= limit {
		free := data[len(data):cap(data)]
		switch {
		case len(free) > 0:
		case len(data) >= keptAnswer:
			free = rest.free()
		default:
			data = slices.Grow(data, min(len(data), keptAnswer-len(data)))
			free = data[len(data):cap(data)]
		}
		var n int
		n, err = resp.Body.Read(free[:min(int64(len(free)), limit+1-size)])
		if size == 0 && packed < maxEncodings && isPacked(free[:n]) {
			resp.Body, err = repacked(free[:n], resp.Body), nil
			packed++
			continue
		}
		if size += int64(n); len(rest.full) > 0 {
			rest.used += n
		} else {
			data = data[:len(data)+n]
		}
		if n > 0 && err == nil { // else the attempt is about to end
			x.alive()
		}
	}
	*buffer = data
	x.Bytes += size
	if size > limit {
		return nil, u.overLimit()
	}
	if len(rest.full) > 0 {
		data = rest.join(data, int(size))
	}
	return x.ended(data, size, err, resp)
}

func (u *Upstream) overLimit() error {
	return failure.OverLimit("the answer exceeds %d bytes (limits.response_bytes)", u.Limits.ResponseBytes)
}

// ended is what has been read of a body whose reading ended with err after size
// bytes.
func (x *Exchange) ended(data []byte, size int64, err error, resp *http.Response) ([]byte, error) {
	if err == io.EOF {
		return data, nil
	}
	if e := asBody(err); e != nil {
		e.Status = resp.StatusCode
		return nil, e
	}
	e := &llm.Error{Code: llm.Unavailable, Status: resp.StatusCode, Cause: err,
		Message: fmt.Sprintf("the answer was cut after %d bytes: %v", size, err)}
	coding := isCoding(err)
	if coding {
		e.Code = llm.BadResponse
	}
	if coding || x.coding.isOdd() {
		x.coding.tell(e)
	}
	return data, e
}

// segments are the parts of a body behind its first megabyte.
type segments struct {
	full []*[segmentSize]byte // the last of them holds used bytes
	used int
}

const segmentSize = 1 << 20

// spare holds unused segments, so that a large body on the next route needs no
// new memory. The garbage collector empties it.
var spare = sync.Pool{New: func() any { return new([segmentSize]byte) }}

// free gives the room that is left at the end.
func (s *segments) free() []byte {
	if len(s.full) == 0 || s.used == segmentSize {
		s.full, s.used = append(s.full, spare.Get().(*[segmentSize]byte)), 0
	}
	return s.full[len(s.full)-1][s.used:]
}

// join gives first and the segments in one piece.
func (s *segments) join(first []byte, size int) []byte {
	data := append(make([]byte, 0, size), first...)
	for i, segment := range s.full {
		n := segmentSize
		if i == len(s.full)-1 {
			n = s.used
		}
		data = append(data, segment[:n]...)
	}
	return data
}

func (s *segments) release() {
	for _, segment := range s.full {
		spare.Put(segment)
	}
	s.full = nil
}
