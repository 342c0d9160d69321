// Package transport is how routes connect: a [Pool] of connections for each
// origin, made over TCP and TLS under one deadline (dial.go), directly or
// through a proxy (proxy.go says which, tunnel.go how), with the
// certificate authorities of roots.go. It knows nothing of what is sent; it
// imports core/llm for its errors.
package transport

import (
	"cmp"
	"context"
	"crypto/tls"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/llmagg/llmagg/core/llm"
)

// Options say where and how a route connects.
type Options struct {
	BaseURL        string        // its origin is what is connected to
	Proxy          string        // the URL of a proxy; "" for the environment's
	CAFile         string        // the authorities to trust; "" for the environment's
	ConnectTimeout time.Duration // for DNS, TCP, TLS and a proxy's part together (D1)
	HeaderBytes    int64         // the limit of an answer's headers (L1)

	// Getenv gives the environment's proxies and authorities; nil means none.
	Getenv func(name string) (string, bool)
	// OnSocket, if set, is called with the descriptor of each socket before it
	// connects and again before it is closed. It must return at once.
	OnSocket func(fd uintptr, open bool)
	// Credentials says that the server gives credentials: no base_url names it.
	Credentials bool
}

// A Pool holds the connections that routes with the same origin and the same
// options share. It closes its idle connections when the last route releases
// it.
type Pool struct {
	key   poolKey
	host  string // without the port
	port  int
	kept  atomic.Pointer[http.Transport] // connections are kept alive
	left  atomic.Pointer[http.Transport] // kept before: a request may just have chosen it
	fresh *http.Transport                // every request on a new connection (R6)
	deaf  atomic.Bool                    // a request on a kept connection met silence: see Next
	made  *sockets                       // all connections
	users int                            // guarded by pools.mu
	awake int                            // users that do not rest; guarded by pools.mu
	// background counts the goroutines of Go; each ends with life, which ends
	// when the pool closes, if not before.
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
	socket, credentials   bool
}

// pools are the process's connections.
var pools = struct {
	mu   sync.Mutex // guards open and the users of each pool
	open map[poolKey]*Pool
}{open: map[poolKey]*Pool{}}

// Borrow returns the pool of a route, and makes it if no other route has it.
// Nothing is connected yet. Whoever borrows a pool calls [Pool.Release]. Errors
// are INVALID_ARGUMENT.
func Borrow(o Options) (*Pool, error) {
	u, err := url.Parse(o.BaseURL)
	if err != nil {
		return nil, llm.Errorf(llm.InvalidArgument, "base_url: %v", err)
	}
	proxy := readProxyEnvironment(o.Getenv)
	key := poolKey{origin: u.Scheme + "://" + u.Host, proxy: o.Proxy, caFile: o.CAFile, environment: proxy,
		certificates: readCertEnvironment(o.Getenv), connect: o.ConnectTimeout, headerBytes: o.HeaderBytes, socket: o.OnSocket != nil, credentials: o.Credentials}
	pools.mu.Lock()
	defer pools.mu.Unlock()
	if p := pools.open[key]; p != nil {
		p.users++
		p.awake++
		return p, nil
	}
	p := &Pool{key: key, users: 1, awake: 1, host: u.Hostname()}
	p.port, _ = strconv.Atoi(portOf(u)) // the configuration has checked it
	p.life, p.die = context.WithCancel(context.Background())
	kept, err := p.transport(o, u, proxy)
	if err != nil {
		return nil, err
	}
	p.kept.Store(kept)
	p.fresh = kept.Clone()
	p.fresh.DisableKeepAlives = true
	pools.open[key] = p
	return p, nil
}

// Origin is the scheme, host and port that the pool connects to.
func (p *Pool) Origin() string { return p.key.origin }

// Server is the host and the port of the origin.
func (p *Pool) Server() (host string, port int) { return p.host, p.port }

// portOf is the port of a URL, or that of its scheme.
func portOf(u *url.URL) string {
	return cmp.Or(u.Port(), map[string]string{"http": "80", "https": "443"}[u.Scheme])
}

// Kept sends requests on connections that are kept alive.
func (p *Pool) Kept() *http.Transport { return p.kept.Load() }

// Fresh sends each request on a new connection (R6).
func (p *Pool) Fresh() *http.Transport { return p.fresh }

// Own sends one request on a connection that no other request can join: where
// many wait, each new connection takes more of them than its server may.
func (p *Pool) Own() *http.Transport { return p.fresh.Clone() }

