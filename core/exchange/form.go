package exchange

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/llmagg/llmagg/core/failure"
	"github.com/llmagg/llmagg/core/internal/jsontext"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/wire"
	"github.com/llmagg/llmagg/core/wire/awsstream"
	"github.com/llmagg/llmagg/core/wire/eventstream"
)

// This file finds the form of an answer from its first bytes, not from the
// request or the Content-Type (T1, T2): a request for a stream may be answered
// with one completion or with plain JSON objects, and a request for a whole
// answer with a stream.

const (
	peeked    = 64       // bytes in which an answer shows what it is
	formBytes = 32 << 10 // in which the first of several objects ends
	wordBytes = 1 << 10  // that are told of what is no event stream
	lingering = 10 * time.Millisecond
)

// begin looks at the first bytes of an answer to a request for a stream.
func (r *Stream) begin() error {
	r.begun = true
	in := readerOf(r, peeked) // reads that want more go past it
	head, _ := in.Peek(2)     // an error comes again from the next read
	for n := 0; n < maxEncodings && len(head) > 1 && (head[0] == zipped[0] || isZlib(head)); n++ {
		if head, _ = in.Peek(encodingHead); isPacked(head) {
			in = readerOf(&lazily{from: in}, peeked)
		}
		head, _ = in.Peek(2)
	}
	if len(head) > 0 && head[0] == 0 {
		head, _ = in.Peek(frameHead)
	}
	if isWide(head) {
		in = readerOf(newWide(unpacked{in, r.resp.Body}), peeked)
	} else if isFrames(head) == yes {
		r.source = r.frames(in)
		return nil
	}
	first, err := r.firstByte(in)
	if head, _ := in.Peek(2); err == nil && hasMark(head) { // behind the blanks of a gateway
		in = readerOf(newWide(unpacked{in, r.resp.Body}), peeked)
		first, err = r.firstByte(in)
	}
	switch {
	case err == eventstream.ErrStreamTooLarge:
		return r.over(err)
	case err != nil: // it comes again from the source's first read
	case first == '<', first == '"':
		return r.one(in)
	case first == '{' && r.ofLines(): // the next line may be long in coming
		r.source = eventstream.NewValueReader(in, r.limits(), r.count)
		return nil
	case first == '{' || first == '[':
		if in = readerOf(in, formBytes); !severalValues(in) {
			return r.one(in)
		}
		r.source = eventstream.NewValueReader(in, r.limits(), r.count)
		return nil
	default:
		in = r.listen(in)
		if r.ofLines() && !isStream(in) { // words before the first line
			r.source = eventstream.NewValueReader(in, r.limits(), r.count)
			return nil
		}
	}
	r.source = r.events(in)
	return nil
}

// ofLines tells whether the format's streams are lines of JSON.
func (r *Stream) ofLines() bool {
	f, names := r.upstream.Format.(wire.Accepter)
	return names && f.Accept() == wire.Lines
}

// sourceOf reads in, a stream that begins with head.
func (r *Stream) sourceOf(head []byte, in io.Reader) source {
	if isFrames(head) == yes {
		return r.frames(in)
	}
	return r.events(in)
}

// events reads in, an event stream.
func (r *Stream) events(in io.Reader) source {
	decoder := eventstream.NewDecoder(in, r.limits())
	decoder.OnRead, decoder.Bare = r.count, true
	return decoder
}

// frames reads in, messages of AWS's binary form.
func (r *Stream) frames(in io.Reader) source {
	decoder := awsstream.NewDecoder(in, r.limits())
	decoder.OnRead = r.count
	return decoder
}

func (r *Stream) limits() eventstream.Limits {
	return eventstream.Limits{EventBytes: r.upstream.Limits.EventBytes, StreamBytes: r.upstream.Limits.StreamBytes}
}

// count counts bytes that have arrived, after decompression.
func (r *Stream) count(n int) { r.x.Bytes += int64(n) }

// Read reads the body, for what decodes it. It tells the listener that the body
// is waited for: the clock of silence runs only then, and most events are in
// the buffer already.
func (r *Stream) Read(p []byte) (int, error) {
	x := r.x
	x.alive()
	n, err := r.resp.Body.Read(p)
	if n > 0 {
		x.alive()
	}
	if x.Listener != nil {
		x.Listener.Rest()
	}
	return n, err
}

