package transport

import (
	"net/url"
	"strings"
	"testing"

	"github.com/llmagg/llmagg/core/llm"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/http/httpproxy"
)

// viaLibrary is what golang.org/x/net/http/httpproxy says of the same
// environment.
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
		"[2001:db8::1]:443", "org", ".", "*.", "10.1.2.3,example.org:1,a.example.org", "::ffff:10.1.2.3"}
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

// all_proxy stands in for what is not set, as curl, requests and httpx read it.
func TestAllProxy(t *testing.T) {
	for _, c := range []struct {
		env         map[string]string
		http, https string
	}{
		{map[string]string{"ALL_PROXY": "http://a:1"}, "http://a:1", "http://a:1"},
		{map[string]string{"all_proxy": "socks5h://a:1", "ALL_PROXY": "http://b"}, "socks5h://a:1", "socks5h://a:1"},
		{map[string]string{"all_proxy": "socks://a:1/"}, "socks5://a:1/", "socks5://a:1/"},
		{map[string]string{"all_proxy": "a:1", "https_proxy": "http://s"}, "http://a:1", "http://s"},
		{map[string]string{"all_proxy": "a:1", "HTTPS_PROXY": "http://s", "http_proxy": "http://h"}, "http://h", "http://s"},
		{map[string]string{"all_proxy": "", "ALL_PROXY": "b:2"}, "http://b:2", "http://b:2"},
	} {
		e := readProxyEnvironment(func(name string) (string, bool) { v, ok := c.env[name]; return v, ok })
		for scheme, want := range map[string]string{"http": c.http, "https": c.https} {
			via := e.pick()(&url.URL{Scheme: scheme, Host: "example.org"})
			require.Equal(t, want, via.String(), "%v", c.env)
		}
	}
}

// What others write into no_proxy, beyond what the library reads.
func TestProxyExceptionsThatOthersRead(t *testing.T) {
	for _, c := range []struct {
		list, target string
		direct       bool
	}{
		{"[fd00::1]", "http://[fd00::1]/v1", true},
		{"[fd00::1]", "http://[fd00::2]/v1", false},
		{"[fd00::1]:8080", "http://[fd00::1]:8080", true},
		{"[fd00::1]:8080", "http://[fd00::1]:8081", false},
		{"[fd00::]/8", "http://[fd00::1]", true},
		{"fd00::/8", "http://[fd00::1]", true},
		{"fe80::1%eth0", "http://[fe80::1%25eth0]", true},
		{"a.test b.test", "http://b.test", true},
		{"a.test,\tb.test\n", "http://b.test", true},
		{" , [::ffff:10.1.2.3] ", "http://10.1.2.3", true},
		{"https://a.test", "https://a.test", true},
		{"https://a.test", "http://a.test", false},
		{"all://a.test:81/", "http://a.test:81", true},
		{"*.test", "http://a.test", true},
		{"*.test", "http://test", false},
		{".test:80", "http://a.test", true},
		{"*", "http://[fd00::1]", true},
		{"[", "http://a.test", false},
		{"[]", "http://a.test", false},
		{"[]/8", "http://a.test", false},
	} {
		to, err := url.Parse(c.target)
		require.NoError(t, err)
		via := proxyEnvironment{http: "http://h:1", https: "http://s:2", except: c.list}.pick()(to)
		require.Equal(t, c.direct, via == nil, "%q, %s", c.list, c.target)
	}
}

// A proxy that cannot be spoken to is refused where the route is made; its
// password is not repeated.
func TestProxiesThatNobodySpeaksTo(t *testing.T) {
	for proxy, want := range map[string]string{"socks4://user:sesame@h:1": "socks4", "ftp://h": "ftp", "http://:3128": "no host"} {
		o := Options{BaseURL: "http://example.org/v1"}
		o.Getenv = func(name string) (string, bool) { return proxy, name == "all_proxy" }
		_, err := Borrow(o)
		require.ErrorContains(t, err, want)
		require.NotContains(t, err.Error(), "sesame")
		o.Getenv, o.Proxy = nil, proxy
		_, err = Borrow(o)
		require.ErrorContains(t, err, want)
		require.Equal(t, llm.InvalidArgument, llm.CodeOfError(err))
	}
}

// A variable that cannot be read is refused, too: requests would go around
// their proxy unsaid. Blanks around it, as files of variables have them, mean
// nothing.
func TestVariablesThatAreNoProxy(t *testing.T) {
	borrow := func(value, base string) (*Pool, error) {
		return Borrow(Options{BaseURL: base, Getenv: func(name string) (string, bool) { return value, name == "https_proxy" }})
	}
	for _, value := range []string{`"http://user:sesame@h:1"`, "http://user:ses ame@h:1", "http://[::1:3", "http://", "direct://", "a b"} {
		_, err := borrow(value, "https://example.org/v1")
		require.ErrorContains(t, err, "the environment's proxy for https has no host; expected something like http://host:port, without quotes or blanks", value)
		require.NotContains(t, err.Error(), "ame")
		pool, err := borrow(value, "https://127.0.0.1/v1")
		require.NoError(t, err, "a loopback address has no proxy")
		pool.Release()
	}
	for _, value := range []string{" http://h:1\r\n", "h:1 "} {
		require.Equal(t, "http://h:1", proxyAddress(readProxyEnvironment(func(name string) (string, bool) { return value, name == "all_proxy" }).https).String())
	}
	require.Zero(t, readProxyEnvironment(func(string) (string, bool) { return " ", true }))
}

// A key in the place of a proxy's URL, of its host or of its user is a secret.
func TestProxySecrets(t *testing.T) {
	const key = "sk-proj-Abc123Def456"
	for _, proxy := range []string{key, "http://" + key, key + ":8080", "socks5://" + key, key + "@h:1", "http://" + key + ":x@h:1", "http://x:" + key + "@h:1"} {
		require.Contains(t, ProxySecrets(proxy), key, proxy)
	}
	require.Empty(t, ProxySecrets("http://disk-1.example:3128"))
	require.Empty(t, ProxySecrets("task-proxy:3128"))
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
		if strings.ContainsAny(list, "[]%/ \t\n\v\f\r") {
			return // what is read beyond the library
		}
		if strings.ToLower(host) == host && strings.TrimSpace(host) == host && isASCII(list+host) {
			require.Equal(t, viaLibrary(t, e, to), got)
		}
	})
}

func isASCII(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r > 127 }) < 0
}
