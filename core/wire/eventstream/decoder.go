package eventstream

import (
	"bytes"
	"io"
	"math"
	"time"
)

const (
	// smallBuffer is the size in bytes of a decoder's first buffer, in which an
	// event of a model that writes slowly fits; 10 000 open streams should stay
	// cheap. firstBuffer is what follows as soon as more comes at once.
	smallBuffer = 768
	firstBuffer = 2 << 10
	// minRead is the least room in bytes that a Read is offered, minSmall in the
	// small buffer.
	minRead  = 1 << 10
	minSmall = 576
	// maxEmptyReads is the number of Reads without bytes and without error that
	// are borne in a row, as in bufio.
	maxEmptyReads = 100
)

// Decoder reads the events of one stream, which begins behind its byte order
// mark: see Before. It is not safe for use by several goroutines at once.
type Decoder struct {
	// OnRead, if set, is called with the number of bytes after every Read that
	// brought some, before they are decoded. It runs on the goroutine that calls
	// Next and must not call the decoder.
	OnRead func(n int)
	// Bare makes a line with a JSON object a line of data though no field name,
	// or another, stands before it, and takes "data" however it is written: an
	// object that nobody reads is a hole in the answer. It makes a field called
	// "error" an event of that type, too. An object goes on over lines without
	// a field name until it ends, and over blank ones.
	Bare bool
	// Strays counts lines that are neither a field of any name nor a comment:
	// words, or pieces of a page. Words is the beginning of the last; without any,
	// that of the last field without a meaning that holds words, such as a
	// proxy's "Timeout: no answer from upstream".
	Strays int
	Words  []byte

	reader io.Reader
	limits Limits
	total  int64 // bytes read so far
	err    error // ends the stream once the buffer is used up; sticky

	// buf holds, in this order and possibly with gaps: the data of the event
	// being built in [dataStart, dataEnd), and what is not decoded yet in [pos,
	// end). Consumed lines leave gaps; more data lines are moved down to join
	// the first.
	buf                []byte
	dataStart, dataEnd int
	pos, end           int
	filled             bool // the last Read left no room: more had arrived

	// Search positions, so that each byte is searched once for each line end
	// however the reads split it: [pos, lf) holds no LF and [pos, cr) no CR.
	lf, cr int

	skipLF  bool // the last line ended in CR at the end of the buffer: a LF that follows belongs to it
	hasData bool // the event being built has at least one data field
	joined  bool // it has several

	object  ValueScan // of the data that is an object, once a line without a field comes behind it
	scanned int       // how much of the data it has seen
	ended   bool      // the object has
	gap     bool      // a blank line stands behind data that is an object without its end

	eventType string // of the event being built
	lastType  string // the last type seen, kept so that a repeated type is allocated once
	id        []byte
	hasID     bool
	retry     time.Duration
}

// NewDecoder returns a decoder of the stream that reader gives. It reads as
// much as reader has, and never ahead of need: a Read starts only when no
// complete event is left in the buffer.
func NewDecoder(reader io.Reader, limits Limits) *Decoder {
	return &Decoder{reader: reader, limits: limits.WithDefaults()}
}

// Next returns the next event. It blocks in the reader's Read only.
//
// After the last event of a stream that ended cleanly the error is io.EOF.
// ErrEventTooLarge and ErrStreamTooLarge say which limit was passed; any other
// error is the reader's own, unwrapped: the events that were complete before it
// have been delivered, the unfinished one is dropped. An error is final: every
// later call returns it again.
func (d *Decoder) Next() (Event, error) {
	d.clearEvent()
	for {
		line, ok := d.nextLine()
		if !ok {
			if int64(d.dataEnd-d.dataStart)+int64(d.end-d.pos) > d.limits.EventBytes {
				return d.fail(ErrEventTooLarge)
			}
			if d.err == nil {
				d.fill()
				continue
			}
			return d.finish()
		}
		if int64(d.dataEnd-d.dataStart)+int64(line.end-line.start) > d.limits.EventBytes {
			return d.fail(ErrEventTooLarge)
		}
		switch {
		case line.start < line.end:
			if d.gap && d.parts(line) {
				return d.event(), nil
			}
			d.field(line)
			continue
		case d.isOpen():
			d.gap = true
			continue
		case d.hasData:
			return d.event(), nil
		}
		d.clearEvent() // a blank line after no data: the type is forgotten too
	}
}

