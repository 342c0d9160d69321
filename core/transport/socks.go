package transport

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"

	"golang.org/x/net/proxy"
)

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
