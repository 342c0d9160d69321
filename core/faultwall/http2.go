package faultwall

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// http2Server lets net/http serve the connections that negotiated HTTP/2.
type http2Server struct {
	wall   *Wall
	server *http.Server
	// serving is Serve's own goroutine.
	serving sync.WaitGroup
	incoming
}

// incoming is a listener that is fed by hand.
type incoming struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once

	mu   sync.Mutex
	ends map[net.Conn]chan struct{} // closed when net/http is done with the connection
}

func newHTTP2Server(w *Wall) *http2Server {
	s := &http2Server{wall: w}
	s.conns, s.done, s.ends = make(chan net.Conn), make(chan struct{}), map[net.Conn]chan struct{}{}
	s.server = &http.Server{
		Handler:     s,
		TLSConfig:   w.tls.Clone(),
		ErrorLog:    log.New(io.Discard, "", 0),
		ConnContext: func(ctx context.Context, c net.Conn) context.Context { return context.WithValue(ctx, connKey{}, c) },
		ConnState:   s.state,
	}
	seeFrames(s.server)
	s.serving.Go(func() { _ = s.server.Serve(s) })
	return s
}

type connKey struct{}

// Accept implements net.Listener.
func (i *incoming) Accept() (net.Conn, error) {
	select {
	case c := <-i.conns:
		return c, nil
	case <-i.done:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (i *incoming) Close() error {
	i.once.Do(func() { close(i.done) })
	return nil
}

// Addr implements net.Listener.
func (i *incoming) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }

func (s *http2Server) state(c net.Conn, state http.ConnState) {
	if state != http.StateClosed {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if end, ok := s.ends[c]; ok {
		close(end)
		delete(s.ends, c)
	}
}

// serve hands a connection to net/http and returns when it is done with it.
func (s *http2Server) serve(secure *tls.Conn) {
	c := withFrames(secure)
	end := make(chan struct{})
	s.mu.Lock()
	s.ends[c] = end
	s.mu.Unlock()
	select {
	case s.conns <- c:
		<-end
	case <-s.done:
	}
}

func (s *http2Server) close() {
	if s != nil {
		_ = s.server.Close()
		_ = s.Close()
		s.serving.Wait()
	}
}

// ServeHTTP answers one request.
func (s *http2Server) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	s.wall.work.Add(1) // the connection is counted too, so work is not zero here
	defer s.wall.work.Done()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	wire := r.Context().Value(connKey{}).(net.Conn)
	c := secureOf(wire).NetConn().(*conn)
	out := &http2{response: rw, conn: c, wire: wire, ctx: r.Context()}
	stop := context.AfterFunc(r.Context(), func() {
		out.mu.Lock()
		defer out.mu.Unlock()
		out.left = time.Now()
	})
	s.wall.answer(out, r, body, c.page)
	stop()
	if out.abort {
		panic(http.ErrAbortHandler) // net/http resets the stream
	}
}

// http2 is a sink on a stream of HTTP/2.
type http2 struct {
	response http.ResponseWriter
	conn     *conn
	wire     net.Conn
	ctx      context.Context
	headed   bool
	abort    bool

	mu   sync.Mutex // guards left
	left time.Time
}

var _ sink = (*http2)(nil)

func (h *http2) unsupported(s *Step) string {
	for _, field := range []struct {
		name string
		set  bool
	}{
		{"raw", s.Raw != "" || s.RawB64 != nil}, {"drip_headers_s", s.DripHeadersS > 0}, {"close_next", s.CloseNext},
		{"close_idle_s", s.CloseIdleS > 0}, {"framing", s.Framing != ""}, {"cut that disowns", !seesFrames && s.disowns()},
	} {
		if field.set {
			return field.name
		}
	}
	return ""
}

func (h *http2) stale() bool { return false }

func (h *http2) gone() <-chan struct{} { return h.ctx.Done() }

func (h *http2) leftAt() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.left.IsZero() {
		return time.Now()
	}
	return h.left
}

func (h *http2) killed() bool { return h.conn.killed.Load() }

func (h *http2) head(hd *head, _ func() error) error {
	if hd.framing == framingLength && !hd.empty {
		hd.add("Content-Length", fmt.Sprint(hd.length))
	}
	header := h.response.Header()
	for name := range hd.own {
		header[http.CanonicalHeaderKey(name)] = nil
	}
	for _, f := range hd.fields {
		if !strings.EqualFold(f[0], "Connection") {
			header.Add(f[0], f[1])
		}
	}
	if hd.lastAnswer {
		header.Set("Connection", "close") // net/http then says GOAWAY
	}
	h.headed = true
	h.response.WriteHeader(hd.status)
	return nil
}

func (h *http2) write(p []byte) error {
	_, err := h.response.Write(p)
	return err
}

// flush leaves a stream without a head alone: net/http would invent one.
func (h *http2) flush() error {
	if !h.headed {
		return nil
	}
	return http.NewResponseController(h.response).Flush()
}

func (h *http2) finish() error { return nil }

func (h *http2) raw(p []byte) error { return h.write(p) }

// tear: HTTP/2 has no chunks; the stream is reset after the bytes.
func (h *http2) tear(piece []byte, n int) {
	_ = h.write(piece[:n])
	h.reset()
}

func (h *http2) close() { h.reset() }

func (h *http2) reset() {
	_ = h.flush()
	h.abort = true
}

func (h *http2) after(*Step) {}
