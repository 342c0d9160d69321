package transport

import (
	"bufio"
	"cmp"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/net/proxy"
)

// A way to an origin leads through a tunnel where its proxy speaks SOCKS, or
// where TLS has to pass an HTTP proxy. The dialer makes tunnels itself: the
// transport's own CONNECT has a minute of its own and goes on when its request
// is cancelled, whereas D1 bounds all of a connection together and S10 ends it.

// maxConnectHeader bounds a proxy's answer to CONNECT, in bytes.
const maxConnectHeader = 64 << 10

// tunnels tells whether requests to origin go through p by a tunnel.
func tunnels(origin, p *url.URL) bool {
	return p != nil && (origin.Scheme == "https" || isSOCKS(p))
}

func isSOCKS(p *url.URL) bool { return p.Scheme == "socks5" || p.Scheme == "socks5h" }

// proxyHost is the proxy's host and port.
func proxyHost(p *url.URL) string {
	port := cmp.Or(p.Port(), map[string]string{"https": "443", "socks5": "1080", "socks5h": "1080"}[p.Scheme], "80")
	return net.JoinHostPort(p.Hostname(), port)
}

// tunnel connects to addr through the proxy.
func (d *dialer) tunnel(ctx context.Context, addr string) (net.Conn, error) {
	conn, err := d.DialContext(ctx, "tcp", proxyHost(d.proxy))
	if err == nil {
		conn, err = d.ask(ctx, conn, addr)
	}
	if err != nil {
		return nil, fmt.Errorf("proxy %s: %w", proxyHost(d.proxy), err)
	}
	return conn, nil
}

// ask asks the proxy at the other end of conn for a tunnel to addr; conn is
// closed where that fails.
func (d *dialer) ask(ctx context.Context, conn net.Conn, addr string) (_ net.Conn, err error) {
	if isSOCKS(d.proxy) {
		return socksTunnel(ctx, conn, d.proxy, addr)
	}
	defer func() {
		if err != nil {
			_ = conn.Close() // err is what matters
		}
	}()
	if d.proxy.Scheme == "https" {
		cfg := d.tls.Clone()
		cfg.RootCAs, cfg.ServerName, cfg.NextProtos = d.roots().pool, d.proxy.Hostname(), nil
		secure := tls.Client(conn, cfg)
		if err := secure.HandshakeContext(ctx); err != nil {
			return nil, d.advise(err)
		}
		conn = secure
	}
	// Reads and writes end with ctx by a deadline in the past.
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	err = connectTunnel(conn, d.proxy.User, addr)
	if !stop() && err == nil {
		err = context.Cause(ctx) // the deadline in the past is set, or about to be
	}
	return conn, err
}

// errUnknownUser says that the proxy wants to know who asks; asking again does
// not change that.
var errUnknownUser = errors.New("expected the user:password that the proxy accepts in its URL")

// connectTunnel asks an HTTP proxy by CONNECT. Nothing comes behind its answer
// before our first word: in TLS the client speaks first.
func connectTunnel(conn io.ReadWriter, user *url.Userinfo, addr string) error {
	req := &http.Request{Method: http.MethodConnect, URL: &url.URL{Opaque: addr}, Host: addr, Header: http.Header{}}
	if user != nil {
		password, _ := user.Password()
		req.Header.Set("Proxy-Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(user.Username()+":"+password)))
	}
	if err := req.Write(conn); err != nil {
		return err
	}
	resp, err := http.ReadResponse(bufio.NewReader(io.LimitReader(conn, maxConnectHeader)), req)
	if err != nil {
		return err
	}
	switch {
	case resp.StatusCode == http.StatusProxyAuthRequired:
		return fmt.Errorf("CONNECT was answered with HTTP %s; %w", resp.Status, errUnknownUser)
	case resp.StatusCode/100 != 2:
		return fmt.Errorf("CONNECT was answered with HTTP %s", resp.Status)
	}
	return nil
}

// SOCKS 5 is golang.org/x/net/proxy's, which costs 33 KB of the shared library;
// net/http has a copy of its own that nobody else can use.

// socksTunnel asks the SOCKS 5 proxy at the other end of conn for a tunnel to
// addr, whose name the proxy looks up. conn is closed where that fails.
func socksTunnel(ctx context.Context, conn net.Conn, p *url.URL, addr string) (net.Conn, error) {
	var user *proxy.Auth
	if p.User != nil {
		password, _ := p.User.Password()
		user = &proxy.Auth{User: p.User.Username(), Password: password}
	}
	socks, err := proxy.SOCKS5("tcp", proxyHost(p), user, connected{conn})
	if err != nil {
		return nil, err
	}
	through, err := socks.(proxy.ContextDialer).DialContext(ctx, "tcp", addr)
	if err == nil {
		return through, nil
	}
	var operation *net.OpError
	if errors.As(err, &operation) && strings.HasPrefix(operation.Op, "socks") {
		err = operation.Err // the caller says which proxy
	}
	if user == nil && strings.Contains(err.Error(), "no acceptable authentication methods") {
		err = fmt.Errorf("%w; expected user:password in the proxy's URL", err)
	}
	return nil, fmt.Errorf("SOCKS: %w", err)
}

// connected is a dialer that has its connection already.
type connected struct{ net.Conn }

func (c connected) Dial(string, string) (net.Conn, error) { return c.Conn, nil }

func (c connected) DialContext(context.Context, string, string) (net.Conn, error) { return c.Conn, nil }
