// Package valkey is the store of a fleet in Valkey or Redis, over
// github.com/valkey-io/valkey-go: one server, a cluster, or sentinels.
//
// Importing it lets configurations have "fleet"; it is part of the C library
// that is built with the tag "fleet". It imports config, fleet and llm.
package valkey

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/valkey-io/valkey-go"

	"github.com/llmagg/llmagg/core/config"
	"github.com/llmagg/llmagg/core/fleet"
	"github.com/llmagg/llmagg/core/internal/shown"
	"github.com/llmagg/llmagg/core/llm"
)

func init() { fleet.Register(Opener) }

// Opener gives what connects the store of a configuration; it connects nothing
// itself. The error is INVALID_ARGUMENT.
func Opener(c config.Fleet) (func(context.Context) (fleet.Store, error), error) {
	o, err := options(c)
	if err != nil {
		return nil, err
	}
	name := cmp.Or(c.Name, "default")
	return func(ctx context.Context) (fleet.Store, error) { return open(ctx, o, name) }, nil
}

// Open connects the store at url.
func Open(ctx context.Context, c config.Fleet) (fleet.Store, error) {
	opener, err := Opener(c)
	if err != nil {
		return nil, err
	}
	return opener(ctx)
}

const schemes = "expected valkey://, redis://, or with TLS valkeys://, rediss://, then host:port"

// options reads a configuration.
func options(c config.Fleet) (o valkey.ClientOption, err error) {
	refuse := func(format string, args ...any) (valkey.ClientOption, error) {
		return o, llm.Errorf(llm.InvalidArgument, "fleet: "+format, args...)
	}
	scheme, rest, found := strings.Cut(c.URL, "://")
	secure := scheme == "valkeys" || scheme == "rediss"
	if !found || !secure && scheme != "valkey" && scheme != "redis" {
		return refuse("url is no URL of a store; %s", schemes) // it may hold a password: not repeated
	}
	// Several hosts are more than net/url reads.
	at := strings.LastIndexByte(rest, '@')
	end := strings.IndexAny(rest[at+1:], "/?")
	if end < 0 {
		end = len(rest[at+1:])
	}
	hosts, tail := rest[at+1:at+1+end], rest[at+1+end:]
	u, bad := url.Parse(scheme + "://" + rest[:at+1] + "host" + tail)
	if bad != nil || hosts == "" {
		return refuse("url cannot be read; %s", schemes)
	}
	if path := strings.Trim(u.Path, "/"); path != "" && path != "0" {
		return refuse("url has the path %s; a fleet has no database number, give it a name of its own instead", shown.Name(path))
	}
	for i, host := range strings.Split(hosts, ",") {
		address, ok := addressOf(host)
		if !ok { // it may be a password: not repeated
			return refuse("url has no address as its host %d; expected a name or an IP address, and a port from 1 to 65535", i+1)
		}
		o.InitAddress = append(o.InitAddress, address)
	}
	var odd string
	if o.Sentinel.MasterSet, odd = sentinel(u.RawQuery); odd != "" {
		return refuse("url has the parameter %s; expected none but one sentinel=NAME", shown.Name(odd))
	}
	if u.Fragment != "" {
		return refuse("url has a # behind its hosts; %s", schemes)
	}
	if o.Username, o.Password, err = whoIs(c, u.User); err != nil {
		return o, err
	}
	if secure {
		o.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12}
		o.TLSConfig.ServerName, _, _ = net.SplitHostPort(o.InitAddress[0])
	}
	if c.CAFile != "" {
		if !secure {
			return refuse("ca_file needs a url that begins with valkeys:// or rediss://")
		}
		if o.TLSConfig.RootCAs, err = rootsIn(c.CAFile); err != nil {
			return refuse("ca_file %v", err)
		}
	}
	tune(&o)
	return o, nil
}

// rootsIn reads a file of root certificates.
func rootsIn(path string) (*x509.CertPool, error) {
	pem, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("cannot be read: %s", shown.File(err))
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, errors.New(`has no certificates; expected a file of certificates in PEM, as "-----BEGIN CERTIFICATE-----"`)
	}
	return roots, nil
}

// sentinel is the value of a query's only parameter, "" without one; odd is the
// name of one that may not be there.
func sentinel(query string) (name, odd string) {
	for item := range strings.SplitSeq(query, "&") {
		key, value, _ := strings.Cut(item, "=")
		value, err := url.QueryUnescape(value)
		if item != "" && (key != "sentinel" || err != nil || value == "" || name != "") {
			return "", cmp.Or(key, item)
		}
		name = cmp.Or(value, name)
	}
	return name, ""
}

// addressOf is a host and its port, 6379 without one.
func addressOf(text string) (string, bool) {
	host, port, err := net.SplitHostPort(text)
	if err != nil {
		host, port = text, "6379"
		if inner, ok := strings.CutPrefix(text, "["); ok && strings.HasSuffix(inner, "]") {
			host = inner[:len(inner)-1]
		}
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return "", false
	}
	if _, err := netip.ParseAddr(host); err != nil {
		odd := func(r rune) bool {
			return r < 128 && !strings.ContainsRune("-._", r) && !('0' <= r && r <= '9' || 'a' <= r|0x20 && r|0x20 <= 'z')
		}
		if host == "" || strings.ContainsFunc(host, odd) {
			return "", false
		}
	}
	return net.JoinHostPort(host, port), true
}

// whoIs is the user and the password, which stand in the URL or beside it.
func whoIs(c config.Fleet, u *url.Userinfo) (user, password string, err error) {
	given, _ := u.Password()
	differ := func(a, b string) bool { return a != "" && b != "" && a != b }
	if differ(c.Username, u.Username()) || differ(c.Password, given) {
		return "", "", llm.Errorf(llm.InvalidArgument, "fleet: url has another user or password than \"username\" and \"password\" say; keep one of them")
	}
	return cmp.Or(u.Username(), c.Username), cmp.Or(given, c.Password), nil
}

// tune sets what suits a background that must never hang: one connection, small
// buffers, no retries of its own, no cache.
func tune(o *valkey.ClientOption) {
	o.DisableRetry, o.DisableCache = true, true
	o.PipelineMultiplex = -1
	o.ReadBufferEachConn, o.WriteBufferEachConn = 16<<10, 16<<10
	o.RingScaleEachConn = 8
	o.ConnWriteTimeout = 2 * time.Second // longer than a question may take
	o.Dialer.Timeout = answers           // once for the connection, once for the greeting
	o.BlockingPoolSize = 2
	o.ForceSingleClient = len(o.InitAddress) == 1 && o.Sentinel.MasterSet == ""
	if o.Sentinel.MasterSet != "" {
		o.Sentinel.TLSConfig, o.Sentinel.Dialer = o.TLSConfig, o.Dialer
	}
}
