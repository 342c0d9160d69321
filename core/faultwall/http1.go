package faultwall

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// sink is where an answer goes: HTTP/1.1 written by hand, or HTTP/2.
// Bytes may stay in a buffer until flush.
type sink interface {
	// unsupported names the first field of the step that this protocol cannot
	// do.
	unsupported(*Step) string
	// stale reports that this request must be thrown away; see Step.CloseNext.
	stale() bool
	gone() <-chan struct{}
	// leftAt is when the client went away; valid once gone is closed.
	leftAt() time.Time
	// killed reports that the wall itself ended the connection.
	killed() bool
	// head sends status and headers; pause, if not nil, is called between two
	// bytes.
	head(h *head, pause func() error) error
	// write sends bytes of the body as one piece.
	write([]byte) error
	flush() error
	// finish ends the body as HTTP wants it.
	finish() error
	// raw sends bytes without any framing.
	raw([]byte) error
	// tear sends n bytes of a chunk that is announced as longer, and closes.
	tear(piece []byte, n int)
	// close ends the connection with a FIN, reset with an RST.
	close()
	reset()
	// after says what happens to the connection when the answer is whole.
	after(*Step)
}

// http1 writes HTTP/1.1 on one connection.
type http1 struct {
	conn  *conn
	wire  net.Conn
	ahead *readAhead
	out   *bufio.Writer

	old       bool // the client speaks HTTP/1.0
	last      bool // close after this answer
	chunked   bool
	over      bool // the connection is done for
	closeNext bool
	idle      time.Duration
}

var _ sink = (*http1)(nil)

// awaitRequest waits for the next request's first byte, at most
// Step.CloseIdleS.
func (h *http1) awaitRequest(in *bufio.Reader) bool {
	if h.idle > 0 {
		timer := time.AfterFunc(h.idle, func() { _ = h.conn.Close() })
		defer timer.Stop()
	}
	_, err := in.Peek(1)
	return err == nil
}

// refuse answers what is no HTTP request.
func (h *http1) refuse(err error) {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) {
		return
	}
	h.conn.wall.ledger.malformed()
	_, _ = h.wire.Write([]byte("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"))
}

// begin prepares for a request's answer.
func (h *http1) begin(r *http.Request) {
	h.old = !r.ProtoAtLeast(1, 1)
	h.last = r.Close
	h.chunked = false
	h.idle = 0
}

// end closes the connection in an orderly way after its last answer.
func (h *http1) end() {
	if h.wire != net.Conn(h.conn) && !h.conn.killed.Load() {
		_ = h.wire.Close() // TLS says goodbye
	}
}

func (h *http1) unsupported(s *Step) string {
	if s.disowns() {
		return "cut that disowns"
	}
	return ""
}

func (h *http1) stale() bool { return h.closeNext }

func (h *http1) gone() <-chan struct{} { return h.ahead.gone }

func (h *http1) leftAt() time.Time { return h.ahead.goneAt }

func (h *http1) killed() bool { return h.conn.killed.Load() }

func (h *http1) head(hd *head, pause func() error) error {
	framing := hd.framing
	if framing == framingChunked && h.old {
		framing = framingClose
	}
	h.chunked = framing == framingChunked
	h.last = h.last || framing == framingClose || hd.lastAnswer
	switch {
	case hd.empty:
	case h.chunked:
		hd.add("Transfer-Encoding", "chunked")
	case framing == framingLength:
		hd.add("Content-Length", fmt.Sprint(hd.length))
	}
	if h.last {
		hd.add("Connection", "close")
	}
	var text strings.Builder
	fmt.Fprintf(&text, "HTTP/1.1 %03d %s\r\n", hd.status, statusText(hd.status))
	for _, f := range hd.fields {
		text.WriteString(f[0] + ": " + f[1] + "\r\n")
	}
	text.WriteString("\r\n")
	h.last = h.last || hd.quietly
	if pause == nil {
		_, err := h.out.WriteString(text.String())
		return err
	}
	for i, b := range []byte(text.String()) {
		if i > 0 {
			if err := pause(); err != nil {
				return err
			}
		}
		if err := h.raw([]byte{b}); err != nil {
			return err
		}
	}
	return nil
}

func (h *http1) write(p []byte) error {
	if len(p) == 0 {
		return nil
	}
	if !h.chunked {
		_, err := h.out.Write(p)
		return err
	}
	_, _ = fmt.Fprintf(h.out, "%x\r\n", len(p)) // an error stays, and comes again
	_, _ = h.out.Write(p)
	_, err := h.out.WriteString("\r\n")
	return err
}

func (h *http1) flush() error { return h.out.Flush() }

func (h *http1) finish() error {
	if h.chunked {
		_, _ = h.out.WriteString("0\r\n\r\n") // an error comes again from Flush
	}
	if err := h.out.Flush(); err != nil {
		return err
	}
	h.over = h.over || h.last
	return nil
}

func (h *http1) raw(p []byte) error {
	_, _ = h.out.Write(p) // an error comes again from Flush
	return h.out.Flush()
}

func (h *http1) tear(piece []byte, n int) {
	if len(piece) <= n {
		// Nothing is left to tear: announce a chunk and send the piece only.
		piece = append(piece[:len(piece):len(piece)], make([]byte, 64)...)
	}
	_, _ = fmt.Fprintf(h.out, "%x\r\n", len(piece))
	_, _ = h.out.Write(piece[:n])
	h.close()
}

// close ends the TCP connection without TLS's goodbye, so that the end is a
// truncation at that level too.
func (h *http1) close() {
	_ = h.out.Flush()
	h.over = true
	_ = h.conn.Close()
}

func (h *http1) reset() {
	_ = h.out.Flush()
	h.over = true
	h.conn.reset()
}

func (h *http1) after(s *Step) {
	h.closeNext = s.CloseNext
	h.idle = seconds(s.CloseIdleS)
}
