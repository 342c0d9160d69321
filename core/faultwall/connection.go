package faultwall

import (
	"bufio"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// conn is one TCP connection, as the wall knows it whatever runs on it.
type conn struct {
	*net.TCPConn
	wall   *Wall
	page   *SeenConnection
	killed atomic.Bool // the wall, not the client, ends the connection
	ahead  atomic.Pointer[readAhead]
	once   sync.Once
}

// Close notes the end in the ledger.
func (c *conn) Close() error {
	err := c.TCPConn.Close()
	c.once.Do(func() { c.wall.ledger.closed(c.page) })
	return err
}

// reset ends the connection with a TCP RST.
func (c *conn) reset() {
	_ = c.SetLinger(0)
	_ = c.Close()
}

// kill resets the connection on behalf of Kill or Close.
func (c *conn) kill() {
	c.killed.Store(true)
	c.reset()
	if ahead := c.ahead.Load(); ahead != nil {
		ahead.stop()
	}
}

func (w *Wall) acceptLoop(listener net.Listener) {
	defer w.work.Done()
	for {
		tcp, err := listener.Accept()
		if err != nil {
			return // the listener was closed
		}
		c := &conn{TCPConn: tcp.(*net.TCPConn), wall: w}
		w.options.told(c.TCPConn)
		c.page = w.ledger.opened() // before mu: the ledger's lock comes first
		w.mu.Lock()
		if w.listener != listener {
			w.mu.Unlock()
			c.kill()
			return
		}
		w.conns[c] = struct{}{}
		fate := w.behavior.script.Accept.fate(w.accepted)
		w.accepted++
		w.work.Add(1)
		w.mu.Unlock()
		go w.serveConn(c, fate)
	}
}

func (w *Wall) serveConn(c *conn, fate string) {
	defer w.work.Done()
	defer func() {
		_ = c.Close()
		w.mu.Lock()
		delete(w.conns, c)
		w.mu.Unlock()
	}()
	switch fate {
	case AcceptReset:
		c.reset()
	case AcceptClose:
	case AcceptGarbage:
		_, _ = c.Write([]byte("\x00\x01faultwall: neither TLS nor HTTP\r\n\r\n"))
	case AcceptSilence:
		_, _ = io.Copy(io.Discard, c.TCPConn) // until the client leaves
	default:
		w.speak(c)
	}
}

// speak serves a connection: TLS if the wall has it, then HTTP.
func (w *Wall) speak(c *conn) {
	if w.tls == nil {
		w.serveHTTP1(c, c)
		return
	}
	secure := tls.Server(c, w.tls)
	if err := secure.Handshake(); err != nil {
		w.ledger.tlsFailed()
		return
	}
	if secure.ConnectionState().NegotiatedProtocol == "h2" {
		w.h2.serve(secure)
		return
	}
	w.serveHTTP1(c, secure)
}

// maxPipelined bounds what is read ahead from a client while it is answered.
const maxPipelined = 256 << 10

// readAhead reads a connection all the time, so that the client's leaving is
// seen at once, and keeps what it reads for the next request.
type readAhead struct {
	source io.Reader
	gone   chan struct{} // closed when the client has left
	goneAt time.Time     // set before gone is closed

	mu      sync.Mutex // guards the fields below
	wake    *sync.Cond
	pending []byte
	err     error
	stopped bool
}

func newReadAhead(source io.Reader) *readAhead {
	r := &readAhead{source: source, gone: make(chan struct{})}
	r.wake = sync.NewCond(&r.mu)
	return r
}

// run reads until the connection ends.
func (r *readAhead) run() {
	block := make([]byte, 16<<10)
	for {
		n, err := r.source.Read(block)
		r.mu.Lock()
		r.pending = append(r.pending, block[:n]...)
		r.wake.Broadcast()
		for len(r.pending) >= maxPipelined && !r.stopped && err == nil {
			r.wake.Wait()
		}
		if r.stopped && err == nil {
			err = net.ErrClosed
		}
		over := err != nil
		if over {
			r.err, r.goneAt = err, time.Now()
			close(r.gone)
			r.wake.Broadcast()
		}
		r.mu.Unlock()
		if over {
			return
		}
	}
}

// stop ends run once the connection is closed.
func (r *readAhead) stop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stopped = true
	r.wake.Broadcast()
}

// Read implements io.Reader.
func (r *readAhead) Read(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for len(r.pending) == 0 {
		if r.err != nil {
			return 0, r.err
		}
		r.wake.Wait()
	}
	n := copy(p, r.pending)
	r.pending = r.pending[n:]
	if len(r.pending) == 0 {
		r.pending = nil
	}
	r.wake.Broadcast()
	return n, nil
}

// serveHTTP1 answers one request after the other. wire is c itself or TLS on
// it.
func (w *Wall) serveHTTP1(c *conn, wire net.Conn) {
	ahead := newReadAhead(wire)
	c.ahead.Store(ahead)
	var reading sync.WaitGroup
	reading.Go(ahead.run)
	defer func() {
		_ = c.Close()
		ahead.stop()
		reading.Wait()
	}()
	in := bufio.NewReader(ahead)
	out := &http1{conn: c, wire: wire, ahead: ahead, out: bufio.NewWriterSize(wire, 16<<10)}
	for {
		if !out.awaitRequest(in) {
			return
		}
		request, err := http.ReadRequest(in)
		if err != nil {
			out.refuse(err)
			return
		}
		if strings.EqualFold(request.Header.Get("Expect"), "100-continue") {
			_, _ = wire.Write([]byte("HTTP/1.1 100 Continue\r\n\r\n"))
		}
		body, err := io.ReadAll(request.Body)
		if err != nil {
			return // the client left while it was sending
		}
		out.begin(request)
		w.answer(out, request, body, c.page)
		if out.over {
			out.end()
			return
		}
	}
}
