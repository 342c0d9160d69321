package exchange

import (
	"bufio"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/llmagg/llmagg/core/failure"
	"github.com/llmagg/llmagg/core/llm"
)

// maxEncodings is how many encodings around one body are taken off.
const maxEncodings = 3

// encodingHead is how many bytes show whether a body is encoded.
const encodingHead = 8

// decode removes the encodings that the transport has left on a body; the
// transport itself removes only the gzip that it asked for. The result is the
// name of an encoding that is not supported (br, zstd), or "" if the body can
// be read. A name on plain text is taken for a mistake of the server, and so
// is any name on gzip. Whatever their names, no more than maxEncodings are
// taken off.
// c, nil where no header names an encoding, is for messages.
func decode(resp *http.Response) (c *coding, unreadable string) {
	header := resp.Header["Content-Encoding"]
	if len(header) == 0 {
		return nil, ""
	}
	c = &coding{said: strings.Join(header, ", ")}
	names := strings.Split(c.said, ",")
	body := resp.Body
	for i := len(names) - 1; i >= 0; i-- {
		name := strings.ToLower(strings.TrimSpace(names[i]))
		tooMany := len(names)-i > maxEncodings
		switch {
		case name == "" || name == "identity":
			continue
		case tooMany || !unpackable(name):
			in := readerOf(body, peeked)
			body = unpacked{in, resp.Body}
			if plain(in) {
				resp.Body = body
				return c, ""
			}
			if head, _ := in.Peek(len(zipped)); tooMany || string(head) != zipped {
				resp.Body = body
				return c, name
			}
		}
		body = unpacked{&lazily{from: body, coding: c}, resp.Body}
	}
	resp.Body, resp.ContentLength = body, -1
	return c, ""
}

// coding is what an answer says of its encoding, and what came. The goroutine
// of its exchange uses it.
type coding struct {
	said  string // its Content-Encoding
	began []byte // how an answer of a named encoding begins; nil while nothing was read
	odd   bool   // so begins neither text nor gzip or zlib's format
}

func (c *coding) note(head []byte) {
	if c != nil && c.began == nil {
		c.began, c.odd = bytes.Clone(head[:min(len(head), encodingHead)]), !isText(head) && !isPacked(head)
	}
}

func (c *coding) isOdd() bool { return c != nil && c.odd }

// tell adds both to the message of e, about an answer that could not be read.
func (c *coding) tell(e *llm.Error) {
	if c != nil && c.began != nil && !strings.Contains(e.Message, "Content-Encoding") {
		e.Message += fmt.Sprintf("; its Content-Encoding says %s, and it begins with the bytes % x", failure.Quoted(c.said), c.began)
	}
}

// tellOf is tell for an answer whose bytes, without the encoding, are no JSON:
// words do not come of a wrong encoding.
func (c *coding) tellOf(data []byte, e *llm.Error) {
	if (c.isOdd() || !isText(data)) && !failure.IsJSON(data) {
		c.tell(e)
	}
}

// isCoding tells whether err is about an encoding: such errors have no types.
func isCoding(err error) bool {
	text := fmt.Sprint(err)
	return strings.Contains(text, "gzip") || strings.Contains(text, "flate") || strings.Contains(text, "zlib")
}

// unpackable tells whether an encoding can be taken off.
func unpackable(name string) bool { return name == "gzip" || name == "x-gzip" || name == "deflate" }

// unzipper reads the members of a gzip body. What follows them and is no
// member, such as padding, is passed over, as other clients do.
type unzipper struct {
	member gzip.Reader
	from   bufio.Reader
}

// unzippers are those that wait for another body: each has 44 KB.
var unzippers = sync.Pool{New: func() any { return new(unzipper) }}

func unzip(r io.Reader) (io.Reader, error) {
	z := unzippers.Get().(*unzipper)
	z.from.Reset(r)
	if err := z.next(); err != nil {
		return nil, err
	}
	return z, nil
}

// next begins a member.
func (z *unzipper) next() error {
	err := z.member.Reset(&z.from)
	z.member.Multistream(false)
	return err
}

func (z *unzipper) Read(p []byte) (int, error) {
	for {
		n, err := z.member.Read(p)
		if err != io.EOF {
			return n, err
		}
		if n > 0 {
			return n, nil // the end comes again
		}
		head, err := z.from.Peek(len(zipped))
		switch {
		case string(head) != zipped && err != nil:
			return 0, err
		case string(head) != zipped:
			return 0, io.EOF
		}
		if err := z.next(); err != nil {
			return 0, err
		}
	}
}

// zipped is how a member begins.
const zipped = "\x1f\x8b"

// unpack reads what its first bytes show, since servers mix up the names: gzip;
// zlib's format, which the name deflate means (RFC 9110, section 8.4.1.2); or
// bare DEFLATE, which some send under that name, or under that of gzip.
func unpack(r io.Reader, head []byte, c *coding) (io.Reader, error) {
	switch {
	case isZlib(head):
		return zlib.NewReader(r)
	case bytes.HasPrefix(head, []byte(zipped)):
		return unzip(r)
	}
	return &perhaps{from: flate.NewReader(r), coding: c}, nil
}

