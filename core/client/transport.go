package client

import (
	"context"
	"crypto/tls"
	"fmt"
	"math"
	"net"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/llmagg/llmagg/core/llm"
)

// A pool is the connections that routes with the same way of connecting
// share. It closes its idle connections when the last route lets go of it.
type pool struct {
	key   poolKey
	kept  *http.Transport // connections are kept alive
	fresh *http.Transport // every request on a new connection (R6)
	deaf  atomic.Bool     // a request on a kept connection met silence: see way
	users int             // guarded by pools.mu
	awake int             // users that do not rest; guarded by pools.mu
	// background counts the goroutines that read complete streams aside; each
	// ends by itself within a second, or with life, which ends when the pool closes.
	background sync.WaitGroup
	life       context.Context
	die        context.CancelFunc
}

type poolKey struct {
	origin, proxy, caFile string
	environment           proxyEnvironment
	certificates          certEnvironment
	connect               time.Duration
	headerBytes           int64
	socket                bool
}

// pools are the process's connections.
var pools = struct {
	mu   sync.Mutex // guards open and the users of each pool
	open map[poolKey]*pool
}{open: map[poolKey]*pool{}}

func borrowTransport(cfg llm.ModelConfig, o Options) (*pool, error) {
	u, err := url.Parse(cfg.BaseURL)
	if err != nil {
		return nil, llm.Errorf(llm.InvalidArgument, "base_url: %v", err)
	}
	proxy := readProxyEnvironment(o.Getenv)
	key := poolKey{origin: u.Scheme + "://" + u.Host, proxy: cfg.Proxy, caFile: cfg.CAFile,
		environment: proxy, certificates: readCertEnvironment(o.Getenv), connect: cfg.ConnectTimeout, headerBytes: cfg.Limits.HeaderBytes, socket: o.OnSocket != nil}
	pools.mu.Lock()
	defer pools.mu.Unlock()
	if p := pools.open[key]; p != nil {
		p.users++
		p.awake++
		return p, nil
	}
	p := &pool{key: key, users: 1, awake: 1}
	p.life, p.die = context.WithCancel(context.Background())
	if p.kept, err = p.transport(cfg, u, proxy, o.OnSocket); err != nil {
		return nil, err
	}
	p.fresh = p.kept.Clone()
	p.fresh.DisableKeepAlives = true
	pools.open[key] = p
	return p, nil
}

// way is how the next request goes out. A connection that stays open and goes deaf is noticed by a
// PING within 20 s (HTTP/2) or by TCP; until then each request on it would wait for its whole
// timeout. So after one that met nothing but silence on a kept connection, the next one goes out
// on a new connection.
func (p *pool) way() *http.Transport {
	if p.deaf.Load() {
		return p.fresh
	}
	return p.kept
}

// failed notes how a request ended without an answer on way; kept tells that its connection had
// been used before and is still open: that of HTTP/2, since HTTP/1 ends with its request.
func (p *pool) failed(ctx context.Context, way *http.Transport, kept bool) {
	e, _ := context.Cause(ctx).(*llm.Error)
	switch {
	case e == nil || e.Code != llm.Timeout:
	case way == p.fresh:
		p.deaf.Store(false) // it was not the connection
	case kept:
		p.deaf.Store(true)
	}
}

// answered notes that a request was answered: on a new connection, after silence on a kept one,
// it shows that the kept ones are no good.
func (p *pool) answered(way *http.Transport) {
	if way == p.fresh && p.deaf.CompareAndSwap(true, false) {
		p.kept.CloseIdleConnections()
	}
}

// rest is one user's word that it needs no idle connections for now; the last
// user's closes them.
func (p *pool) rest() {
	pools.mu.Lock()
	p.awake--
	idle := p.awake == 0
	pools.mu.Unlock()
	if idle {
		p.kept.CloseIdleConnections()
	}
}

// wake takes a rest back.
func (p *pool) wake() {
	pools.mu.Lock()
	defer pools.mu.Unlock()
	p.awake++
}

// give lets go of a borrowed pool, by a user that does not rest.
func (p *pool) give() {
	pools.mu.Lock()
	p.users--
	p.awake--
	last := p.users == 0
	if last {
		delete(pools.open, p.key)
	}
	pools.mu.Unlock()
	if last {
		p.die()
		p.background.Wait()
		p.kept.CloseIdleConnections()
		p.fresh.CloseIdleConnections()
	}
}

