package eventstream_test

import (
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/llmagg/llmagg/core/wire/eventstream"
)

// event is an eventstream.Event that outlives the decoder's buffer.
type event struct {
	Type, Data, ID string
	Retry          time.Duration
}

// collect reads events to the end and returns them with the error that ended
// them (io.EOF after a clean end).
func collect(d *eventstream.Decoder) ([]event, error) {
	var events []event
	for {
		e, err := d.Next()
		if err != nil {
			return events, err
		}
		events = append(events, event{e.Type, string(e.Data), string(e.ID), e.Retry})
	}
}

func decode(t *testing.T, r io.Reader) []event {
	t.Helper()
	events, err := collect(eventstream.NewDecoder(r, eventstream.Limits{}))
	require.ErrorIs(t, err, io.EOF)
	return events
}

// reference is the standard's algorithm written down as plainly as possible,
// over the whole stream at once. It has the package's deviation: the last event
// counts without its blank line.
func reference(stream string) []event {
	stream = strings.ReplaceAll(stream, "\r\n", "\n")
	stream = strings.ReplaceAll(stream, "\r", "\n")
	var (
		events   []event
		data     []string
		kind, id string
		retry    time.Duration
	)
	for _, line := range append(strings.Split(stream, "\n"), "") {
		if line == "" {
			if data != nil {
				events = append(events, event{kind, strings.Join(data, "\n"), id, retry})
			}
			data, kind = nil, ""
			continue
		}
		name, value, _ := strings.Cut(line, ":")
		value = strings.TrimPrefix(value, " ")
		switch name {
		case "data":
			data = append(data, value)
		case "event":
			kind = value
		case "id":
			if !strings.Contains(value, "\x00") {
				id = value
			}
		case "retry":
			if strings.Trim(value, "0123456789") == "" && value != "" {
				retry = referenceRetry(value)
			}
		}
	}
	return events
}

func referenceRetry(digits string) time.Duration {
	ms, err := time.ParseDuration(digits + "ms")
	const most = 1<<63 - 1
	if err != nil || ms > most/10/time.Millisecond*time.Millisecond {
		return most / time.Millisecond / 10 * time.Millisecond
	}
	return ms
}

// chunkReader gives its chunks one a Read, and then err.
type chunkReader struct {
	chunks []string
	err    error
	// together makes the last chunk come along with err, as io.Reader allows.
	together bool
}

func (r *chunkReader) Read(p []byte) (int, error) {
	for len(r.chunks) > 0 && r.chunks[0] == "" {
		r.chunks = r.chunks[1:]
	}
	if len(r.chunks) == 0 {
		return 0, r.err
	}
	n := copy(p, r.chunks[0])
	r.chunks[0] = r.chunks[0][n:]
	if r.together && len(r.chunks) == 1 && r.chunks[0] == "" {
		return n, r.err
	}
	return n, nil
}

var errBroken = errors.New("connection broken")