// one reads a body that holds a single JSON value, or a page.
func (r *Stream) one(in io.Reader) error {
	resp := *r.resp
	resp.Body = io.NopCloser(in)
	data, err := r.upstream.readAll(&resp, r.x, new([]byte))
	if err != nil {
		return err
	}
	r.atEnd = true
	if data = bare(data); startsStream(data) == yes {
		r.source = r.sourceOf(data, bytes.NewReader(data))
		return nil
	}
	if r.single, err = r.upstream.whole(data, r.resp, r.x); err == nil || !hasSeveral(data) {
		return err
	}
	r.source = eventstream.NewValueReader(bytes.NewReader(data), r.limits(), nil)
	return nil
}

// firstByte passes over what stands in front of an answer: byte order marks,
// NULs, and white space, with which servers keep a connection alive while they
// think. However much comes, it counts as a part of the stream.
func (r *Stream) firstByte(in *bufio.Reader) (byte, error) {
	for passed := int64(0); passed < r.upstream.Limits.StreamBytes; {
		if _, err := in.Peek(1); err != nil {
			return 0, err
		}
		head, _ := in.Peek(in.Buffered())
		at, more := eventstream.Before(head)
		if at == 0 {
			if more {
				if _, err := in.Peek(len(head) + 1); err == nil {
					continue
				}
			}
			return head[0], nil
		}
		n, _ := in.Discard(at)
		passed += int64(n)
		r.count(n)
	}
	return 0, eventstream.ErrStreamTooLarge
}

// listen keeps the first words of an answer that does not look like an event
// stream, for the message if it turns out to be none.
func (r *Stream) listen(in *bufio.Reader) *bufio.Reader {
	if start, _ := in.Peek(in.Buffered()); startsStream(start) == yes {
		return in
	}
	in = readerOf(in, wordBytes)
	_, _ = in.Peek(1) // a failure comes again
	start, _ := in.Peek(in.Buffered())
	r.says(start)
	return in
}

// severalValues tells whether the object or list at the beginning of a body is
// the first of several. It reads no further than it needs to know.
func severalValues(in *bufio.Reader) bool {
	var scan eventstream.ValueScan
	begin, at, whole := 0, 0, false
	for {
		data, _ := in.Peek(in.Buffered())
		if n, _ := eventstream.Before(data[begin:]); n > 0 {
			begin += n
			at = begin
		}
		if !whole && begin < len(data) && data[begin] == '[' {
			if next := bytes.TrimLeft(data[begin+1:], " \t\r\n"); len(next) > 0 {
				return next[0] == '{'
			}
		} else if !whole && begin < len(data) {
			var n int
			n, whole = scan.Feed(data[at:])
			if at += n; whole && bytes.Contains(data[begin:at], []byte(`"delta"`)) {
				return true
			}
		}
		if whole && len(bytes.TrimLeft(data[at:], " \t\r\n")) > 0 {
			return true
		}
		if len(data) == formBytes {
			return false
		}
		if _, err := in.Peek(len(data) + 1); err != nil && in.Buffered() == len(data) {
			return false
		}
	}
}

// bare is an answer in UTF-8 without what some servers put around it: byte
// order marks, NULs and white space before and behind it, Google's guard
// against scripts, and a second JSON encoding, of those that encode what they
// were answered.
func bare(data []byte) []byte {
	if n := len(data); n > 1 && data[0] == '{' && data[1] != 0 && data[n-1] == '}' { // as nearly all are
		return data
	}
	const most = 3                                                  // encodings
	if behind := bytes.TrimLeft(data, " \t\r\n"); hasMark(behind) { // the blanks are a gateway's
		data = behind
	}
	if isWide(data) {
		data = fromWide(data)
	}
	if startsStream(data) == yes { // an end of frames may be a NUL
		return data
	}
	for range most {
		data = jsontext.Bare(bytes.TrimPrefix(jsontext.Bare(data), []byte(")]}'")))
		var text string
		if len(data) == 0 || data[0] != '"' || llm.JSON.Unmarshal(data, &text) != nil {
			break
		}
		inside := jsontext.Bare([]byte(text))
		if len(inside) == 0 || inside[0] != '{' && inside[0] != '[' && inside[0] != '"' && startsStream(inside) != yes {
			break
		}
		data = inside
	}
	return data
}

