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
	"net"
	"net/url"
	"os"
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
		return refuse("url has the path %q; a fleet has no database number, give it a name of its own instead", u.Path)
	}
	for _, host := range strings.Split(hosts, ",") {
		if _, _, err := net.SplitHostPort(host); err != nil {
			host = net.JoinHostPort(strings.Trim(host, "[]"), "6379")
		}
		o.InitAddress = append(o.InitAddress, host)
	}
	for key, values := range u.Query() {
		if key != "sentinel" || values[0] == "" {
			return refuse("url has the parameter %q; expected none but sentinel=NAME", key)
		}
		o.Sentinel.MasterSet = values[0]
	}
	o.Username, o.Password = c.Username, c.Password
	if u.User != nil {
		o.Username = u.User.Username()
		o.Password, _ = u.User.Password()
	}
	if secure {
		o.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12}
		o.TLSConfig.ServerName, _, _ = net.SplitHostPort(o.InitAddress[0])
	}
	if c.CAFile != "" {
		pem, err := os.ReadFile(c.CAFile)
		if err != nil {
			return refuse("ca_file cannot be read: %s", shown.File(err))
		}
		roots := x509.NewCertPool()
		if !secure || !roots.AppendCertsFromPEM(pem) {
			return refuse("ca_file needs a url that begins with valkeys:// or rediss://, and holds certificates in PEM")
		}
		o.TLSConfig.RootCAs = roots
	}
	tune(&o)
	return o, nil
}

// tune sets what suits a background that must never hang: one connection, small
// buffers, no retries of its own, no cache.
func tune(o *valkey.ClientOption) {
	o.DisableRetry, o.DisableCache = true, true
	o.PipelineMultiplex = -1
	o.ReadBufferEachConn, o.WriteBufferEachConn = 16<<10, 16<<10
	o.RingScaleEachConn = 8
	o.ConnWriteTimeout = 2 * time.Second // longer than a question may take
	o.Dialer.Timeout = time.Second
	o.BlockingPoolSize = 2
	o.ForceSingleClient = len(o.InitAddress) == 1 && o.Sentinel.MasterSet == ""
	if o.Sentinel.MasterSet != "" {
		o.Sentinel.TLSConfig, o.Sentinel.Dialer = o.TLSConfig, o.Dialer
	}
}