// finish ends the stream once the buffer holds no complete line: the rest
// counts only after a clean end.
func (d *Decoder) finish() (Event, error) {
	if d.err != io.EOF {
		return d.fail(d.err)
	}
	if rest := (span{d.pos, d.end}); rest.start < rest.end {
		d.pos = d.end
		if d.gap && d.parts(rest) {
			return d.event(), nil
		}
		d.field(rest)
	}
	if !d.hasData {
		return d.fail(io.EOF)
	}
	return d.event(), nil
}

// fail makes err final and drops what the buffer still holds.
func (d *Decoder) fail(err error) (Event, error) {
	d.err = err
	d.pos, d.end = 0, 0
	d.clearEvent()
	return Event{}, err
}

func (d *Decoder) event() Event {
	event := Event{Type: d.eventType, Data: d.buf[d.dataStart:d.dataEnd:d.dataEnd], Retry: d.retry}
	if d.hasID {
		event.ID = d.id
	}
	// Its data stays in the buffer until the next call, but is no longer the
	// event being built.
	d.hasData = false
	return event
}

func (d *Decoder) clearEvent() {
	d.dataStart, d.dataEnd = d.pos, d.pos
	d.hasData, d.joined = false, false
	d.object, d.scanned, d.ended, d.gap = ValueScan{}, 0, false, false
	d.eventType = ""
}

// span is a part of the buffer.
type span struct{ start, end int }

// nextLine consumes the next line and returns it without its end; false if the
// buffer holds no complete one.
func (d *Decoder) nextLine() (span, bool) {
	if d.skipLF && d.pos < d.end {
		if d.buf[d.pos] == '\n' {
			d.pos++
		}
		d.skipLF = false
	}
	d.lf = search(d.buf, max(d.lf, d.pos), d.end, '\n')
	d.cr = search(d.buf, max(d.cr, d.pos), d.lf, '\r')
	if d.cr == d.end {
		return span{}, false
	}
	line := span{d.pos, d.cr}
	d.pos = d.cr + 1
	if d.cr < d.lf { // the line ended in CR, perhaps in CR LF
		d.skipLF = true
	}
	return line, true
}

// search returns the position of c in buf[from:to], or to. A position found
// earlier is found again at once.
func search(buf []byte, from, to int, c byte) int {
	if from >= to {
		return to
	}
	if buf[from] == c {
		return from
	}
	if i := bytes.IndexByte(buf[from:to], c); i >= 0 {
		return from + i
	}
	return to
}

// field takes one non-empty line into the event being built.
func (d *Decoder) field(line span) {
	text := d.buf[line.start:line.end]
	if d.Bare && text[0] == '{' {
		d.addData(line)
		return
	}
	colon := bytes.IndexByte(text, ':')
	name, value := text, span{line.end, line.end}
	if colon >= 0 {
		name = text[:colon]
		value.start = line.start + colon + 1
		if value.start < value.end && d.buf[value.start] == ' ' {
			value.start++
		}
	}
	switch string(name) {
	case "": // a comment
	case "data":
		d.addData(value)
	case "error": // no field of the format, but of some servers
		if d.Bare && value.start < value.end {
			d.eventType = "error"
			d.addData(value)
		}
	case "event":
		if v := d.buf[value.start:value.end]; string(v) != d.lastType {
			d.lastType = string(v)
		}
		d.eventType = d.lastType
	case "id":
		if v := d.buf[value.start:value.end]; bytes.IndexByte(v, 0) < 0 {
			d.id, d.hasID = append(d.id[:0], v...), true
		}
	case "retry":
		if ms, ok := parseMilliseconds(d.buf[value.start:value.end]); ok {
			d.retry = ms
		}
	default:
		d.stray(line)
	}
}

// maxWords is how many bytes of a stray line are kept.
const maxWords = 1 << 10

// addData joins value to the event's data. The first value stays where it is. A
// further one is moved down behind it, which always fits: its field name alone
// is longer than the "\n" between them.
func (d *Decoder) addData(value span) {
	if !d.hasData {
		d.hasData = true
		d.dataStart, d.dataEnd = value.start, value.end
		return
	}
	d.joined = true
	d.buf[d.dataEnd] = '\n'
	d.dataEnd += 1 + copy(d.buf[d.dataEnd+1:], d.buf[value.start:value.end])
}

// parseMilliseconds reads a retry value: ASCII digits only, saturating.
func parseMilliseconds(text []byte) (time.Duration, bool) {
	const most = math.MaxInt64 / int64(time.Millisecond)
	var n int64
	for _, c := range text {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = min(n*10+int64(c-'0'), most/10)
	}
	return time.Duration(n) * time.Millisecond, len(text) > 0
}