// perhaps reads what may be bare DEFLATE. Other bodies, as Brotli's, are seldom
// wrong for long: they give some bytes, which no answer begins with. What
// begins with an ASCII character may be in another charset than UTF-8.
type perhaps struct {
	from   io.Reader
	given  bool // some of what it holds
	coding *coding
}

// misnamed is said of a body that has the name of an encoding and is neither in
// one that can be read nor plain text.
const misnamed = "the answer is not in the encoding that its Content-Encoding names (%s), and not plain text: it begins with the bytes % x; " +
	"perhaps it is Brotli or zstd: make the server, or the proxy in front of it, name the encoding that it uses, or send gzip"

func (p *perhaps) Read(b []byte) (int, error) {
	n, err := p.from.Read(b)
	if p.given || n == 0 && (err == nil || err == io.ErrUnexpectedEOF) {
		return n, err
	}
	head := b[:n]
	if n > 0 && head[0] < utf8.RuneSelf {
		head = bytes.ToValidUTF8(head, nil)
	}
	if n > 0 && (head[0] == 0 || isText(head) || isPacked(b[:n]) || isWide(b[:n])) {
		p.given = true
		return n, err
	}
	return 0, llm.Errorf(llm.BadResponse, misnamed, failure.Quoted(p.coding.said), p.coding.began)
}

// isZlib tells whether a body begins as zlib's format does (RFC 1950, section
// 2.2).
func isZlib(head []byte) bool {
	return len(head) > 1 && head[0]&0x0f == 8 && head[0]>>4 < 8 && (int(head[0])<<8|int(head[1]))%31 == 0
}

// isPacked tells whether a body that says nothing of an encoding begins like
// gzip or zlib's format all the same.
func isPacked(head []byte) bool {
	return bytes.HasPrefix(head, []byte(zipped)) || isZlib(head) && !isText(head)
}

// repacked is a body whose first read gave head, without the encoding that
// nobody has named. Where that read was the last, its error comes again.
//
//go:noinline
func repacked(head []byte, body io.ReadCloser) io.ReadCloser {
	return unpacked{&lazily{from: io.MultiReader(bytes.NewReader(bytes.Clone(head)), body)}, body}
}

// unpacked reads from one place and closes another.
type unpacked struct {
	io.Reader
	io.Closer
}

// lazily opens a reader at its first read: opening may wait for the first bytes
// of a stream. Plain text, of which no encoding begins, needs none: servers and
// proxies name what they have removed, or never did.
type lazily struct {
	from   io.Reader
	bytes  int64 // that came from there
	packed bool
	in     io.Reader
	err    error
	coding *coding // nil where no header names an encoding
}

func (l *lazily) Read(p []byte) (int, error) {
	if l.in == nil && l.err == nil {
		head := make([]byte, peeked)
		from := &counted{l.from, &l.bytes}
		n, err := io.ReadAtLeast(from, head, encodingHead) // an error comes again from the next read
		if n == 0 && err != nil {
			l.err = err
			return 0, err
		}
		l.coding.note(head[:n])
		if l.in = io.MultiReader(bytes.NewReader(head[:n]), from); !isText(head[:n]) {
			l.packed = true
			l.in, l.err = unpack(l.in, head[:n], l.coding)
			l.err = l.cut(l.err)
		}
	}
	if l.err != nil {
		return 0, l.err
	}
	n, err := l.in.Read(p)
	if err = l.cut(err); err != nil {
		if z, ok := l.in.(*unzipper); ok { // it is not used any more, whoever closes the body meanwhile
			z.from.Reset(strings.NewReader("")) // lets the body go
			unzippers.Put(z)
		}
		l.in, l.err = nil, err
	}
	return n, err
}

// cut says of a compressed body that ended too early that it did: what comes
// out of it has no end of its own.
func (l *lazily) cut(err error) error {
	if err == io.ErrUnexpectedEOF && l.packed {
		return fmt.Errorf("the compressed body ends after %d bytes, before its end: it was cut (%w)", l.bytes, err)
	}
	return err
}

// counted counts the bytes that come from a reader.
type counted struct {
	io.Reader
	bytes *int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	*c.bytes += int64(n)
	return n, err
}

// plain tells whether a body begins with text.
func plain(in *bufio.Reader) bool {
	_, _ = in.Peek(1) // waits for the first bytes; an error comes again from the next read
	head, _ := in.Peek(in.Buffered())
	return isText(head)
}

// isText tells whether the beginning of a body is text.
func isText(head []byte) bool {
	for len(head) > 0 {
		r, size := utf8.DecodeRune(head)
		if r == utf8.RuneError && len(head) >= utf8.UTFMax || r < ' ' && r != '\n' && r != '\r' && r != '\t' || r == 0x7f {
			return false
		}
		head = head[size:]
	}
	return true
}

// unreadable is the error for a body in an encoding that cannot be read.
func unreadable(resp *http.Response, encoding string) *llm.Error {
	e := failure.Classify(resp.StatusCode, resp.Header, nil)
	why := fmt.Sprintf("the answer has Content-Encoding %s, which is not supported; expected gzip or deflate", failure.Quoted(encoding))
	if resp.StatusCode/100 == 2 {
		e.Code, e.Message = llm.BadResponse, why
	} else {
		e.Message = fmt.Sprintf("HTTP %d: %s", resp.StatusCode, why)
	}
	return e
}