func (p *pool) transport(cfg llm.ModelConfig, origin *url.URL, env proxyEnvironment, onSocket func(uintptr, bool)) (*http.Transport, error) {
	roots, err := authoritiesOf(cfg.CAFile, p.key.certificates)
	if err != nil {
		return nil, err
	}
	via, from := env.pick()(origin), "the environment's proxy for "+origin.Scheme // all requests of a pool go to one origin, hence by one way
	if cfg.Proxy != "" {
		if via, err = url.Parse(cfg.Proxy); err != nil || via.Host == "" {
			return nil, llm.Errorf(llm.InvalidArgument, "proxy is not a URL; expected something like http://host:port")
		}
		from = "proxy"
	}
	if err := checkProxy(via, from); err != nil {
		return nil, err
	}
	d := &dialer{timeout: cfg.ConnectTimeout, onSocket: onSocket, roots: roots,
		tls: &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}}}
	switch {
	case tunnels(origin, via):
		d.proxy, via = via, nil
	case via != nil:
		d.tls.NextProtos = nil // HTTP/1.1, in which proxies are asked
	}
	return &http.Transport{
		Proxy:                  http.ProxyURL(via),
		DialContext:            d.dial,
		DialTLSContext:         d.dialTLS,
		TLSClientConfig:        d.tls.Clone(),
		ForceAttemptHTTP2:      true,
		MaxIdleConns:           0,
		MaxIdleConnsPerHost:    math.MaxInt, // as many as were in flight at once: reuse under any concurrency
		IdleConnTimeout:        90 * time.Second,
		MaxResponseHeaderBytes: cfg.Limits.HeaderBytes,
		// A connection that died in silence is noticed before it is used again.
		HTTP2: &http.HTTP2Config{SendPingTimeout: 15 * time.Second, PingTimeout: 5 * time.Second},
	}, nil
}

// dialer connects within one deadline for DNS, TCP and TLS together, and a
// proxy's part in them (D1).
type dialer struct {
	timeout  time.Duration
	tls      *tls.Config // without the authorities
	roots    func() authorities
	proxy    *url.URL // to which a tunnel is asked for; nil for none
	onSocket func(fd uintptr, open bool)
}

// connecting is the context of a dial: it ends with the attempt that caused it
// (S10), or at D1.
func (d *dialer) connecting(ctx context.Context) (inner context.Context, stop func()) {
	ctx, cancel := context.WithTimeout(ctx, d.timeout)
	attempt, ok := ctx.Value(attemptKey{}).(context.Context)
	if !ok {
		return ctx, cancel
	}
	unwatch := context.AfterFunc(attempt, cancel)
	return ctx, func() { unwatch(); cancel() }
}

func (d *dialer) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	return d.unhurried(func() (net.Conn, error) { return d.dialOnce(ctx, network, addr) })
}

func (d *dialer) dialTLS(ctx context.Context, network, addr string) (net.Conn, error) {
	return d.unhurried(func() (net.Conn, error) { return d.dialTLSOnce(ctx, network, addr) })
}

// unhurried connects, and once more where the deadline was noticed late: the
// process was stopped, and says nothing of the server.
func (d *dialer) unhurried(connect func() (net.Conn, error)) (net.Conn, error) {
	began := time.Now()
	conn, err := connect()
	if err != nil && time.Since(began) > d.timeout+Late {
		return connect()
	}
	return conn, err
}

func (d *dialer) dialOnce(ctx context.Context, network, addr string) (net.Conn, error) {
	ctx, stop := d.connecting(ctx)
	defer stop()
	return d.reach(ctx, network, addr)
}

// reach connects to addr, through the tunnel where there is one.
func (d *dialer) reach(ctx context.Context, network, addr string) (conn net.Conn, err error) {
	if d.proxy != nil {
		conn, err = d.tunnel(ctx, addr)
	} else {
		conn, err = d.DialContext(ctx, network, addr)
	}
	if err != nil {
		return nil, connectError(ctx, d.timeout, addr, err)
	}
	return conn, nil
}

func (d *dialer) dialTLSOnce(ctx context.Context, network, addr string) (net.Conn, error) {
	ctx, stop := d.connecting(ctx)
	defer stop()
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
		return nil, connectError(ctx, d.timeout, addr, d.advise(err))
	}
	return conn, nil
}

// connectError says that it was the connection that failed, and for which
// address.
func connectError(ctx context.Context, timeout time.Duration, addr string, err error) error {
	if ctx.Err() == context.DeadlineExceeded {
		return &llm.Error{Code: llm.Unavailable, Message: fmt.Sprintf("no connection to %s within %v (connect_timeout)", addr, timeout), Cause: err}
	}
	return &llm.Error{Code: llm.Unavailable, Message: fmt.Sprintf("cannot connect to %s: %v", addr, err), Cause: err}
}

// DialContext opens a TCP connection. Whoever wants to know is told of its socket
// before it connects: a process that forks meanwhile must not keep it.
func (d *dialer) DialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	var plain net.Dialer
	if d.onSocket == nil {
		return plain.DialContext(ctx, network, addr)
	}
	plain.Control = func(_, _ string, raw syscall.RawConn) error {
		return raw.Control(func(fd uintptr) { d.onSocket(fd, true) })
	}
	conn, err := plain.DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		return conn, nil
	}
	w := &watchedConn{TCPConn: tcp, told: d.onSocket}
	raw, err := tcp.SyscallConn()
	if err != nil || raw.Control(func(fd uintptr) { w.fd = fd }) != nil {
		return conn, nil
	}
	return w, nil
}

type watchedConn struct {
	*net.TCPConn
	fd   uintptr
	once sync.Once
	told func(fd uintptr, open bool)
}

// Close tells first: afterwards the number may belong to somebody else. The
// server hears the end also where a process that was forked between the making
// of the socket and its note has a copy.
func (w *watchedConn) Close() error {
	w.once.Do(func() {
		_ = w.CloseWrite() // fails where the connection is broken already
		w.told(w.fd, false)
	})
	return w.TCPConn.Close()
}

var _ syscall.Conn = (*watchedConn)(nil)
