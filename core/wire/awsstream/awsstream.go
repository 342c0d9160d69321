// Package awsstream decodes application/vnd.amazon.eventstream, the binary
// format in which AWS services stream (AWS docs, "Event stream encoding").
//
// A message is, in big endian: the length of all, the length of its headers,
// the CRC-32 of these eight bytes, the headers, the payload, and the CRC-32 of
// everything before it. A [Decoder] gives each as an event of core/wire/
// eventstream; a message that is an exception is an event of the type "error".
// It imports that package and core/internal/jsontext, and starts no goroutine.
package awsstream

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"strings"

	"github.com/llmagg/llmagg/core/internal/jsontext"
	"github.com/llmagg/llmagg/core/wire/eventstream"
)

const (
	preludeBytes = 12        // both lengths and their checksum
	frameBytes   = 16        // of a message, beside headers and payload
	headerBytes  = 128 << 10 // the most that the headers may take
	firstBuffer  = 2 << 10
	emptyReads   = 100 // that are borne in a row, as in bufio
)

// ErrFormat says that the bytes are not of this format, or were damaged.
var ErrFormat = errors.New("the AWS event stream is damaged")

// Decoder reads the messages of one stream. One goroutine uses it.
type Decoder struct {
	// OnRead, if set, is called with the number of bytes after every Read that
	// brought some.
	OnRead func(n int)

	reader io.Reader
	limits eventstream.Limits
	total  int64  // bytes read so far
	buf    []byte // what has been read and not yet given
	given  int    // bytes of buf that the last message took
	kind   string // the last type, kept so that a repeated one is allocated once
	err    error  // sticky
}

// NewDecoder makes a decoder of what reader gives.
func NewDecoder(reader io.Reader, l eventstream.Limits) *Decoder {
	return &Decoder{reader: reader, limits: l.WithDefaults()}
}

// Next gives the next message: the type of its event, and its payload, which is
// valid until the next call. It gives io.EOF where the stream ends between two
// messages, io.ErrUnexpectedEOF where it ends inside one, [ErrFormat] where a
// checksum or a length is wrong, and the errors of eventstream for what passes
// a limit.
func (d *Decoder) Next() (eventstream.Event, error) {
	if d.err != nil {
		return eventstream.Event{}, d.err
	}
	d.buf = d.buf[:copy(d.buf, d.buf[d.given:])]
	d.given = 0
	ev, err := d.message()
	d.err = err
	return ev, err
}

func (d *Decoder) message() (ev eventstream.Event, err error) {
	if err := d.fill(preludeBytes); err != nil {
		return ev, err
	}
	size, headers := binary.BigEndian.Uint32(d.buf), binary.BigEndian.Uint32(d.buf[4:])
	switch {
	case crc32.ChecksumIEEE(d.buf[:8]) != binary.BigEndian.Uint32(d.buf[8:]):
		return ev, fmt.Errorf("%w: the checksum of a message's lengths is wrong", ErrFormat)
	case size < frameBytes || headers > size-frameBytes || headers > headerBytes:
		return ev, fmt.Errorf("%w: a message of %d bytes cannot have headers of %d", ErrFormat, size, headers)
	case int64(size) > d.limits.EventBytes:
		return ev, eventstream.ErrEventTooLarge
	}
	if err := d.fill(int(size)); err != nil {
		return ev, err
	}
	end := int(size) - 4
	if crc32.ChecksumIEEE(d.buf[:end]) != binary.BigEndian.Uint32(d.buf[end:]) {
		return ev, fmt.Errorf("%w: the checksum of a message is wrong", ErrFormat)
	}
	d.given = int(size)
	var h head
	if err := h.read(d.buf[preludeBytes : preludeBytes+int(headers)]); err != nil {
		return ev, err
	}
	return d.event(&h, d.buf[preludeBytes+int(headers):end:end]), nil
}

