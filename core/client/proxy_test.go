package client

import (
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/http/httpproxy"
)

// viaLibrary is what golang.org/x/net/http/httpproxy says of the same environment.
func viaLibrary(t *testing.T, e proxyEnvironment, to *url.URL) *url.URL {
	t.Helper()
	c := httpproxy.Config{HTTPProxy: e.http, HTTPSProxy: e.https, NoProxy: e.except}
	proxy, err := c.ProxyFunc()(to)
	require.NoError(t, err)
	return proxy
}

var (
	proxyLists = []string{"", "*", "a.example, *", "example.org", ".example.org", "*.example.org", "*example.org", "EXAMPLE.org ", " , ,",
		"example.org:8080", "example.org:443", ":80", "10.1.2.3", "10.1.2.3:80", "10.0.0.0/8", "10.9.9.9/8", "fe80::/10", "2001:db8::1",
		"[2001:db8::1]:443", "[2001:db8::1]", "org", ".", "*.", "10.1.2.3,example.org:1,a.example.org", "::ffff:10.1.2.3", "https://example.org"}
	proxyTargets = []string{"http://example.org", "https://example.org", "https://a.example.org/v1", "http://badexample.org:8080",
		"https://Example.ORG:8080", "http://localhost:1", "http://127.0.0.1:1", "https://127.9.9.9", "https://[::1]:2", "http://10.1.2.3",
		"https://10.1.2.3:8443", "https://[2001:db8::1]", "https://[fe80::1%25eth0]:9", "http://[::ffff:10.1.2.3]", "https://[::ffff:127.0.0.1]",
		"ftp://example.org", "http://", "https://*example.org", "https://a.b.c.d.example"}
	proxyValues = []string{"", "http://proxy:3128", "proxy:3128", "proxy", "socks5://user:pass@proxy", "https://proxy/", "::", "http://[", "%zz", "//", "http:"}
)

// The proxy of a URL is the one that golang.org/x/net says, for every pair of
// a list of exceptions and a target, and of a proxy's spelling and a target.
func TestProxyEnvironmentIsReadAsTheLibraryReadsIt(t *testing.T) {
	check := func(e proxyEnvironment) {
		for _, target := range proxyTargets {
			to, err := url.Parse(target)
			require.NoError(t, err)
			require.Equal(t, viaLibrary(t, e, to), e.pick()(to), "%+v, target %s", e, target)
		}
	}
	for _, list := range proxyLists {
		check(proxyEnvironment{http: "http://h:1", https: "http://s:2", except: list})
	}
	for _, value := range proxyValues {
		check(proxyEnvironment{http: value, https: value})
	}
}

// In a CGI program HTTP_PROXY is a request header, so it is not read (httpoxy).
func TestProxyEnvironmentNames(t *testing.T) {
	env := map[string]string{"HTTP_PROXY": "http://attacker", "HTTPS_PROXY": "http://s", "NO_PROXY": "a", "no_proxy": "b"}
	getenv := func(name string) (string, bool) { v, ok := env[name]; return v, ok }
	require.Equal(t, proxyEnvironment{https: "http://s", except: "b"}, readProxyEnvironment(getenv))
	env["http_proxy"] = "http://h"
	require.Equal(t, proxyEnvironment{http: "http://h", https: "http://s", except: "b"}, readProxyEnvironment(getenv))
	require.Zero(t, readProxyEnvironment(nil))
}

// No list and no target make it panic or differ from the library.
func FuzzProxyExceptions(f *testing.F) {
	for i, list := range proxyLists {
		f.Add(list, proxyTargets[i%len(proxyTargets)])
	}
	f.Fuzz(func(t *testing.T, list, target string) {
		to, err := url.Parse(target)
		if err != nil {
			return
		}
		e := proxyEnvironment{http: "http://h:1", https: "http://s:2", except: list}
		got := e.pick()(to)
		host := to.Hostname()
		if strings.ContainsAny(host, "[]") {
			return // no host has such a name; the library fails to split it from its port
		}
		if strings.ToLower(host) == host && strings.TrimSpace(host) == host && isASCII(list+host) {
			require.Equal(t, viaLibrary(t, e, to), got)
		}
	})
}

func isASCII(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r > 127 }) < 0
}
