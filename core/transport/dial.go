package transport

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/llmagg/llmagg/core/internal/alarm"
	"github.com/llmagg/llmagg/core/llm"
)

// RequestKey finds, in the context of a dial, the context of the request that
// caused it, if that request's context answers to the key: net/http dials under
// a context that outlives the request.
type RequestKey struct{}

// dialer connects within one deadline for DNS, TCP and TLS together, and a
// proxy's part in them (D1).
type dialer struct {
	timeout  time.Duration
	tls      *tls.Config // without the authorities
	roots    func() authorities
	proxy    *url.URL // to which a tunnel is asked for; nil for none
	onSocket func(fd uintptr, open bool)
	sockets  *sockets

	credentials bool // the server gives credentials
}

// connector makes a connection before ctx ends.
type connector func(ctx context.Context) (net.Conn, error)

func (d *dialer) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	return d.unhurried(ctx, func(ctx context.Context) (net.Conn, error) { return d.reach(ctx, network, addr) })
}

func (d *dialer) dialTLS(ctx context.Context, network, addr string) (net.Conn, error) {
	return d.unhurried(ctx, func(ctx context.Context) (net.Conn, error) { return d.secure(ctx, network, addr) })
}

// unhurried connects, and once more where the deadline was noticed late: the
// process was stopped, which says nothing about the server.
func (d *dialer) unhurried(ctx context.Context, connect connector) (net.Conn, error) {
	began := time.Now()
	conn, err := d.inTime(ctx, connect)
	if err != nil && time.Since(began) > d.timeout+alarm.Late {
		return d.inTime(ctx, connect)
	}
	return conn, err
}

// inTime connects until the attempt that caused the dial ends (S10), or D1.
func (d *dialer) inTime(ctx context.Context, connect connector) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, d.timeout)
	defer cancel()
	if attempt, ok := ctx.Value(RequestKey{}).(context.Context); ok {
		defer context.AfterFunc(attempt, cancel)()
	}
	return connect(ctx)
}

// reach connects to addr, through the tunnel where there is one.
func (d *dialer) reach(ctx context.Context, network, addr string) (conn net.Conn, err error) {
	if d.proxy != nil {
		conn, err = d.tunnel(ctx, addr)
	} else {
		conn, err = d.DialContext(ctx, network, addr)
	}
	if err != nil {
		return nil, d.connectError(ctx, addr, err)
	}
	return conn, nil
}

// secure connects to addr by TLS.
func (d *dialer) secure(ctx context.Context, network, addr string) (net.Conn, error) {
	raw, err := d.reach(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	cfg := d.tls.Clone()
	cfg.RootCAs = d.roots().pool
	if cfg.ServerName, _, err = net.SplitHostPort(addr); err != nil {
		cfg.ServerName = addr
	}
	conn := tls.Client(raw, cfg)
	if err := conn.HandshakeContext(ctx); err != nil {
		_ = raw.Close() // the handshake's error is what matters
		return nil, d.connectError(ctx, addr, d.advise(err))
	}
	return conn, nil
}

// connectError says that it was the connection that failed, and for which
// address. Where the attempt that caused the dial has ended, its end is the
// error, as it is where the transport notices that end before the dial does.
func (d *dialer) connectError(ctx context.Context, addr string, err error) error {
	if attempt, ok := ctx.Value(RequestKey{}).(context.Context); ok && attempt.Err() != nil {
		return context.Cause(attempt)
	}
	if ctx.Err() == context.DeadlineExceeded {
		return &llm.Error{Code: llm.Unavailable, Message: fmt.Sprintf("no connection to %s within %v (connect_timeout)", addr, llm.Seconds(d.timeout)), Cause: err}
	}
	e := &llm.Error{Code: llm.Unavailable, Message: fmt.Sprintf("cannot connect to %s: %v", addr, err), Cause: err}
	switch unknown := (*net.DNSError)(nil); {
	case d.credentials:
	case errors.Is(err, syscall.ECONNREFUSED) && strings.HasPrefix(err.Error(), "dial "): // else the proxy does
		e.Message += "; nothing listens there: start the server, or correct base_url"
	case errors.As(err, &unknown) && unknown.IsNotFound && strings.HasPrefix(addr, unknown.Name+":"): // else the proxy's
		e.Message += `; check the host's name (it is made of "base_url", "region" or "location"), and this machine's DNS`
	}
	if errors.Is(err, errUnknownUser) {
		e.ShouldRetry = new(bool)
	}
	return e
}

// DialContext opens a TCP connection. Whoever wants to know is told of its
// socket before it connects: a process that forks meanwhile must not keep it.
func (d *dialer) DialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	var plain net.Dialer
	if d.onSocket != nil {
		plain.Control = func(_, _ string, raw syscall.RawConn) error {
			return raw.Control(func(fd uintptr) { d.onSocket(fd, true) })
		}
	}
	conn, err := plain.DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		return conn, nil
	}
	w := &watchedConn{TCPConn: tcp, of: d.sockets}
	if d.onSocket != nil {
		if raw, err := tcp.SyscallConn(); err == nil && raw.Control(func(fd uintptr) { w.fd = fd }) == nil {
			w.told = d.onSocket
		}
	}
	d.sockets.Store(w, nil)
	return w, nil
}

type watchedConn struct {
	*net.TCPConn
	fd   uintptr
	once sync.Once
	told func(fd uintptr, open bool) // may be nil
	of   *sockets
}

// Write takes what a connection that the server has closed does not: the reader
// tells what became of it, after the answer that may have arrived before. A
// server that refuses a large request answers (413, 401) and closes, without
// reading all of it.
func (w *watchedConn) Write(p []byte) (int, error) {
	n, err := w.TCPConn.Write(p)
	if errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) {
		return len(p), nil
	}
	return n, err
}

// ReadFrom is Write for what the transport copies.
func (w *watchedConn) ReadFrom(r io.Reader) (int64, error) {
	return io.Copy(struct{ io.Writer }{w}, r)
}

// Close tells first: afterwards the number may belong to somebody else. The
// server hears the end also where a process that was forked between the making
// of the socket and its note has a copy.
func (w *watchedConn) Close() error {
	w.once.Do(func() {
		if w.told != nil {
			_ = w.CloseWrite() // fails where the connection is broken already
			w.told(w.fd, false)
		}
		w.of.Delete(w)
	})
	return w.TCPConn.Close()
}

// sockets are the connections of a pool that are open, as keys. The transport
// leaves some open for a while, after it was told to close what is idle.
type sockets struct{ sync.Map }

func (s *sockets) close() {
	s.Range(func(w, _ any) bool {
		_ = w.(*watchedConn).Close() // nothing more is wanted from it
		return true
	})
}

var _ syscall.Conn = (*watchedConn)(nil)