// fill reads until the buffer holds n bytes.
func (d *Decoder) fill(n int) error {
	for empty := 0; len(d.buf) < n; {
		if len(d.buf) == cap(d.buf) { // never at once what the server announces
			d.buf = append(make([]byte, 0, max(firstBuffer, 2*cap(d.buf))), d.buf...)
		}
		if d.total >= d.limits.StreamBytes {
			return eventstream.ErrStreamTooLarge
		}
		free := d.buf[len(d.buf):cap(d.buf)]
		got, err := d.reader.Read(free[:min(int64(len(free)), d.limits.StreamBytes-d.total)])
		d.buf = d.buf[:len(d.buf)+got]
		if d.total += int64(got); got > 0 && d.OnRead != nil {
			d.OnRead(got)
		}
		switch {
		case len(d.buf) >= n: // the error comes again
		case err == io.EOF && len(d.buf) > 0:
			return io.ErrUnexpectedEOF
		case err != nil:
			return err
		case got > 0:
			empty = 0
		default:
			if empty++; empty == emptyReads {
				return io.ErrNoProgress
			}
		}
	}
	return nil
}

// event is a message as other event streams have it.
func (d *Decoder) event(h *head, payload []byte) eventstream.Event {
	switch {
	case string(h.message) == "exception" || len(h.exception) > 0:
		return eventstream.Event{Type: "error", Data: withType(string(h.exception), payload)}
	case string(h.message) == "error":
		return eventstream.Event{Type: "error", Data: withType(string(h.code), h.words)}
	}
	if d.kind != string(h.event) {
		d.kind = string(h.event)
	}
	return eventstream.Event{Type: d.kind, Data: payload}
}

// withType is an exception in the form in which AWS answers with it elsewhere:
// {"__type": …, "message": …}.
func withType(kind string, payload []byte) []byte {
	w := jsontext.Writer{Buf: make([]byte, 0, len(kind)+len(payload)+40)}
	o := w.Object()
	o.Str("__type", strings.ToValidUTF8(kind, "\uFFFD"))
	fields, err := jsontext.FieldsOf(payload)
	for _, f := range fields.List {
		if f.Key != "__type" {
			o.Foreign(f.Key, payload[f.Start:f.End])
		}
	}
	if err != nil {
		o.Str("message", strings.ToValidUTF8(string(payload), "\uFFFD"))
	}
	o.End()
	return w.Buf
}

// head is what a message's headers say of it; the slices are parts of the
// buffer.
type head struct{ message, event, exception, code, words []byte }

// Types of header values.
const (
	typeTrue = iota
	typeFalse
	typeInt8
	typeInt16
	typeInt32
	typeInt64
	typeBytes
	typeString
	typeTime
	typeUUID
)

// widths are the sizes of the values whose size their type tells.
var widths = [...]int{typeTrue: 0, typeFalse: 0, typeInt8: 1, typeInt16: 2, typeInt32: 4, typeInt64: 8, typeTime: 8, typeUUID: 16}

// read reads the headers: each is the length of its name, the name, the type of
// its value and the value.
func (h *head) read(data []byte) error {
	for len(data) > 0 {
		n := int(data[0])
		if n == 0 || len(data) < n+2 {
			return fmt.Errorf("%w: a header is cut off", ErrFormat)
		}
		name, kind := data[1:1+n], data[1+n]
		data = data[n+2:]
		width := 0
		switch {
		case kind == typeBytes || kind == typeString:
			if len(data) < 2 {
				return fmt.Errorf("%w: a header is cut off", ErrFormat)
			}
			width, data = int(binary.BigEndian.Uint16(data)), data[2:]
		case int(kind) < len(widths):
			width = widths[kind]
		default:
			return fmt.Errorf("%w: a header has a value of the unknown type %d", ErrFormat, kind)
		}
		if len(data) < width {
			return fmt.Errorf("%w: a header is cut off", ErrFormat)
		}
		if kind == typeString {
			h.set(name, data[:width])
		}
		data = data[width:]
	}
	return nil
}

func (h *head) set(name, value []byte) {
	switch string(name) {
	case ":message-type":
		h.message = value
	case ":event-type":
		h.event = value
	case ":exception-type":
		h.exception = value
	case ":error-code":
		h.code = value
	case ":error-message":
		h.words = value
	}
}