// Next is how the next request goes out. A dead connection that stays open is
// noticed by a PING within 20 s (HTTP/2) or by TCP; until then each request on
// it, or on the others that died with it, would wait for its whole timeout. So
// after a request that got no byte on a kept connection, the next request uses
// a new connection.
func (p *Pool) Next() *http.Transport {
	if p.deaf.Load() {
		return p.fresh
	}
	return p.Kept()
}

// Failed notes how a request ended without an answer on way; kept tells that
// its connection had been used before, and no byte came.
func (p *Pool) Failed(ctx context.Context, way *http.Transport, kept bool) {
	e, _ := context.Cause(ctx).(*llm.Error)
	switch {
	case e == nil || e.Code != llm.Timeout:
	case way == p.fresh:
		p.deaf.Store(false) // it was not the connection
	case kept && way == p.Kept():
		p.deaf.Store(true)
	}
}

// Answered notes that a request was answered: on a new connection, after
// silence on a kept one, it shows that the kept ones are no good. Those of
// HTTP/1 are closed; those of HTTP/2 are left: requests that wait on them may
// go on, and no other joins these.
func (p *Pool) Answered(way *http.Transport, protocol int) {
	if way != p.fresh || !p.deaf.CompareAndSwap(true, false) {
		return
	}
	old := p.Kept()
	if protocol == 2 {
		p.kept.Store(old.Clone())
		p.left.Store(old)
	}
	old.CloseIdleConnections()
}

// closeIdle closes the connections that no request uses.
func (p *Pool) closeIdle() {
	p.Kept().CloseIdleConnections()
	if left := p.left.Load(); left != nil {
		left.CloseIdleConnections()
	}
}

// Rest says that this user needs no idle connections for now; when all users
// rest, they are closed.
func (p *Pool) Rest() {
	pools.mu.Lock()
	p.awake--
	idle := p.awake == 0
	pools.mu.Unlock()
	if idle {
		p.closeIdle()
	}
}

// Wake ends a rest.
func (p *Pool) Wake() {
	pools.mu.Lock()
	defer pools.mu.Unlock()
	p.awake++
}

// Go runs work in a goroutine of its own. The pool waits for it when it closes,
// and calls stop then to make it end.
func (p *Pool) Go(work, stop func()) {
	unwatch := context.AfterFunc(p.life, stop)
	p.background.Go(func() {
		defer unwatch()
		work()
	})
}

// Release gives a borrowed pool back; its user does not rest.
func (p *Pool) Release() {
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
		p.closeIdle()
		p.fresh.CloseIdleConnections()
		p.made.close() // also those of HTTP/2 whose last stream is still being cancelled
	}
}

func (p *Pool) transport(o Options, origin *url.URL, env proxyEnvironment) (*http.Transport, error) {
	roots, err := authoritiesOf(o.CAFile, p.key.certificates)
	if err != nil {
		return nil, err
	}
	via, from := env.pick()(origin), "the environment's proxy for "+origin.Scheme // all requests of a pool go to one origin, hence by one way
	if o.Proxy != "" {
		if via, err = url.Parse(o.Proxy); err != nil || via.Host == "" {
			return nil, llm.Errorf(llm.InvalidArgument, "proxy is not a URL; expected something like http://host:port")
		}
		from = "proxy"
	} else {
		text := env.http
		if origin.Scheme == "https" {
			text = env.https
		}
		// A text that is no proxy, of which pick gives none or the scheme as a
		// host, is refused. Else requests would go around their proxy unsaid.
		if via == nil && text != "" && !directHosts(env.except).hold(origin) || via != nil && strings.HasSuffix(via.Host, ":") {
			via = new(url.URL)
		}
	}
	if err := checkProxy(via, from); err != nil {
		return nil, err
	}
	p.made = new(sockets)
	d := &dialer{sockets: p.made, timeout: o.ConnectTimeout, onSocket: o.OnSocket, roots: roots, credentials: o.Credentials,
		tls: &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}}}
	switch {
	case tunnels(origin, via):
		d.proxy, via = via, nil
	case via != nil:
		d.tls.NextProtos = nil // HTTP/1.1, in which proxies are asked
	}
	return &http.Transport{
		Proxy:                  proxyOf(via),
		DialContext:            d.dial,
		DialTLSContext:         d.dialTLS,
		TLSClientConfig:        d.tls.Clone(),
		ForceAttemptHTTP2:      true,
		MaxIdleConns:           0,
		MaxIdleConnsPerHost:    math.MaxInt, // as many as were in flight at once: reuse under any concurrency
		IdleConnTimeout:        90 * time.Second,
		MaxResponseHeaderBytes: o.HeaderBytes,
		// A connection that died in silence is noticed before it is used again.
		HTTP2: &http.HTTP2Config{SendPingTimeout: 15 * time.Second, PingTimeout: 5 * time.Second},
	}, nil
}