// hasSeveral is severalValues for a body that has been read and is not a
// completion. A failure is not several values.
func hasSeveral(data []byte) bool {
	data = jsontext.Bare(data)
	return len(data) > 0 && (data[0] == '{' || data[0] == '[') && eventstream.IsSeveral(data) && bytes.IndexByte(data, '{') >= 0 && failure.Of(data) == nil
}

// errEventStream ends the reading of a whole answer that is an event stream.
var errEventStream = errors.New("the answer is an event stream")

// watchedBody looks at the first bytes of the answer to a plain call.
type watchedBody struct {
	io.ReadCloser
	seen  []byte // while it is not known
	known bool
}

// Read gives errEventStream with the first bytes of an event stream.
func (w *watchedBody) Read(p []byte) (n int, err error) {
	n, err = w.ReadCloser.Read(p)
	if w.known || n == 0 {
		return n, err
	}
	look := p[:n]
	if len(w.seen) > 0 {
		w.seen = append(w.seen, look...)
		look = w.seen
	}
	switch startsStream(look) {
	case yes:
		w.known = true
		return n, errEventStream
	case no:
		w.known, w.seen = true, nil
	default:
		if len(w.seen) == 0 {
			w.seen = bytes.Clone(look)
		}
		w.known = len(w.seen) > peeked*peeked
	}
	return n, err
}

type answer uint8

const (
	unknown answer = iota
	yes
	no
)

// startsStream tells whether data, of which more may come, begins like an
// event stream, or like AWS's frames.
func startsStream(data []byte) answer {
	if isWide(data) {
		return no
	}
	if framed := isFrames(data); framed != no {
		return framed
	}
	n, more := eventstream.Before(data)
	if data = data[n:]; len(data) == 0 || more {
		return unknown
	}
	if data[0] == '{' { // nearly all
		return no
	}
	known := no
	for _, field := range []string{":", "data:", "data :", "event:", "id:", "retry:", "error: {"} {
		n := min(len(field), len(data))
		if string(data[:n]) == field[:n] || field[0] == 'd' && strings.EqualFold(string(data[:n]), field[:n]) {
			if n == len(field) {
				return yes
			}
			known = unknown
		}
	}
	return known
}

// frameHead is how many bytes show that a body is made of AWS's frames.
const frameHead = 6

// isFrames tells whether data begins with the length of a frame, whose first
// byte is 0, as is that of the length of its headers; padding is all zeros.
func isFrames(data []byte) answer {
	switch {
	case len(data) == 0 || data[0] != 0:
		return no
	case len(data) < frameHead:
		return unknown
	case data[4] == 0 && data[5] < 2 && [4]byte(data) != [4]byte{}: // less than 128 KB of headers
		return yes
	}
	return no
}

// gather joins a stream that answers a request for a whole answer. If the
// stream breaks off, the attempt has failed.
func (u *Upstream) gather(ctx context.Context, resp *http.Response, x *Exchange, from func(*Stream) source) (*llm.Response, error) {
	enough := func(error) { _ = resp.Body.Close() } // the exchange has no context of its own
	r := newStream(u, ctx, enough, nil, resp, x)
	r.begun = true
	r.source = from(r)
	var acc llm.Accumulator
	for {
		c, err := r.Next()
		switch {
		case err == io.EOF:
			r.linger()
			acc.Rest()
			if e := failure.OfJoined(&acc); e != nil {
				return nil, r.of(e)
			}
			return acc.Whole(), nil
		case err != nil:
			e := *llm.AsError(err)
			e.Partial = acc.Text()
			return nil, &e
		}
		acc.Add(c)
	}
}

// linger waits a moment for the end of a body whose stream is complete, so that
// the connection can be reused.
func (r *Stream) linger() {
	if r.atEnd || r.silenced.Load() {
		return
	}
	timer := time.AfterFunc(lingering, func() { r.cancel(errEnough) })
	defer timer.Stop()
	_, _ = io.Copy(io.Discard, io.LimitReader(r.resp.Body, drainBytes)) // a failure here concerns nobody, for the answer is complete
}

// Called, not inlined: 1.5 KB less of the library.
//
//go:noinline
func readerOf(r io.Reader, size int) *bufio.Reader { return bufio.NewReaderSize(r, size) }
